"""Consents: who gives them, what they cover, how they end, and that their end travels (R28)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col

from services.referral.agencies.rules import Service
from services.referral.cases.models import Case
from services.referral.cases.recipients import RecipientClass, class_of, kept_from
from services.referral.cases.rules import Document, Representation
from services.referral.consents import rules
from services.referral.consents.codes import PURPOSE_OF, Assent, Form, Giver
from services.referral.consents.models import Consent, WithdrawalNotice
from services.referral.consents.rules import ConsentAction, ConsentState, NoticeAction, OverrideAction, Part
from services.referral.referrals.codes import FieldCode
from shared import clock
from shared.clocks.models import Clock
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import APPOINTED
from tests.unit.referral.consents_world import (
    LISTED,
    OFFICER,
    asked,
    consent_in,
    consented,
    disclosure,
    notice_to,
    shared,
    with_intake,
    withdrawn,
)
from tests.unit.referral.world import World, service_in, together

STANDING = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[World]:
    async with with_intake(one_world):
        yield one_world


# -- pure ------------------------------------------------------------------------------------------------

MACHINES = [
    (state, action)
    for states, actions in (
        (ConsentState, ConsentAction), (rules.NoticeState, NoticeAction), (rules.OverrideState, OverrideAction),
    )
    for state, action in product(states, actions)
]  # fmt: skip


@pytest.mark.parametrize(("state", "action"), MACHINES)
def test_every_cell_moves_or_refuses(state: rules.State, action: rules.Action) -> None:
    for part in Part:
        lawful = (state, action) in rules.TRANSITIONS and rules.WHO[action] is part
        assert (action.value in rules.allowed(state, {part})) == lawful
        if lawful:
            assert rules.move(state, action, {part}) is rules.TRANSITIONS[state, action]
            continue
        with pytest.raises(IllegalMove) as refused:
            rules.move(state, action, {part})
        assert refused.value.allowed_actions == rules.allowed(state, {part})


def test_who_represents_the_child_consents_and_of_age_the_person_alone() -> None:
    may, legal = rules.givers, Representation.LEGAL_REPRESENTATIVE
    assert may(Representation.PP_EN_SUPLENCIA, None, of_age=False) == {Giver.PP_EN_SUPLENCIA}
    assert may(legal, Document.COURT_ORDER, of_age=False) == {Giver.REPRESENTATIVE}
    assert may(legal, Document.PARENTAL_AUTHORITY, of_age=False) == {Giver.REPRESENTATIVE, Giver.PARENT}
    for kind in Representation:
        assert may(kind, None, of_age=True) == {Giver.CHILD}


@pytest.mark.parametrize("field", FieldCode)
def test_sensitive_fields_take_a_document(field: FieldCode) -> None:
    rules.check_form(Form.WRITTEN, [field])
    rules.check_form(Form.ELECTRONIC_SIGNATURE, [field])
    if rules.sensitivity(field) is not rules.Sensitivity.SENSITIVE:
        rules.check_form(Form.VERBAL, [field])
        return
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_form(Form.VERBAL, [field])
    assert refused.value.law is not None
    assert refused.value.law.source == "LGPDPPSO, art. 7, 15 and 16"


def test_a_childs_refusal_binds_and_a_person_of_age_must_agree() -> None:
    rules.check_assent(Assent.NOT_ABLE, Giver.REPRESENTATIVE)
    for assent, giver in ((Assent.REFUSED, Giver.PP_EN_SUPLENCIA), (Assent.NOT_ABLE, Giver.CHILD)):
        with pytest.raises(RefusedByLaw):
            rules.check_assent(assent, giver)


def test_every_service_has_a_purpose_and_every_field_a_group() -> None:
    assert PURPOSE_OF.keys() == set(Service)
    assert {rules.group_of(each) for each in FieldCode} == rules.GROUPS.keys()


def test_a_list_keeps_no_case_from_a_procuraduria_and_knows_classes() -> None:
    assert kept_from({"unicef"}, "unicef", "UNICEF")
    assert kept_from({"INTERNATIONAL"}, "iom", "IOM")
    assert not kept_from({"UNHCR"}, "iom", "IOM")
    assert not kept_from({"pp-chp", "AUTHORITIES"}, "pp-chp", "PP")
    assert class_of("CONSULATE") is RecipientClass.ABROAD
    assert class_of("NOBODY") is None


# -- giving ----------------------------------------------------------------------------------------------


async def test_a_consent_is_kept_with_its_proof_and_its_words_sealed(world: World) -> None:
    case = await world.channelled()
    made = await consented(world, case["id"], note="Dijo que sí, canarywords")
    assert (made["live"], made["note"], made["allowed_actions"]) == (True, "Dijo que sí, canarywords", [
        "narrow", "withdraw", "review",
    ])  # fmt: skip
    (row,) = await world.rows(Consent, col(Consent.case_id) == case["id"])
    assert b"canary" not in row.sealed_words
    (running,) = await world.rows(Clock, col(Clock.resource_id) == made["id"])
    assert (running.rule, running.agency) == ("CONSENT_REVIEW", "pp-chp")
    listed = await world.get("pp-chp", f"/consents?case_id={case['id']}")
    assert [(each["id"], each["note"]) for each in listed["items"]] == [(made["id"], None)]
    await world.get("unicef", f"/consents/{made['id']}", 404)
    await world.get("inm-chp", f"/consents/{made['id']}", 403)
    await world.get("pp-tam", f"/consents/{made['id']}", 404, state="MX-TAM")


@STANDING
@pytest.mark.parametrize(
    ("changes", "rule", "instead"),
    [
        ({"given_by": "REPRESENTATIVE"}, "CONSENT-GIVER", ["PP_EN_SUPLENCIA"]),
        ({"given_by": "CHILD"}, "CONSENT-GIVER", ["PP_EN_SUPLENCIA"]),
        ({"assent": "REFUSED"}, "CHILD-ASSENTS", ["override"]),
        ({"form": "VERBAL", "fields": ["alerts.health"]}, "CONSENT-WRITTEN", ["WRITTEN", "ELECTRONIC_SIGNATURE"]),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "CONSENT-TERM", []),
    ],
)
async def test_an_unlawful_consent_is_refused(desk: World, changes: Any, rule: str, instead: list[str]) -> None:
    case = await _standing(desk)
    problem = (await desk.post("pp-chp", "/consents", consent_in(case["id"], **changes), 409)).json()
    assert (problem["code"], problem["rule"], problem["allowed_actions"]) == ("refused_by_law", rule, instead)


_CASES: dict[int, Any] = {}


async def _standing(world: World) -> Any:
    """Return one case for many requests that leave nothing behind."""
    if id(world.runtime) not in _CASES:
        _CASES[id(world.runtime)] = await world.channelled()
    return _CASES[id(world.runtime)]


@STANDING
@pytest.mark.parametrize(
    "changes", [{"agencies": []}, {"evidence_digest": None}, {"expires_at": "2001-01-01T00:00:00Z"},
                {"agencies": ["nobody-here"]}, {"fields": []}],
)  # fmt: skip
async def test_a_consent_without_what_makes_it_one_is_no_consent(desk: World, changes: Any) -> None:
    case = await _standing(desk)
    await desk.post("pp-chp", "/consents", consent_in(case["id"], **changes), 422)


@STANDING
async def test_a_representative_consents_once_appointed_and_the_dif_may_record_it(desk: World) -> None:
    case = await desk.channelled()
    await desk.post("dif-chp", "/consents", consent_in(case["id"]), 409)  # the Procuraduría's own to record
    await desk.post("pp-chp", f"/cases/{case['id']}/representation", APPOINTED | OFFICER, 201)
    refused = (await desk.post("pp-chp", "/consents", consent_in(case["id"]), 409)).json()
    assert "REPRESENTATIVE" in refused["allowed_actions"]
    made = (await desk.post("dif-chp", "/consents", consent_in(case["id"], given_by="REPRESENTATIVE"), 201)).json()
    await desk.get("dif-chp", f"/consents/{made['id']}")
    await desk.get("pp-chp", f"/consents/{made['id']}")
    await desk.post("inm-chp", "/consents", consent_in(case["id"]), 403)


@STANDING
async def test_a_person_of_age_consents_alone(desk: World) -> None:
    case = await desk.channelled()
    async with desk.runtime.database.work() as session:
        row = await session.get(Case, case["id"])
        assert row is not None
        row.majority_month = "2020-01"
    await desk.post("pp-chp", "/consents", consent_in(case["id"]), 409)
    await desk.post("pp-chp", "/consents", consent_in(case["id"], given_by="CHILD"), 201)


# -- R28 where a referral is opened ----------------------------------------------------------------------


async def test_a_referral_on_consent_needs_one_that_covers_it(world: World) -> None:
    case = await world.channelled()

    async def opened(status: int, **more: Any) -> Any:
        body = service_in(case["id"], **{"lawful_basis": "CONSENT", "fields": LISTED} | more)
        return (await world.post("pp-chp", "/referrals", body, status)).json()

    refused = await opened(409)
    assert (refused["rule"], refused["allowed_actions"]) == ("R28", ["record_consent", "override"])
    assert "LGPDPPSO" in refused["source"]
    await consented(world, case["id"])
    await opened(201)
    await opened(409, recipient="iom")
    await opened(409, service="HEALTH")
    await opened(409, fields=[*LISTED, "alerts.health"])
    await opened(409, fields=None)
    await opened(201, fields=[*LISTED, "alerts.health"], lawful_basis="BEST_INTERESTS")


@STANDING
async def test_a_consent_covers_a_class_and_only_while_it_holds(desk: World) -> None:
    case = await desk.channelled()
    later = (clock.now() + timedelta(days=10)).isoformat()
    await consented(desk, case["id"], agencies=[], classes=["INTERNATIONAL"], valid_from=later)
    body = service_in(case["id"], "iom", lawful_basis="CONSENT", fields=LISTED)
    await desk.post("pp-chp", "/referrals", body, 409)
    with clock.at(clock.now() + timedelta(days=11)):
        await desk.post("pp-chp", "/referrals", body, 201)
        await desk.post("pp-chp", "/referrals", body | {"recipient": "unhcr"}, 409)
    with clock.at(clock.now() + timedelta(days=301)):
        await desk.post("pp-chp", "/referrals", body, 409)


# -- withdrawal ------------------------------------------------------------------------------------------


async def test_a_withdrawal_stops_at_once_and_travels_to_whoever_read(world: World) -> None:
    await world.register("unicef")
    async with with_intake(world):
        case, consent, referral = await shared(world)
        await disclosure(world, referral)
        gone = await withdrawn(world, consent, reason="FEAR_OF_HARM")
        refused = await disclosure(world, referral, status=409)
    assert (gone["state"], gone["live"], gone["allowed_actions"]) == ("WITHDRAWN", False, [])
    assert refused["rule"] == "R28"
    (notice,) = await notice_to(world, "unicef", case["id"])
    assert (notice["state"], notice["fields"], notice["referrals"]) == ("OPEN", sorted(LISTED), [referral["id"]])
    (event,) = [each for each in await world.sent("unicef") if each.type == "consent.withdrawn"]
    assert event.data == {"withdrawal_notice_id": notice["id"]}
    states = {each.rule: each.state for each in await world.rows(Clock, col(Clock.case_key) == case["id"])}
    assert (states["CONSENT_REVIEW"], states["WITHDRAWAL_ACK"]) == ("cancelled", "running")
    done = {"done": "ERASED", "officer": "u-1"}
    answered = await world.post("unicef", f"/withdrawals/{notice['id']}/acknowledge", done, 200)
    assert (answered.json()["state"], answered.json()["done"]) == ("ACKNOWLEDGED", "ERASED")
    again = (await world.post("unicef", f"/withdrawals/{notice['id']}/acknowledge", done, 409)).json()
    assert again["allowed_actions"] == []
    (running,) = await world.rows(Clock, col(Clock.resource_id) == notice["id"])
    assert running.state == "met"


@STANDING
async def test_who_never_read_is_told_nothing(desk: World) -> None:
    case, consent, _ = await shared(desk)
    await withdrawn(desk, consent)
    assert await notice_to(desk, "unicef", case["id"]) == []


@STANDING
async def test_what_is_kept_is_kept_by_an_article(desk: World) -> None:
    case, consent, referral = await shared(desk)
    await disclosure(desk, referral)
    await withdrawn(desk, consent)
    (notice,) = await notice_to(desk, "unicef", case["id"])
    path = f"/withdrawals/{notice['id']}/acknowledge"
    refused = (await desk.post("unicef", path, {"done": "KEPT_BY_LAW", "officer": "u-1"}, 409)).json()
    assert (refused["rule"], "ERASED" in refused["allowed_actions"]) == ("WITHDRAWAL-TRAVELS", True)
    await desk.post("iom", path, {"done": "ERASED", "officer": "u-1"}, 404)
    refused = (await desk.post("pp-chp", path, {"done": "ERASED", "officer": "u-1"}, 409)).json()
    assert (refused["code"], refused["allowed_actions"]) == ("illegal_move", [])
    kept = {"done": "KEPT_BY_LAW", "article": "LGA 11", "officer": "u-1"}
    assert (await desk.post("unicef", path, kept, 200)).json()["article"] == "LGA 11"


@STANDING
async def test_the_procuraduria_and_who_recorded_it_see_who_is_late(desk: World) -> None:
    case, consent, referral = await shared(desk)
    await disclosure(desk, referral)
    await withdrawn(desk, consent)
    late = f"/withdrawals?overdue=true&case_id={case['id']}"
    assert (await desk.get("pp-chp", late))["items"] == []
    with clock.at(clock.now() + timedelta(days=3, seconds=1)):
        (notice,) = (await desk.get("pp-chp", late))["items"]
        assert (notice["agency"], notice["overdue"], notice["allowed_actions"]) == ("unicef", True, [])
        assert (await desk.get("iom", late))["items"] == []
        await desk.post("unicef", f"/withdrawals/{notice['id']}/acknowledge", {"done": "BLOCKED", "officer": "u"}, 422)
        body = {"done": "BLOCKED", "officer": "u-1"}
        await desk.post("unicef", f"/withdrawals/{notice['id']}/acknowledge", body, 200)
        assert (await desk.get("pp-chp", late))["items"] == []


@STANDING
async def test_a_part_is_taken_back_and_the_rest_stands(desk: World) -> None:
    case, consent, referral = await shared(desk)
    await disclosure(desk, referral)
    cut = await withdrawn(desk, consent, fields=["identity.given_names"])
    assert (cut["state"], cut["live"], len(cut["withdrawals"])) == ("ACTIVE", True, 1)
    left = await disclosure(desk, referral)
    assert ([each["code"] for each in left["fields"]], left["not_shown"]) == (
        ["child.languages"], ["identity.given_names"],
    )  # fmt: skip
    (first,) = await notice_to(desk, "unicef", case["id"])
    assert first["fields"] == ["identity.given_names"]
    await withdrawn(desk, consent)
    newest, _ = await notice_to(desk, "unicef", case["id"])
    assert newest["fields"] == ["child.languages"]  # of the other it was told before
    again = await consented(desk, case["id"])
    assert (await disclosure(desk, referral))["not_shown"] == []
    history = (await desk.get("pp-chp", f"/consents?case_id={case['id']}"))["items"]
    assert [(each["id"], each["state"]) for each in history] == [(again["id"], "ACTIVE"), (consent["id"], "WITHDRAWN")]


@STANDING
async def test_a_recipient_is_taken_back_and_the_others_stand(desk: World) -> None:
    case = await desk.channelled()
    consent = await consented(desk, case["id"], agencies=["unicef", "iom"])
    theirs, others = await asked(desk, case["id"]), await asked(desk, case["id"], "iom")
    await disclosure(desk, theirs)
    await disclosure(desk, others, "iom")
    await withdrawn(desk, consent, agencies=["iom"])
    await disclosure(desk, theirs)
    await disclosure(desk, others, "iom", 409)
    assert [each["agency"] for each in await notice_to(desk, "pp-chp", case["id"])] == ["iom"]


@STANDING
async def test_a_withdrawal_reaches_those_to_whom_it_was_passed_on(desk: World) -> None:
    case, consent, referral = await shared(desk)
    await disclosure(desk, referral)
    more = {"parent_id": referral["id"], "fields": ["child.languages"]}
    taken = await asked(desk, case["id"], "iom", "unicef", lawful_basis="BEST_INTERESTS", **more)
    untouched = {"lawful_basis": "BEST_INTERESTS", "fields": ["child.languages"], "parent_id": referral["id"]}
    await desk.service(case["id"], "icrc", "unicef", **untouched)
    await withdrawn(desk, consent)
    told = {each["agency"]: each for each in await notice_to(desk, "pp-chp", case["id"])}
    assert told.keys() == {"unicef", "iom"}
    assert (told["iom"]["fields"], told["iom"]["referrals"]) == (["child.languages"], [taken["id"]])


@STANDING
async def test_steps_of_a_consent_are_its_keepers_and_in_order(desk: World) -> None:
    case = await desk.channelled()
    consent = await consented(desk, case["id"])
    reviewed = await desk.post(
        "pp-chp", f"/consents/{consent['id']}/review", OFFICER, 200, headers={"If-Match": '"v1"'}
    )
    assert (reviewed.json()["reviewed_at"] is not None, reviewed.json()["version"]) == (True, 2)
    await desk.post("pp-chp", f"/consents/{consent['id']}/review", OFFICER, 412, headers={"If-Match": '"v1"'})
    await desk.post("unicef", f"/consents/{consent['id']}/review", OFFICER, 404)
    await desk.post(
        "pp-chp", f"/consents/{consent['id']}/narrow", {"withdrawn_by": "CHILD", "officer": "pp-0001"}, 422
    )  # it names nothing
    await withdrawn(desk, consent)
    for step in ("review", "withdraw"):
        body = OFFICER | ({"withdrawn_by": "CHILD"} if step == "withdraw" else {})
        refused = (await desk.post("pp-chp", f"/consents/{consent['id']}/{step}", body, 409)).json()
        assert (refused["code"], refused["allowed_actions"]) == ("illegal_move", [])


async def test_two_withdraw_at_once_and_each_reader_is_told_once(world: World) -> None:
    async with with_intake(world):
        case, consent, referral = await shared(world)
        await disclosure(world, referral)
    body = {"withdrawn_by": "PP_EN_SUPLENCIA", "officer": "pp-0001"}
    path = f"/consents/{consent['id']}/withdraw"
    answers = await together(*(world.post("pp-chp", path, body) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert len(await world.rows(WithdrawalNotice, col(WithdrawalNotice.case_id) == case["id"])) == 1


async def test_a_withdrawal_and_a_reading_at_once_leave_no_reader_untold(world: World) -> None:
    async with with_intake(world):
        case, consent, referral = await shared(world)
        await asyncio.gather(
            disclosure_or_refusal(world, referral), withdrawn(world, consent), disclosure_or_refusal(world, referral)
        )
        read = [each for each in (await world.get("pp-chp", f"/disclosures?case_id={case['id']}"))["items"]]
    assert len(await notice_to(world, "unicef", case["id"])) == (1 if read else 0)


async def disclosure_or_refusal(world: World, referral: Any) -> None:
    async with world.agency("unicef") as caller:
        answer = await caller.get(f"/v1/referral/referrals/{referral['id']}/disclosure")
    assert answer.status_code in (200, 409)
