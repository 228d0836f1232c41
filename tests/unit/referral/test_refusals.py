"""Refusals of children at high risk: proposed, then confirmed or returned by a second party."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from services.referral.cases.models import Case
from services.referral.clocks.service import fired
from services.referral.referrals.models import Referral
from shared import clock
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.db import run
from tests.unit.referral.world import World


@pytest.fixture
def database_kind() -> str:
    """On one engine: what each step writes is tested on both elsewhere."""
    return "sqlite"


async def at_risk(world: World) -> Any:
    """Return a case whose child is at high risk."""
    case = await world.file(await world.encounter())
    async with world.runtime.database.work() as session:
        await run(session, update(Case).where(col(Case.id) == case["id"]).values(risk="HIGH"))
    return case


async def proposed(world: World, **more: Any) -> Any:
    """Return a request that UNICEF refused, which waits for its second party."""
    case = await at_risk(world)
    referral = await world.service(case["id"], "unicef", **more)
    body = {"reason": "SAFETY", "note": "Sin seguridad"}
    return (await world.post("unicef", f"/referrals/{referral['id']}/decline", body, 200)).json()


async def confirming(world: World, referral: str) -> Any:
    (found,) = await world.rows(Clock, col(Clock.resource_id) == referral, col(Clock.rule) == "CONFIRM_REFUSAL")
    return found


async def test_a_refusal_is_proposed_and_the_state_stays_while_the_clock_runs_on(world: World) -> None:
    seen = await proposed(world)
    assert (seen["state"], seen["next"], seen["answer_reason"]) == ("sent", "reviewer", None)
    assert (seen["refusal"]["reason"], seen["refusal"]["to"]) == ("SAFETY", "pp-chp")
    assert seen["allowed_actions"] == ["receive", "accept"]
    running = {each.rule: each for each in await world.rows(Clock, col(Clock.resource_id) == seen["id"])}
    assert {rule: each.state for rule, each in running.items()} == {
        "ACK_SERVICE_1D": ClockState.RUNNING, "CONFIRM_REFUSAL": ClockState.RUNNING,
    }  # fmt: skip
    assert running["CONFIRM_REFUSAL"].agency == "pp-chp"
    judge = await world.get("pp-chp", f"/referrals/{seen['id']}")
    assert set(judge["allowed_actions"]) == {"withdraw", "enter_in_error", "confirm_refusal", "return_refusal"}


async def test_the_second_party_confirms(world: World) -> None:
    seen = await proposed(world)
    done = (await world.post("pp-chp", f"/referrals/{seen['id']}/confirm-refusal", {}, 200)).json()
    assert (done["state"], done["answer_reason"], done["refusal"]) == ("declined", "SAFETY", None)
    states = {each.state for each in await world.rows(Clock, col(Clock.resource_id) == seen["id"])}
    assert states == {ClockState.MET}


async def test_the_second_party_returns_it_with_a_reason_and_it_may_be_proposed_again(world: World) -> None:
    seen = await proposed(world)
    body = {"reason": "RISK_TOO_HIGH"}
    back = (await world.post("pp-chp", f"/referrals/{seen['id']}/return-refusal", body, 200)).json()
    assert (back["state"], back["refusal"], back["refusal_returned"]) == ("sent", None, "RISK_TOO_HIGH")
    assert (await confirming(world, seen["id"])).state is ClockState.MET
    again = await world.get("unicef", f"/referrals/{seen['id']}")
    assert again["allowed_actions"] == ["receive", "accept", "decline"]
    await world.post("unicef", f"/referrals/{seen['id']}/decline", {"reason": "SAFETY"}, 200)
    assert (await confirming(world, seen["id"])).state is ClockState.RUNNING


async def test_the_recipient_may_still_accept(world: World) -> None:
    seen = await proposed(world)
    done = (await world.post("unicef", f"/referrals/{seen['id']}/accept", status=200)).json()
    assert (done["state"], done["refusal"]) == ("accepted", None)
    assert (await confirming(world, seen["id"])).state is ClockState.CANCELLED


async def test_nobody_judges_who_is_not_the_second_party(world: World) -> None:
    seen = await proposed(world)
    for agency, status in (("unicef", 409), ("pp-fed", 409), ("inm-chp", 404), ("iom", 404)):
        answer = await world.post(agency, f"/referrals/{seen['id']}/confirm-refusal", {})
        assert answer.status_code == status, agency
    (row,) = await world.rows(Referral, col(Referral.id) == seen["id"])
    assert row.state == "sent"


async def test_of_what_inm_sent_its_supervisor_may_confirm_too_and_its_officer_may_not(world: World) -> None:
    case = await at_risk(world)
    handover = next(each for each in case["referrals"] if each["kind"] == "DIF_HANDOVER")
    path = f"/referrals/{handover['id']}"
    await world.post("dif-chp", f"{path}/decline", {"reason": "NO_CAPACITY"}, 200)
    await world.post("inm-chp", f"{path}/confirm-refusal", {}, 409)
    done = await world.post("inm-chp", f"{path}/confirm-refusal", {}, 200, role="supervisor")
    assert done.json()["state"] == "declined"
    assert (await world.opened(case["child_id"], "DIF_HANDOVER"))["recipient"] == "dif-nacional"


async def test_where_the_procuraduria_itself_refuses_the_federal_one_judges(world: World) -> None:
    case = await at_risk(world)
    await world.service(case["id"], "unicef")
    asked = await world.service(case["id"], "pp-chp", "unicef", service="LEGAL_AID")
    seen = (await world.post("pp-chp", f"/referrals/{asked['id']}/decline", {"reason": "SAFETY"}, 200)).json()
    assert seen["refusal"]["to"] == "pp-fed"
    await world.post("pp-fed", f"/referrals/{asked['id']}/confirm-refusal", {}, 200)


@pytest.mark.parametrize(
    ("more", "waits"),
    [({}, False), ({"reason": "URGENT_CARE"}, True), ({"risk": "HIGH"}, True), ({"risk": "LOW"}, False)],
)
async def test_what_is_neither_urgent_nor_of_high_risk_is_refused_at_once(
    world: World, more: dict[str, Any], waits: bool
) -> None:
    case = await world.file(await world.encounter())
    referral = await world.service(case["id"], **more)
    seen = (await world.post("unicef", f"/referrals/{referral['id']}/decline", {"reason": "SAFETY"}, 200)).json()
    assert seen["state"] == ("sent" if waits else "declined")


async def test_if_nobody_judges_it_escalates(world: World) -> None:
    seen = await proposed(world)
    with clock.at(clock.now() + timedelta(hours=3)):
        while await clocks.fire(world.runtime.database, fired):
            pass
        assert (await confirming(world, seen["id"])).state is ClockState.BREACHED
    (row,) = await world.rows(Referral, col(Referral.id) == seen["id"])
    assert row.escalated_to == "pp-fed"
