"""The plan of restitution: signed after the child was heard, done item by item, settled before a case ends."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.referral.cases.rules import Gate, Part
from services.referral.clocks.service import fired
from services.referral.plans import rules
from services.referral.plans.models import PlanItem
from services.referral.plans.rules import ItemAction, ItemState, PlanAction, PlanState
from shared import clock
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import asked, opened
from tests.unit.referral.measures_world import (
    DIF,
    PP,
    SIGNED,
    decide,
    determined,
    hearing,
    in_care,
    item,
    plan,
    planned,
)
from tests.unit.referral.world import World

BY_HAND = """
planned: start>under_way report>reported reason>reasoned
under_way: report>reported reason>reasoned
reported: verify>met send_back>under_way reason>reasoned
met: reopen>under_way
reasoned: reopen>under_way
"""
EVIDENCE: dict[str, Any] = DIF | {"reference": "CONST/2026/3", "digest": "ab" * 32}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("plans")) as world:
        yield world


def test_every_cell_of_the_machine_of_items() -> None:
    lawful: dict[tuple[str, str], str] = {}
    for line in BY_HAND.strip().splitlines():
        state, _, moves = line.partition(":")
        lawful |= {(state, move.split(">")[0]): move.split(">")[1] for move in moves.split()}
    for state in ItemState:
        for action in ItemAction:
            for part, responsible in ((Part.PP_HERE, False), (Part.PARTY, True), (Part.DIF_IN_CHARGE, False)):
                theirs = responsible if action.value in ("start", "report") else part is Part.PP_HERE
                given: dict[str, Any] = {"responsible": responsible, "live": True}
                if (state.value, action.value) in lawful and theirs:
                    assert rules.advance(state, action, {part}, **given) == lawful[state.value, action.value]
                    assert action.value in rules.allowed(state, {part}, **given)
                else:
                    with pytest.raises(IllegalMove) as refused:
                        rules.advance(state, action, {part}, **given)
                    assert action.value not in (refused.value.allowed_actions or [])
                with pytest.raises(IllegalMove):
                    rules.advance(state, action, {part}, responsible=responsible, live=False)


def test_every_cell_of_the_machine_of_plans() -> None:
    lawful = {("draft", "sign"): "signed", ("draft", "discard"): "discarded", ("signed", "supersede"): "superseded"}
    for state in PlanState:
        for action in PlanAction:
            if (state.value, action.value) in lawful:
                assert rules.plan_advance(state, action, {Part.PP_HERE}) == lawful[state.value, action.value]
            for part in Part:
                if (state.value, action.value) in lawful and part is Part.PP_HERE:
                    continue
                with pytest.raises(IllegalMove):
                    rules.plan_advance(state, action, {part})


def test_a_plan_is_signed_after_the_child_was_heard_and_the_determination_signed() -> None:
    rules.check_signature({Gate.CHILD_HEARD, Gate.BID_SIGNED})
    for lacking, rule in ((Gate.CHILD_HEARD, "R27"), (Gate.BID_SIGNED, "LGDNNA123")):
        with pytest.raises(RefusedByLaw) as refused:
            rules.check_signature(set(Gate) - {lacking})
        assert refused.value.law is not None
        assert refused.value.law.rule == rule


def test_every_right_of_the_article_has_words_and_an_item_is_in_time_until_its_day_ends() -> None:
    assert set(rules.RIGHTS) == set(rules.Right)
    assert len(rules.Right) == 20
    tijuana = rules.due_at(date(2027, 1, 15), ZoneInfo("America/Tijuana"))
    assert tijuana.isoformat() == "2027-01-16T00:00:00-08:00"
    for state in ItemState:
        open_to_it = state in (ItemState.PLANNED, ItemState.UNDER_WAY)
        assert rules.is_late(state, tijuana, tijuana) is open_to_it
        assert not rules.is_late(state, tijuana, tijuana - timedelta(seconds=1))


async def test_each_agency_does_its_item_the_procuraduria_verifies_and_the_case_may_end(world: World) -> None:
    """Both databases: the clock of an item escalates, and R25's gate opens with the last one."""
    with clock.at(clock.now()):
        made = await planned(world, item(), item(agency="unicef", right="HEALTH_AND_SOCIAL_SECURITY"))
        case_id = made["case_id"]
        assert (await world.get("pp-chp", f"/cases/{case_id}"))["status"] == "PRD_ISSUED"
        (own,) = (await world.get("unicef", "/plan-items"))["items"]
        assert (own["number"], own["measure"], own["allowed_actions"]) == (2, None, ["start", "report"])
        await world.get("unicef", f"/cases/{case_id}", 404)  # its item, and nothing else
        path = f"/plan-items/{own['id']}"
        assert (await world.get("unicef", path))["responsible"] == "Ficticia Enlace"
        await world.post("unicef", f"{path}/start", {"officer": "uni-1"}, 200)
        clock.advance(timedelta(days=12))
        for _ in range(2):
            await clocks.fire(world.runtime.database, fired)
        (late,) = await world.rows(Clock, Clock.resource_id == own["id"])
        assert (late.state, late.agency) == ("breached", "unicef")
        assert (await world.get("pp-chp", path))["late"] is True
        done = (await world.post("unicef", f"{path}/report", EVIDENCE, 200)).json()
        assert (done["state"], done["late"], done["steps"][-1]["digest"]) == ("reported", False, "ab" * 32)
        await world.post("unicef", f"{path}/verify", PP, 403)
        await world.post("pp-chp", f"{path}/send-back", PP | {"note": "Falta la constancia"}, 200)
        await world.post("unicef", f"{path}/report", EVIDENCE, 200)
        await world.post("pp-chp", f"{path}/verify", PP, 200)
        await world.post("pp-chp", f"/cases/{case_id}/begin-restitution", PP, 200)
        refused = (await world.post("pp-chp", f"/cases/{case_id}/closings", asked(), 409)).json()
        assert (refused["rule"], "123" in refused["source"]) == ("R25", True)
        other = made["items"][0]["id"]
        await world.post("pp-chp", f"/plan-items/{other}/reason", PP | {"reason": "CHILD_DECLINES"}, 200)
        await world.post("pp-chp", f"/plan-items/{other}/reopen", PP, 200)
        await world.post("pp-chp", f"/cases/{case_id}/closings", asked(), 409)
        await world.post("pp-chp", f"/plan-items/{other}/reason", PP | {"reason": "CHILD_DECLINES"}, 200)
        await world.post("pp-chp", f"/cases/{case_id}/closings", asked(), 201)
    stored = repr([(row.measure, row.responsible) for row in await world.rows(PlanItem)])
    assert "Ficticia" not in stored
    assert "secundaria" not in stored


_ON_ONE = pytest.mark.asyncio(loop_scope="module")


@_ON_ONE
async def test_a_later_version_goes_on_with_what_was_done_and_the_former_one_is_kept(standing: World) -> None:
    made = await planned(standing, item(), item(agency="unicef"))
    first, second = (each["id"] for each in made["items"])
    await standing.post("dif-chp", f"/plan-items/{first}/report", EVIDENCE, 200)
    await standing.post("pp-chp", f"/plan-items/{first}/verify", PP, 200)
    body = plan(made["case_id"], item(continues=first), item(agency="iom"))
    later = (await standing.post("pp-chp", "/plans", body, 201)).json()
    await standing.post("pp-chp", "/plans", body, 409)  # one draft at a time
    assert (await standing.get("iom", "/plan-items"))["items"] == []  # a draft is the Procuraduría's
    signed = (await standing.post("pp-chp", f"/plans/{later['id']}/sign", SIGNED, 200)).json()
    assert [each["state"] for each in signed["items"]] == ["met", "planned"]
    assert (await standing.get("pp-chp", f"/plans/{made['id']}"))["state"] == "superseded"
    assert (await standing.get("unicef", f"/plan-items/{second}"))["allowed_actions"] == []
    await standing.post("unicef", f"/plan-items/{second}/report", EVIDENCE, 409)
    (gone,) = await standing.rows(Clock, Clock.resource_id == second)
    assert gone.state == "cancelled"
    await standing.post("pp-chp", f"/plans/{made['id']}/sign", SIGNED, 409)


@_ON_ONE
async def test_what_a_plan_needs(standing: World) -> None:
    case = await in_care(standing)
    refused = (await standing.post("pp-chp", "/plans", plan(case["id"]), 409)).json()
    assert (refused["rule"], "123" in refused["source"]) == ("LGDNNA123", True)
    case = await determined(standing)
    leaving = (await standing.post("pp-chp", "/plans", plan(case["id"], allows_exit=True), 409)).json()
    assert leaving["rule"] == "R21"
    for lacking in ("right", "measure", "agency", "due_on"):  # R25
        body = {name: value for name, value in item().items() if name != lacking}
        await standing.post("pp-chp", "/plans", plan(case["id"], body), 422)
    for wrong in ({"agency": "nobody"}, {"continues": "itm_" + "0" * 32}):
        await standing.post("pp-chp", "/plans", plan(case["id"], item(**wrong)), 422)
    await standing.post("pp-chp", "/plans", PP | {"case_id": case["id"], "allows_exit": False, "items": []}, 422)
    made = (await standing.post("pp-chp", "/plans", plan(case["id"]), 201)).json()
    await standing.post("pp-chp", f"/plans/{made['id']}/sign", PP, 422)  # without the document's number
    await standing.post("pp-chp", f"/plans/{made['id']}/discard", PP, 200)
    leaves = await determined(standing, decision="RETURN_TO_FAMILY")
    await standing.post("pp-chp", "/plans", plan(leaves["id"], allows_exit=True), 201)


@_ON_ONE
async def test_a_draft_on_a_determination_that_was_reviewed_is_not_signed(standing: World) -> None:
    case = await determined(standing)
    draft = (await standing.post("pp-chp", "/plans", plan(case["id"]), 201)).json()
    (bid,) = (await standing.get("pp-chp", f"/determinations?case_id={case['id']}"))["items"]
    body = PP | {"reason": "CHILD_ASKS", "assessor": "pp-0009"}
    again = (await standing.post("pp-chp", f"/determinations/{bid['id']}/review", body, 201)).json()
    unheard = (await standing.post("pp-chp", f"/plans/{draft['id']}/sign", SIGNED, 409)).json()
    assert unheard["rule"] == "R27"
    await standing.post("pp-chp", "/hearings", hearing(case["id"]), 201)
    assert (await standing.post("pp-chp", f"/plans/{draft['id']}/sign", SIGNED, 409)).json()["rule"] == "LGDNNA123"
    await decide(standing, again["id"])
    await standing.post("pp-chp", f"/determinations/{again['id']}/sign", SIGNED, 200)
    refused = (await standing.post("pp-chp", f"/plans/{draft['id']}/sign", SIGNED, 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("LGDNNA123", ["discard"])


@_ON_ONE
async def test_who_reads_a_plan_and_its_items(standing: World) -> None:
    made = await planned(standing, item(agency="comar", right="LEGAL_CERTAINTY"), item())
    for agency, status in (("pp-chp", 200), ("pp-fed", 200), ("dif-chp", 403), ("inm-chp", 403)):
        await standing.get(agency, f"/plans/{made['id']}", status)
    await standing.get("pp-oax", f"/plans/{made['id']}", 404, state="MX-OAX")
    refuge, other = made["items"]
    for agency, sees in (("comar", [True, False]), ("dif-chp", [False, True]), ("inm-chp", [False, False])):
        for each, seen in zip((refuge, other), sees, strict=True):
            await standing.get(agency, f"/plan-items/{each['id']}", 200 if seen else 404)
    entries = (await standing.get("inm-chp", f"/cases/{made['case_id']}/timeline"))["items"]
    assert not [each for each in entries if each["code"].startswith("plan_item")]
