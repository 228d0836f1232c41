"""Measures, determinations and plans driven at random: nobody is in a centre without a measure, nothing is signed
before the child was heard."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, select

from services.referral.cases.models import Case
from services.referral.cases.rules import Gate
from services.referral.determinations.models import Determination, Hearing
from services.referral.determinations.rules import BidState
from services.referral.measures.models import Admission, Measure
from services.referral.measures.rules import LIVE, MeasureCode
from services.referral.plans.models import Plan, PlanItem
from services.referral.plans.rules import PlanState, settled
from tests.unit.referral.cases_world import opened
from tests.unit.referral.directory_world import CAS
from tests.unit.referral.measures_world import (
    DIF,
    HOUSED,
    MP,
    PP,
    SIGNED,
    admission,
    bid,
    decide,
    decision,
    exit_of,
    hearing,
    item,
    measure,
    plan,
    shelter,
)
from tests.unit.referral.world import World

ENDING = {"reason": "RISK_PASSED"}
STEPS = (
    "order", "order_medical", "request", "decree", "refuse", "confirm", "cancel", "end", "admit", "admit_outside",
    "discharge", "hear", "open", "decide", "sign_bid", "review", "draw_up", "sign_plan", "report", "verify", "reason",
)  # fmt: skip
MOVES = {"decree", "refuse", "confirm", "cancel", "end"}


async def rows(world: World, model: type[SQLModel], case_id: str) -> list[Any]:
    async with world.runtime.database.work(write=False) as session:
        found = select(model).where(model.case_id == case_id).order_by(model.id)  # type: ignore[attr-defined]
        return list((await session.exec(found)).all())


async def take(world: World, case_id: str, step: str) -> None:
    """Take one step, with whatever there is; what the law refuses changes nothing."""
    measures = await rows(world, Measure, case_id)
    last = measures[-1].id if measures else "msr_" + "0" * 32
    if step in ("order", "order_medical", "request"):
        more = {"order_medical": {"code": "MEDICAL_CARE"}, "request": {"way": "REQUESTED"}}.get(step, {})
        await world.post("pp-chp", "/measures", measure(case_id, **more))
    elif step in MOVES:
        ending = ENDING if step in ("refuse", "cancel", "end") else {}
        agency, claims = ("mp-fed", MP) if step in ("decree", "refuse") else ("pp-chp", {})
        await world.post(agency, f"/measures/{last}/{step}", decision(**ending), **claims)
    elif step == "admit":
        await world.post("dif-chp", "/admissions", admission(case_id, last, sex="M"))
    elif step == "admit_outside":
        await world.post("dif-chp", f"/cases/{case_id}/admit", DIF)
    elif step == "discharge":
        for each in await rows(world, Admission, case_id):
            await world.post(CAS, f"/admissions/{each.id}/discharge", exit_of(), **HOUSED)
    elif step == "hear":
        await world.post("pp-chp", "/hearings", hearing(case_id))
    else:
        await plan_step(world, case_id, step)


async def plan_step(world: World, case_id: str, step: str) -> None:
    """Take one step of a determination or a plan."""
    bids, plans = await rows(world, Determination, case_id), await rows(world, Plan, case_id)
    if step == "open":
        await world.post("pp-chp", "/determinations", bid(case_id))
    elif step == "decide" and bids and bids[-1].state is BidState.OPEN:
        with contextlib.suppress(AssertionError):  # what was given before is refused a second time
            await decide(world, bids[-1].id)
    elif step == "sign_bid" and bids:
        await world.post("pp-chp", f"/determinations/{bids[-1].id}/sign", SIGNED)
    elif step == "review" and bids:
        body = PP | {"reason": "NEW_FACTS", "assessor": "pp-0009"}
        await world.post("pp-chp", f"/determinations/{bids[-1].id}/review", body)
    elif step == "draw_up":
        await world.post("pp-chp", "/plans", plan(case_id, item(), item()))
    elif step == "sign_plan" and plans:
        await world.post("pp-chp", f"/plans/{plans[-1].id}/sign", SIGNED)
    elif step in ("report", "verify", "reason"):
        for each in (await rows(world, PlanItem, case_id))[-2:]:
            body = {"report": DIF | {"reference": "C/1"}, "verify": PP, "reason": PP | {"reason": "NOT_AVAILABLE"}}[
                step
            ]
            await world.post("dif-chp" if step == "report" else "pp-chp", f"/plan-items/{each.id}/{step}", body)


async def look(world: World, case_id: str) -> None:
    """What holds after every step."""
    async with world.runtime.database.work(write=False) as session:
        case = (await session.exec(select(Case).where(Case.id == case_id))).one()
    gates = case.standing.gates
    live = {each.id: each for each in await rows(world, Measure, case_id) if each.state in LIVE}
    assert (Gate.MEASURE_LIVE in gates) == bool(live)
    for stay in await rows(world, Admission, case_id):
        if stay.left_at is None:
            assert live[stay.measure_id].code is MeasureCode.CAS_ADMISSION
    hearings = await rows(world, Hearing, case_id)
    bids = {each.id: each for each in await rows(world, Determination, case_id)}
    for each in bids.values():
        if each.signed_at is not None:
            since = each.opened_at if each.follows else case.created_at
            assert [heard for heard in hearings if since <= heard.heard_at <= each.signed_at]
    plans = await rows(world, Plan, case_id)
    carried = [each for each in plans if each.state is PlanState.SIGNED]
    assert len(carried) <= 1
    for each in plans:
        if each.signed_at is not None:
            assert bids[each.determination_id].signed_at <= each.signed_at
    if carried:
        states = [each.state for each in await rows(world, PlanItem, case_id) if each.plan_id == carried[0].id]
        assert (Gate.ITEMS_SETTLED in gates) == settled(states)


async def drive(world: World, ahead: int, steps: list[str]) -> None:
    case = await world.channelled()
    whole = ["order", "admit", "open", "decide", "hear", "sign_bid", "draw_up", "sign_plan"]
    for step in whole[:ahead] + steps:
        await take(world, case["id"], step)
        await look(world, case["id"])
    for each in await rows(world, Admission, case["id"]):  # leave the place to the next one
        await world.post("dif-chp", f"/admissions/{each.id}/discharge", exit_of())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [6, pytest.param(200, marks=pytest.mark.long)])
def test_whatever_is_tried_care_rests_on_a_measure_and_a_plan_on_the_childs_view(
    run_folder: Path, tmp_path: Path, examples: int
) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        world = runner.run(stack.enter_async_context(opened(run_folder, tmp_path)))
        runner.run(shelter(world, taken=0))

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(ahead=st.integers(0, 8), steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=12))
        def tried(ahead: int, steps: list[str]) -> None:
            runner.run(drive(world, ahead, steps))

        tried()
        runner.run(stack.aclose())
