"""Assessments (LGDNNA 98), the child's view (R27), and the determination of best interests by a panel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.referral.cases.rules import Gate, Part
from services.referral.determinations import rules
from services.referral.determinations.models import Assessment, Hearing, Opinion
from services.referral.determinations.rules import AssessmentKind, BidAction, BidState, Discipline
from services.referral.protection.models import Guard
from services.referral.protection.rules import IndicationCode
from shared.audit import AuditEntry
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import opened
from tests.unit.referral.measures_world import (
    PP,
    SIGNED,
    assessment,
    bid,
    decide,
    decided,
    determined,
    hearing,
    in_care,
    now,
    opinion,
    seat,
)
from tests.unit.referral.world import World

BY_HAND = """
open: opine>open seat>open decide>decided withdraw>withdrawn
decided: decide>decided sign>signed withdraw>withdrawn
signed: review>reviewed
reviewed:
withdrawn:
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("determinations")) as world:
        yield world


def test_every_cell_of_the_machine_of_determinations() -> None:
    lawful: dict[tuple[str, str], str] = {}
    for line in BY_HAND.strip().splitlines():
        state, _, moves = line.partition(":")
        lawful |= {(state, move.split(">")[0]): move.split(">")[1] for move in moves.split()}
    for state in BidState:
        for action in BidAction:
            for part in Part:
                theirs = part is Part.PP_HERE or (action is BidAction.OPINE and part is Part.DIF_IN_CHARGE)
                if (state.value, action.value) in lawful and theirs:
                    assert rules.advance(state, action, {part}) == lawful[state.value, action.value]
                    assert action.value in rules.allowed(state, {part})
                    continue
                with pytest.raises(IllegalMove) as refused:
                    rules.advance(state, action, {part})
                assert action.value not in (refused.value.allowed_actions or [])


@pytest.mark.parametrize(("safe", "private"), [(True, True), (True, False), (False, True), (False, False)])
def test_an_initial_assessment_is_made_in_safety_and_privacy(safe: bool, private: bool) -> None:
    rules.check_private(AssessmentKind.BIA_SHORT, safe=safe, private=private)
    if safe and private:
        rules.check_private(AssessmentKind.INITIAL, safe=safe, private=private)
        return
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_private(AssessmentKind.INITIAL, safe=safe, private=private)
    assert refused.value.law is not None
    assert (refused.value.law.rule, refused.value.law.source) == ("LGDNNA98", "LGDNNA, art. 98")


def test_what_an_assessment_finds_of_protection_is_a_code_that_the_guard_knows() -> None:
    assert {each.value for each in rules.PROTECTION} <= {each.value for each in IndicationCode}


def test_nothing_is_decided_without_the_disciplines_and_a_panel() -> None:
    panel = [Discipline.LEGAL, Discipline.MEDICAL]
    rules.check_decision(rules.NEEDED, panel)
    for lacking in rules.NEEDED:
        with pytest.raises(RefusedByLaw, match=lacking.value):
            rules.check_decision([each for each in rules.NEEDED if each is not lacking], panel)
    for few in ([], [Discipline.LEGAL], [Discipline.LEGAL, Discipline.LEGAL]):
        with pytest.raises(RefusedByLaw, match="at least 2"):
            rules.check_decision(rules.NEEDED, few)


def test_nothing_is_signed_before_the_child_was_heard() -> None:
    rules.check_heard({Gate.CHILD_HEARD})
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_heard(set(Gate) - {Gate.CHILD_HEARD})
    assert refused.value.law is not None
    assert (refused.value.law.rule, "92" in refused.value.law.source) == ("R27", True)


async def test_from_care_to_a_signed_determination_and_its_review(world: World) -> None:
    """Both databases: opinions, panel, the child's view, the signature, and a review that asks all of it anew."""
    case = await in_care(world)
    base = f"/cases/{case['id']}"
    made = await decided(world, case["id"])
    assert (await world.get("pp-chp", base))["status"] == "BID_OPEN"
    assert (made["state"], len(made["opinions"]), len(made["panel"])) == ("decided", 3, 2)
    path = f"/determinations/{made['id']}"
    refused = (await world.post("pp-chp", f"{path}/sign", SIGNED, 409)).json()
    assert (refused["rule"], "92" in refused["source"], refused["allowed_actions"]) == ("R27", True, ["hear"])
    heard = (await world.post("pp-chp", "/hearings", hearing(case["id"]), 201)).json()
    assert (heard["view"], heard["language"]) == ("Quiere vivir con su tía", "spa")
    signed = (await world.post("pp-chp", f"{path}/sign", SIGNED, 200)).json()
    assert (signed["state"], signed["signed_by"]) == ("signed", "pp-chp/pp-0001")
    again = (await world.post("pp-chp", f"{path}/review", PP | {"reason": "NEW_FACTS", "assessor": "pp-9"}, 201)).json()
    assert (again["number"], again["follows"], again["state"]) == (2, made["id"], "open")
    assert (await world.get("pp-chp", path))["state"] == "reviewed"
    await decide(world, again["id"])
    anew = f"/determinations/{again['id']}/sign"
    assert (await world.post("pp-chp", anew, SIGNED, 409)).json()["rule"] == "R27"  # heard for the former one only
    early = await world.post("pp-chp", "/hearings", hearing(case["id"], heard_at=now(hours=1)), 409)
    assert early.json()["rule"] == "R27"
    await world.post("pp-chp", "/hearings", hearing(case["id"]), 201)
    await world.post("pp-chp", anew, SIGNED, 200)
    everything = repr([await world.rows(model) for model in (Assessment, Hearing, Opinion)])
    assert "tía" not in everything
    assert "Con dibujos" not in everything
    assert "tía" not in repr([row.details for row in await world.rows(AuditEntry)])


_ON_ONE = pytest.mark.asyncio(loop_scope="module")


@_ON_ONE
async def test_who_assessed_does_not_decide(standing: World) -> None:
    case = await in_care(standing)
    made = (await standing.post("pp-chp", "/determinations", bid(case["id"]), 201)).json()
    path = f"/determinations/{made['id']}"
    assessor = seat("PP-0007", "LEGAL", agency="pp-chp")  # the same officer, written otherwise
    refused = (await standing.post("pp-chp", f"{path}/panel", assessor, 409)).json()
    assert (refused["rule"], "UNHCR" in refused["source"]) == ("BID-PANEL", True)
    await standing.post("dif-chp", f"{path}/opinions", opinion("SOCIAL_WORK", officer="dif-1"), 201)
    assert (await standing.post("pp-chp", f"{path}/panel", seat("dif-1", "LEGAL"), 409)).json()["rule"] == "BID-PANEL"
    await standing.post("pp-chp", f"{path}/panel", seat("dif-2", "LEGAL"), 201)
    await standing.post("pp-chp", f"{path}/panel", seat("dif-2", "MEDICAL"), 409)
    turned = await standing.post("dif-chp", f"{path}/opinions", opinion("LEGAL", officer="DIF-2"), 409)
    assert turned.json()["rule"] == "BID-PANEL"
    await standing.post("pp-chp", f"{path}/panel", seat("x-1", "LEGAL", agency="nobody"), 422)
    body = PP | {"decision": "STAY_IN_CARE", "reasons": "Porque sí"}
    refused = (await standing.post("pp-chp", f"{path}/decide", body, 409)).json()
    assert (refused["rule"], "123" in refused["source"], "PSYCHOLOGICAL" in refused["detail"]) == (
        "BID-OPINIONS", True, True,
    )  # fmt: skip


@_ON_ONE
async def test_a_case_has_one_determination_and_a_withdrawn_one_makes_room(standing: World) -> None:
    case = await in_care(standing)
    made = (await standing.post("pp-chp", "/determinations", bid(case["id"]), 201)).json()
    await standing.post("pp-chp", "/determinations", bid(case["id"]), 409)
    await standing.post("pp-chp", f"/determinations/{made['id']}/withdraw", PP, 200)
    second = (await standing.post("pp-chp", "/determinations", bid(case["id"]), 201)).json()
    assert second["number"] == 2
    early = await standing.channelled()
    refused = await standing.post("pp-chp", "/determinations", bid(early["id"]), 409)  # the child is not in care
    assert refused.json()["code"] == "illegal_move"


@_ON_ONE
async def test_signs_of_protection_close_the_guard_with_the_assessment(standing: World) -> None:
    case = await standing.channelled()
    calm = (await standing.post("dif-chp", "/assessments", assessment(case["id"]), 201)).json()
    assert calm["words"] == "Duerme mal"
    (guard,) = await standing.rows(Guard, Guard.child_id == case["child_id"]) or [None]
    assert guard is None or guard.blocked_at is None
    found = assessment(case["id"], findings=["HEALTH", "FEAR_OF_RETURN"])
    await standing.post("dif-chp", "/assessments", found, 201)
    (guard,) = await standing.rows(Guard, Guard.child_id == case["child_id"])
    assert guard.blocked_at is not None
    kinds = [each["kind"] for each in (await standing.get("pp-chp", f"/cases/{case['id']}"))["referrals"]]
    assert "COMAR_NOTICE" in kinds
    (row,) = (await standing.get("pp-chp", f"/indications?case_id={case['id']}"))["items"]
    assert (row["code"], row["agency"]) == ("FEAR_OF_RETURN", "dif-chp")


@_ON_ONE
async def test_who_assesses_who_hears_and_who_reads_it(standing: World) -> None:
    case = await determined(standing)
    for changed in ({"safe": False}, {"private": False}):
        refused = await standing.post("dif-chp", "/assessments", assessment(case["id"], **changed), 409)
        assert refused.json()["rule"] == "LGDNNA98"
    await standing.post("pp-chp", "/assessments", assessment(case["id"]), 409)  # the initial one is DIF's
    both = assessment(case["id"], findings=["NO_SPECIAL_NEED", "HEALTH"])
    await standing.post("dif-chp", "/assessments", both, 422)
    made = (await standing.post("pp-chp", "/assessments", assessment(case["id"], kind="BIA_SHORT"), 201)).json()
    await standing.post("dif-chp", "/hearings", hearing(case["id"]), 403)
    (heard,) = (await standing.get("pp-chp", f"/hearings?case_id={case['id']}"))["items"]
    assert heard["view"] is None
    (row,) = (await standing.get("dif-chp", f"/determinations?case_id={case['id']}"))["items"]
    paths = {"a": f"/assessments/{made['id']}", "h": f"/hearings/{heard['id']}", "d": f"/determinations/{row['id']}"}
    await standing.service(case["id"], "dif-oax")
    for agency, readable, closed, claims in (
        ("pp-chp", "ahd", 200, {}), ("pp-fed", "ahd", 200, {}), ("dif-chp", "ad", 403, {}), ("inm-chp", "", 403, {}),
        ("unicef", "", 403, {}), ("pp-oax", "", 404, {"state": "MX-OAX"}),
    ):  # fmt: skip
        for name, path in paths.items():
            await standing.get(agency, path, 200 if name in readable else closed, **claims)
    for name, path in paths.items():  # takes part, and did not accept the child
        await standing.get("dif-oax", path, 403 if name == "h" else 404, state="MX-OAX")
