"""The journey that must always work, and its dark side."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from sandbox.route import Cast
from sandbox.system import System
from tests.e2e.conftest import Running
from tests.e2e.consulate import Consulate
from tests.e2e.journey import Journey, has_happened_once, tables_count_both

SEED = 2026
VICTIMS = (
    ("gateway", "intake-worker"),
    ("intake", "referral-worker"),
    ("referral", "consular-worker"),
    ("consular", "referral-worker"),
)
"""Every process falls at every step; two at a time is harder than one, and takes half as long."""


@pytest.mark.timeout(120)
async def test_a_girls_consulate_is_told_and_a_boys_never_learns_of_him(running: Running) -> None:
    async with running() as (_, cast), Consulate() as honduras, Consulate() as salvador:
        journey = Journey("light", cast, honduras, salvador)
        for step in journey.steps():
            await step()
        await has_happened_once(journey)
        await tables_count_both(cast)


@pytest.mark.timeout(400)
async def test_whatever_is_killed_at_whatever_step_the_journey_completes_with_each_effect_once(
    running: Running,
) -> None:
    chance = random.Random(SEED)
    async with running() as (system, cast), Consulate() as honduras, Consulate() as salvador:
        for number, victims in enumerate(VICTIMS):
            journey = Journey(f"dark-{number}", cast, honduras, salvador)
            for step in journey.steps():
                await _kill_during(system, step, victims, chance.uniform(0, 0.12))
            await has_happened_once(journey)


async def _kill_during(
    system: System, step: Callable[[], Awaitable[None]], victims: tuple[str, ...], after: float
) -> None:
    """Start a step, kill -9 the victims in its midst, start them again, and wait for the step to end."""
    under_way = asyncio.ensure_future(step())
    await asyncio.sleep(after)
    for victim in victims:
        await system.kill(victim)
    for victim in victims:
        await system.start(victim)
    for victim in victims:
        await system.wait_ready(victim)
    await under_way


@pytest.mark.timeout(120)
@pytest.mark.parametrize("alone", ["intake", "referral", "consular"])
async def test_a_service_serves_what_it_owns_while_the_others_are_down(running: Running, alone: str) -> None:
    async with running() as (system, cast):
        await _owned(cast, alone)
        for name in list(system.pids):
            if name not in ("gateway", "receiver", alone):
                await system.kill(name)
        await _owned(cast, alone)


async def _owned(cast: Cast, service: str) -> None:
    path, agency = {
        "intake": ("/v1/intake/encounters", "inm-chp"),
        "referral": ("/v1/referral/agencies", "pp-chp"),
        "consular": ("/v1/consular/consulates", "con-hnd-tapachula"),
    }[service]
    assert await cast[agency].get(path)
