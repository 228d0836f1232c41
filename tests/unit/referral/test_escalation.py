"""Chains: who learns of a duty that is not done in time, step by step, and who never learns."""

from datetime import timedelta
from typing import Any

import pytest

from services.consular.notices.rules import C2
from services.intake.main import DEADLINES as INTAKES
from services.referral.agencies.rules import Kind
from services.referral.clocks.rules import CHAINS, STEPS, To, chain, fit
from services.referral.clocks.service import fired
from services.referral.main import DEADLINES
from shared import clock, ids
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from tests.unit.referral.world import World

HOUR = timedelta(hours=1)
EVERYBODY = ("pp-chp", "dif-chp", "inm-chp", "inm", "pp-fed", "dif-nacional", "comar")


async def fire(world: World) -> int:
    spoke = 0
    while now := await clocks.fire(world.runtime.database, fired):
        spoke += now
    return spoke


async def heard(world: World, agency: str) -> list[tuple[str, str, int | None]]:
    events = [event for event in await world.sent(agency) if event.type.startswith("clock.")]
    return [(event.type.removeprefix("clock."), event.data["rule"], event.data["step"]) for event in events]


def test_every_deadline_of_every_service_has_its_chain() -> None:
    assert {deadline.id for deadline in (*DEADLINES, *INTAKES, C2)} <= CHAINS.keys()
    assert {f"D{number}" for number in range(1, 15)} <= CHAINS.keys()


@pytest.mark.parametrize("rule", sorted(CHAINS))
def test_a_chain_goes_up_and_names_a_body_where_it_needs_one(rule: str) -> None:
    each = CHAINS[rule]
    assert STEPS[rule] == sorted(set(STEPS[rule]))
    told = {to for step in each.then for to in step.to} | set(each.breached)
    assert To.OWNER in each.breached
    assert (each.federal is not None) == (To.FEDERAL in told)
    assert not (each.confidential and (To.INM in told or each.federal is Kind.INM))


@pytest.mark.parametrize(
    ("confidential", "kind", "bound_to", "owner", "may"),
    [
        (False, "INM", None, False, True),
        (False, "CHILD_PROTECTION_ABROAD", "HND", False, False),  # no clock of a case is told abroad
        (True, "PP", None, False, True),
        (True, "COMAR", None, False, True),
        (True, "INM", None, False, False),
        (True, "INM", None, True, True),  # it owes the duty: it knows
        (True, "CHILD_PROTECTION_ABROAD", "HND", False, False),
        (True, "CHILD_PROTECTION_ABROAD", "HND", True, False),
        (True, None, None, False, False),  # nobody knows who that is
        (True, None, None, True, True),
    ],
)
def test_who_is_fit_to_know(confidential: bool, kind: str | None, bound_to: str | None, owner: bool, may: bool) -> None:
    told = chain("ACK_COMAR" if confidential else "ACK_DIF")
    assert fit(told, kind, bound_to, owner=owner) is may


def test_a_deadline_without_a_row_counts_as_confidential() -> None:
    assert (chain("NEW").confidential, chain("NEW").breached, chain("NEW").then) == (True, (To.OWNER, To.SENDER), ())


async def test_a_handover_that_nobody_answers_goes_up_to_the_childs_procuraduria(world: World) -> None:
    with clock.at(clock.now()):
        await world.register(*EVERYBODY)
        child = await world.encounter()
        handover = await world.opened(child, "DIF_HANDOVER")
        clock.advance(24 * HOUR)
        await fire(world)
        assert ("escalated", "ACK_DIF", 1) not in await heard(world, "pp-chp")
        clock.advance(24 * HOUR)
        await fire(world)
        assert await fire(world) == 0
        assert ("escalated", "ACK_DIF", 1) in await heard(world, "pp-chp")
        assert [said for said in await heard(world, "dif-chp") if said[1] == "ACK_DIF"] == [
            ("breached", "ACK_DIF", None)
        ]
        await world.post("dif-chp", f"/referrals/{handover['id']}/accept", status=200)
        clock.advance(500 * HOUR)
        await fire(world)
    assert [said for said in await heard(world, "pp-chp") if said[1] == "ACK_DIF"] == [("escalated", "ACK_DIF", 1)]


async def test_who_indicated_and_is_inm_never_learns_of_comars_silence(world: World) -> None:
    with clock.at(clock.now()):
        await world.register(*EVERYBODY)
        case = await world.file(await world.encounter())
        told = {"case_id": case["id"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
        await world.post("inm-chp", "/indications", told, 201)
        for _ in range(30):
            clock.advance(HOUR)
            await fire(world)
    spoken = {agency: [said for said in await heard(world, agency) if said[1] == "ACK_COMAR"] for agency in EVERYBODY}
    assert spoken == {
        "comar": [("breached", "ACK_COMAR", None)],  # its first hour had passed: no warning after it
        "pp-fed": [("breached", "ACK_COMAR", None), ("escalated", "ACK_COMAR", 2)],
        "pp-chp": [("escalated", "ACK_COMAR", 1)],
        "dif-chp": [], "dif-nacional": [], "inm-chp": [], "inm": [],
    }  # fmt: skip


# -- intake's and consular's clocks ------------------------------------------------------------------------


def moved(child_id: str, **more: Any) -> dict[str, Any]:
    """Return what intake says of a clock that it runs."""
    start = clock.now()
    return {
        "clock_id": ids.new("clk"), "rule": "D2", "agency": "inm-chp", "subject": child_id,
        "resource_id": ids.new("enc"), "state": "running", "started_at": start.isoformat(),
        "due_at": (start + 24 * HOUR).isoformat(),
    } | more  # fmt: skip


def spoke(fact: dict[str, Any]) -> dict[str, Any]:
    return {name: fact[name] for name in ("clock_id", "rule", "resource_id", "due_at", "agency")}


async def test_after_a_breach_in_intake_the_chain_goes_on_here_until_the_duty_is_done(world: World) -> None:
    with clock.at(clock.now()):
        await world.register(*EVERYBODY)
        child = await world.encounter()
        other = await world.encounter()
        fact, done = moved(child), moved(other)
        for each in (fact, done):
            assert (await world.event("clock.moved", each)).status_code == 200
        clock.advance(24 * HOUR)
        for each in (fact, done):
            assert (await world.event("clock.breached", spoke(each))).status_code == 200
        met = done | {"state": "met", "met_at": clock.now().isoformat(), "breached_at": done["due_at"]}
        await world.event("clock.moved", met)
        for _ in range(30):
            clock.advance(24 * HOUR)
            await fire(world)
    mine = [said for said in await heard(world, "dif-nacional") if said[1] == "D2"]
    assert mine == [("breached", "D2", None), ("breached", "D2", None), ("escalated", "D2", 2)]
    assert [said for said in await heard(world, "pp-chp") if said[1] == "D2"] == [("escalated", "D2", 1)]
    rows = {row.id: row for row in await world.rows(Clock, Clock.rule == "D2")}
    assert (rows[done["clock_id"]].state, rows[done["clock_id"]].step) == ("met", 0)


async def test_a_clock_that_an_older_intake_never_told_of_is_passed_on_all_the_same(world: World) -> None:
    await world.register("inm-chp", "pp-fed")
    fact = spoke(moved("chd_none", rule="D1"))
    assert (await world.event("clock.breached", fact)).status_code == 200
    assert await heard(world, "inm-chp") == [("breached", "D1", None)]
    assert await heard(world, "pp-fed") == [("breached", "D1", None)]
    assert await world.rows(Clock, Clock.rule == "D1") == []
