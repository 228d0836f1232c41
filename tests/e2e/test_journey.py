"""The journey that must always work, and its dark side."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from sandbox.route import Cast
from sandbox.system import System
from tests.e2e.consulate import Consulate
from tests.e2e.journey import Journey, has_happened_once, tables_count_both

SEED = 2026
VICTIMS = (
    ("gateway", "intake-worker"),
    ("intake", "consular", "referral-worker"),
    ("referral", "consular-worker"),
)
"""Every process falls at every step; several at a time is harder than one, and takes less time."""

FRAGILE = ("gateway", "intake", "referral", "consular", "intake-worker", "referral-worker", "consular-worker")


@pytest.mark.timeout(400)
async def test_the_journey_completes_with_each_effect_once_whatever_is_killed(system: System) -> None:
    """A girl's consulate is told and a boy's never learns of him: in peace first, then while processes fall."""
    chance = random.Random(SEED)
    cast = Cast(system.url("gateway"))
    async with Consulate() as honduras, Consulate() as salvador:
        peace = Journey("peace", system, cast, honduras, salvador)
        before = await peace.counted()
        for step in peace.steps():
            await step()
        await has_happened_once(peace)
        await tables_count_both(cast, before)
        for number, victims in enumerate(VICTIMS):
            journey = Journey(f"dark-{number}", system, cast, honduras, salvador)
            for step in journey.steps():
                await _kill_during(system, step, victims, chance.uniform(0, 0.12))
            await has_happened_once(journey)
    await cast.close()


@pytest.mark.long
@pytest.mark.timeout(0)
async def test_hours_of_journeys_with_kills_at_random(system: System) -> None:
    """Seeded: `RUTA_SEED` repeats a run, `RUTA_MINUTES` (60) says how long it goes on."""
    seed = int(os.environ.get("RUTA_SEED", str(time.time_ns())))
    until = time.monotonic() + 60 * float(os.environ.get("RUTA_MINUTES", "60"))
    print(f"RUTA_SEED={seed}")
    chance = random.Random(seed)
    cast = Cast(system.url("gateway"))
    async with Consulate() as honduras, Consulate() as salvador:
        number = 0
        while time.monotonic() < until:
            number += 1
            journey = Journey(f"long-{seed}-{number}", system, cast, honduras, salvador)
            for step in journey.steps():
                victims = tuple(chance.sample(FRAGILE, chance.randint(0, 3)))
                await _kill_during(system, step, victims, chance.uniform(0, 0.5))
            await has_happened_once(journey)
    await cast.close()
    print(f"{number} journeys, each effect once")


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
