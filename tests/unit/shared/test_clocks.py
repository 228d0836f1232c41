"""Deadlines: each clock warns once and breaks once, whoever watches."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock
from shared.catalogue import Text
from shared.clocks import service, store
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState, Deadline
from tests.unit.shared.world import World

HOUR = timedelta(hours=1)
DUTY = Deadline("D1", Text("Duty", "Deber"), "LM 1", True, due=4 * HOUR, warn=3 * HOUR)
OTHER = Deadline("D2", Text("Other", "Otro"), "LM 2", False, due=4 * HOUR, warn=3 * HOUR)


class Heard:
    """Keeps what clocks say. Breaks at the words of one case."""

    def __init__(self, poison: str = "") -> None:
        self.said: list[tuple[str, str]] = []
        self.poison = poison

    async def __call__(self, session: AsyncSession, speaking: Clock, kind: str) -> None:
        await session.flush()
        if speaking.resource_id == self.poison:
            raise LookupError
        self.said.append((speaking.resource_id, kind))


async def start(world: World, *names: str, duty: Deadline = DUTY, case: str = "cas_1") -> None:
    async with world.database.work() as session:
        for name in names:
            session.add(service.started(duty, case=case, resource_id=name, agency="pp-chp"))


async def stands(world: World, name: str) -> Clock:
    async with world.database.work(write=False) as session:
        return (await session.exec(select(Clock).where(Clock.resource_id == name, Clock.rule == "D1"))).one()


async def test_a_clock_warns_and_breaks_once_each(world: World) -> None:
    heard = Heard()
    with clock.at(clock.now()):
        await start(world, "ref_1")
        assert await service.fire(world.database, heard) == 0
        for _ in range(8):
            clock.advance(HOUR)
            await service.fire(world.database, heard)
            await service.fire(world.database, heard)
    assert heard.said == [("ref_1", "clock.warned"), ("ref_1", "clock.breached")]
    broken = await stands(world, "ref_1")
    assert (broken.state, broken.breached_at, broken.next_at) == (ClockState.BREACHED, broken.due_at, None)


async def test_after_a_long_absence_it_only_breaks(world: World) -> None:
    heard = Heard()
    with clock.at(clock.now()):
        await start(world, "ref_1")
        clock.advance(9 * HOUR)
        await service.fire(world.database, heard)
    assert heard.said == [("ref_1", "clock.breached")]
    assert (await stands(world, "ref_1")).breached_at == (await stands(world, "ref_1")).due_at


async def test_a_clock_that_was_met_says_nothing(world: World) -> None:
    heard = Heard()
    with clock.at(clock.now()):
        await start(world, "ref_1")
        async with world.database.work() as session:
            await service.meet(session, "D1", "ref_1")
            await service.meet(session, "D1", "ref_nobody")
        met_at = clock.now()
        clock.advance(9 * HOUR)
        assert await service.fire(world.database, heard) == 0
        async with world.database.work() as session:
            await service.meet(session, "D1", "ref_1")  # again, much later: the first time counts
            await service.cancel(session, "D1", "ref_1")
    met = await stands(world, "ref_1")
    assert (met.state, met.met_at, met.breached_at) == (ClockState.MET, met_at, None)


@pytest.mark.parametrize("fired", [True, False])
async def test_one_that_was_met_late_stays_marked(world: World, fired: bool) -> None:
    with clock.at(clock.now()):
        await start(world, "ref_1")
        clock.advance(5 * HOUR)
        if fired:
            await service.fire(world.database, Heard())
        async with world.database.work() as session:
            await service.meet(session, "D1", "ref_1")
        late = await stands(world, "ref_1")
        assert (late.state, late.met_at, late.breached_at) == (ClockState.MET, clock.now(), late.due_at)


async def test_a_cancelled_clock_says_nothing(world: World) -> None:
    heard = Heard()
    with clock.at(clock.now()):
        await start(world, "ref_1")
        async with world.database.work() as session:
            await service.cancel(session, "D1", "ref_1")
            await service.cancel(session, "D1", "ref_nobody")
        clock.advance(9 * HOUR)
        assert await service.fire(world.database, heard) == 0
        async with world.database.work() as session:
            await service.meet(session, "D1", "ref_1")
    assert (await stands(world, "ref_1")).state is ClockState.CANCELLED


async def test_all_clocks_of_one_rule_and_case_are_met_together(world: World) -> None:
    await start(world, "ref_1", "ref_2")
    await start(world, "ref_3", case="cas_2")
    await start(world, "ref_1", duty=OTHER)
    async with world.database.work() as session:
        await service.meet_all(session, "D1", "cas_1")
        running = [each.rule for each in await store.of(session, "ref_1", "ref_2") if each.state is ClockState.RUNNING]
    assert running == ["D2"]
    assert (await stands(world, "ref_3")).state is ClockState.RUNNING


async def test_many_workers_let_each_clock_speak_once(world: World) -> None:
    heard = Heard()
    names = [f"ref_{n}" for n in range(40)]
    with clock.at(clock.now()):
        await start(world, *names)
        for _ in range(2):
            clock.advance(3.5 * HOUR)
            await asyncio.gather(*(service.fire(world.database, heard) for _ in range(6)))
    assert sorted(heard.said) == sorted((name, kind) for name in names for kind in ("clock.breached", "clock.warned"))


async def test_one_clock_whose_words_fail_holds_back_no_other(world: World) -> None:
    heard = Heard(poison="ref_2")
    with clock.at(clock.now()):
        await start(world, "ref_1", "ref_2", "ref_3")
        clock.advance(5 * HOUR)
        assert await service.fire(world.database, heard) == 2
        assert await service.fire(world.database, heard) == 0
        assert (await stands(world, "ref_2")).state is ClockState.RUNNING
        heard.poison = ""
        clock.advance(timedelta(minutes=1))
        assert await service.fire(world.database, heard) == 1
    assert [name for name, _ in heard.said] == ["ref_1", "ref_3", "ref_2"]
