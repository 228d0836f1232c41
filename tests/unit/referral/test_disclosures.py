"""Disclosures: exactly the listed fields, fetched at reading time, recorded, revocable, and never kept (R29)."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, text
from sqlmodel import col

from services.referral.consents import rules as consent_rules
from services.referral.consents.codes import Purpose
from services.referral.consents.models import Disclosure
from services.referral.consents.rules import Cut, Grant
from services.referral.disclosures import rules
from services.referral.referrals.codes import FieldCode
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import NOTICES, ReferralKind, State
from shared import auth, clock
from shared.audit import AuditEntry
from shared.testing import key
from shared.trust.verifier import Verifier
from tests.unit.referral.consents_world import (
    CANARY,
    LISTED,
    OFFICER,
    Intake,
    asked,
    consented,
    disclosure,
    shared,
    with_intake,
    withdrawn,
)
from tests.unit.referral.world import World, service_in

STANDING = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[tuple[World, Intake]]:
    async with with_intake(one_world) as intake:
        yield one_world, intake


# -- what is read ----------------------------------------------------------------------------------------


async def test_a_recipient_reads_what_is_listed_and_the_reading_is_recorded(world: World) -> None:
    async with with_intake(world) as intake:
        intake.unknown = ("child.languages",)
        case, consent, referral = await shared(world)
        shown = await disclosure(world, referral)
    assert [(each["code"], each["known"], each["value"]) for each in shown["fields"]] == [
        ("identity.given_names", True, [f"{CANARY} identity.given_names"]), ("child.languages", False, None),
    ]  # fmt: skip
    assert (shown["basis"], shown["not_shown"], shown["child_id"]) == ("CONSENT", [], case["child_id"])
    assert intake.asked == [
        {"referral_id": referral["id"], "fields": LISTED, "reader": "unicef", "reader_kind": "UNICEF",
         "reader_role": "officer"},
    ]  # fmt: skip
    (row,) = await world.rows(Disclosure, col(Disclosure.referral_id) == referral["id"])
    assert (row.agency, row.client_id, row.fields, row.grants, row.record_version) == (
        "unicef", "unicef-system", LISTED, [consent["id"]], 3,
    )  # fmt: skip
    (entry,) = await world.rows(AuditEntry, col(AuditEntry.resource) == "disclosure")
    assert (entry.action, entry.agency, entry.details["fields"]) == ("read", "unicef", LISTED)
    for reader, count in (("pp-chp", 1), ("unicef", 1), ("iom", 0), ("inm-chp", 0)):
        assert len((await world.get(reader, "/disclosures"))["items"]) == count


@STANDING
async def test_intake_is_asked_with_a_token_for_it_alone_that_lasts_a_minute(desk: tuple[World, Intake]) -> None:
    world, intake = desk
    _, _, referral = await shared(world)
    await disclosure(world, referral)
    settings = world.runtime.settings.model_copy(update={"service": "intake"})
    scope: Any = {
        "headers": [(b"authorization", intake.tokens[-1].encode())], "method": "POST", "path": "/", "raw_path": b"/",
    }  # fmt: skip
    verifier = Verifier(settings, world.runtime.verifier.trust, world.runtime.verifier.register)
    caller = await verifier.caller(scope)
    assert (caller.agency_kind, caller.scopes) == ("SERVICE", frozenset({"disclosures:read"}))
    assert auth.SERVICE_LIFE.total_seconds() <= 60


@STANDING
async def test_only_the_recipient_reads_and_only_once_it_has_taken_it_on(desk: tuple[World, Intake]) -> None:
    world, _ = desk
    case = await world.channelled()
    await consented(world, case["id"])
    referral = await world.service(case["id"], lawful_basis="CONSENT", fields=LISTED)
    refused = await disclosure(world, referral, status=409)
    assert (refused["code"], "accept" in refused["allowed_actions"]) == ("illegal_move", True)
    await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)
    await disclosure(world, referral)
    for other in ("pp-chp", "iom"):
        await disclosure(world, referral, other, 404)
    await world.post("unicef", f"/referrals/{referral['id']}/complete", {}, 200)
    assert (await disclosure(world, referral, status=409))["code"] == "illegal_move"


@STANDING
async def test_another_basis_needs_no_consent_and_a_list_that_is_empty_shows_nothing(
    desk: tuple[World, Intake],
) -> None:
    world, _ = desk
    case = await world.channelled()
    on = {"lawful_basis": "BEST_INTERESTS"}
    referral = await asked(world, case["id"], "iom", **on)
    shown = await disclosure(world, referral, "iom")
    assert ([each["code"] for each in shown["fields"]], shown["basis"]) == (LISTED, "BEST_INTERESTS")
    nothing: tuple[list[str] | None, ...] = (None, [])
    for fields in nothing:
        empty = await asked(world, case["id"], "unhcr", **on, fields=fields)
        assert (await disclosure(world, empty, "unhcr", 409))["rule"] == "R29-DISCLOSURE"


@STANDING
async def test_a_part_never_shows_more_than_what_it_is_part_of(desk: tuple[World, Intake]) -> None:
    world, _ = desk
    case = await world.channelled()
    on = {"lawful_basis": "BEST_INTERESTS"}
    whole = await asked(world, case["id"], **on)
    beyond = {"parent_id": whole["id"], "fields": ["child.sex"]}
    async with world.agency("unicef") as caller:
        answer = await caller.post(
            "/v1/referral/referrals", json=service_in(case["id"], "iom", **on, **beyond), headers=key()
        )
    assert (answer.status_code, answer.json()["rule"]) == (409, "R29")
    handover = next(
        each for each in (await world.get("dif-chp", f"/cases/{case['id']}"))["referrals"]
        if each["kind"] == "DIF_HANDOVER"
    )  # fmt: skip
    part = await asked(
        world, case["id"], "iom", "dif-chp", **on, parent_id=handover["id"], fields=["child.sex", "interviews.needs"]
    )
    shown = await disclosure(world, part, "iom")
    assert [each["code"] for each in shown["fields"]] == ["child.sex"]


@STANDING
async def test_what_the_law_orders_shows_what_the_law_lists(desk: tuple[World, Intake]) -> None:
    world, _ = desk
    case = await world.channelled()
    handover = next(
        each for each in (await world.get("dif-chp", f"/cases/{case['id']}"))["referrals"]
        if each["kind"] == "DIF_HANDOVER"
    )  # fmt: skip
    shown = await disclosure(world, handover, "dif-chp")
    assert {each["code"] for each in shown["fields"]} == {each.value for each in FieldCode} - {"interviews.needs"}


# -- how it ends -----------------------------------------------------------------------------------------


@STANDING
async def test_without_intake_nothing_was_read(desk: tuple[World, Intake]) -> None:
    world, intake = desk
    _, _, referral = await shared(world)
    intake.status = 500
    assert (await disclosure(world, referral, status=503))["code"] == "unavailable"
    intake.status = 404
    await disclosure(world, referral, status=404)
    world.runtime.peers.settings = world.runtime.settings.model_copy(update={"intake_url": "http://127.0.0.1:9"})
    await disclosure(world, referral, status=503)
    assert await world.rows(Disclosure, col(Disclosure.referral_id) == referral["id"]) == []


async def test_a_withdrawal_while_intake_is_asked_stops_the_reading(world: World) -> None:
    async with with_intake(world) as intake:
        _, consent, referral = await shared(world)
        intake.meanwhile = lambda: withdrawn(world, consent)
        refused = await disclosure(world, referral, status=409)
        assert (refused["rule"], CANARY in str(refused)) == ("R28", False)
        again = await consented(world, consent["case_id"])
        intake.meanwhile = lambda: withdrawn(world, again, fields=["identity.given_names"])
        shown = await disclosure(world, referral)
    assert [each["code"] for each in shown["fields"]] == ["child.languages"]
    assert "identity.given_names" not in str(shown["fields"])


@STANDING
async def test_the_procuraduria_ends_the_disclosures_of_a_referral(desk: tuple[World, Intake]) -> None:
    world, _ = desk
    _, _, referral = await shared(world)
    await disclosure(world, referral)
    path, body = f"/referrals/{referral['id']}/disclosure/stop", {"reason": "MISUSE"} | OFFICER
    await world.post("dif-chp", path, body, 403)
    await world.post("pp-tam", path, body, 404, state="MX-TAM")
    await world.post("pp-chp", path, body, 200)
    assert (await disclosure(world, referral, status=409))["rule"] == "R29-DISCLOSURE"
    await world.post("pp-chp", path, body, 409)


@STANDING
async def test_a_body_bound_to_a_foreign_state_reads_nothing_ever(desk: tuple[World, Intake]) -> None:
    world, intake = desk
    case = await world.channelled()
    abroad, who = "child-protection-gtm", {"agency_kind": "CHILD_PROTECTION_ABROAD", "state": None}
    await consented(world, case["id"], agencies=[abroad], classes=["ABROAD"], purposes=["CASE_MANAGEMENT"])
    referral = await asked(world, case["id"], "iom", lawful_basis="BEST_INTERESTS")
    async with world.runtime.database.work() as session:  # one of before R16-ABROAD
        row = await session.get(Referral, referral["id"])
        assert row is not None
        row.recipient = abroad
    before = len(intake.asked)
    await world.get(abroad, f"/referrals/{referral['id']}/disclosure", 404, **who)
    refused = await world.get(abroad, f"/referrals/{referral['id']}/disclosure", 409, agency_kind="CSO", state=None)
    assert (refused["rule"], len(intake.asked)) == ("R16", before)  # by its place in the directory, whatever it says


# -- nothing rests ---------------------------------------------------------------------------------------


async def test_no_value_rests_in_the_database_or_in_the_log(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with with_intake(world):
            _, consent, referral = await shared(world)
            assert CANARY in str(await disclosure(world, referral))
            await withdrawn(world, consent)
    async with world.runtime.database.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        for name in names:
            assert CANARY not in repr((await connection.execute(text(f'SELECT * FROM "{name}"'))).all())
    for folder, _, files in os.walk(tmp_path):
        assert all(CANARY.encode() not in (Path(folder) / each).read_bytes() for each in files)
    out, err = capfd.readouterr()
    assert CANARY not in caplog.text + out + err


@STANDING
async def test_the_list_of_fields_says_how_sensitive_each_is(desk: tuple[World, Intake]) -> None:
    world, _ = desk
    items = (await world.get("iom", "/disclosures/fields"))["items"]
    assert {each["code"] for each in items} == {each.value for each in FieldCode}
    health = next(each for each in items if each["code"] == "alerts.health")
    assert (health["group"], health["sensitivity"], health["written"]) == ("alerts", "SENSITIVE", True)


@pytest.mark.parametrize("kind", ReferralKind)
def test_it_is_read_only_while_a_referral_is_taken_on(kind: ReferralKind) -> None:
    told = {State.RECEIVED} if kind in NOTICES else set()
    assert {each for each in State if rules.reads(kind, each)} == {State.ACCEPTED, State.WORKING, State.ON_HOLD} | told


# -- at random -------------------------------------------------------------------------------------------

NOW = clock.now()
AGENCIES = {"unicef": "UNICEF", "iom": "IOM", "unhcr": "UNHCR", "casa-a": "CSO"}
some_fields = st.frozensets(st.sampled_from([each.value for each in FieldCode][:6]))
whom = st.frozensets(st.sampled_from([*AGENCIES, "INTERNATIONAL", "UNHCR", "CIVIL_SOCIETY"]))
cuts = st.builds(Cut, some_fields, whom)
grants = st.builds(
    Grant, st.sampled_from(["cst_1", "cst_2"]), st.frozensets(st.sampled_from(list(Purpose)[:3])), whom, some_fields,
    st.integers(-2, 1).map(lambda days: NOW + days * consent_rules._DAY),
    st.integers(-1, 2).map(lambda days: NOW + days * consent_rules._DAY), st.lists(cuts, max_size=3).map(tuple),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(grants, max_size=4), st.sampled_from(sorted(AGENCIES)), st.sampled_from(list(Purpose)[:3]))
def test_nothing_is_covered_that_no_live_consent_grants_and_no_withdrawal_left(
    given_: list[Grant], agency: str, purpose: Purpose
) -> None:
    kind = AGENCIES[agency]
    own = {agency, {"UNICEF": "INTERNATIONAL", "IOM": "INTERNATIONAL", "UNHCR": "UNHCR", "CSO": "CIVIL_SOCIETY"}[kind]}
    expected = {
        field
        for grant in given_
        if grant.since <= NOW < grant.until and purpose in grant.purposes and own & grant.whom
        for field in grant.fields
        if not any(
            (not cut.whom or own & cut.whom) and (not cut.fields or field in cut.fields) for cut in grant.cuts
        )
    }  # fmt: skip
    found = consent_rules.covered(given_, agency, kind, purpose, NOW)
    assert found.keys() == expected
