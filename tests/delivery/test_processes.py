"""Real workers, killed, stopped and paused in the middle of things; real receivers on sockets."""

import asyncio
import contextlib
import itertools
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from sqlmodel import select, text

from shared.delivery.models import Delivery, Event
from shared.delivery.rules import DeliveryState
from tests.delivery.conftest import Start
from tests.delivery.program import LEASE, OWNERS, POLL
from tests.unit.shared.world import World, server

PATIENCE = 30.0


@dataclass
class House:
    """Receivers that answer when they are let to, and keep an inbox: an effect happens once."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    some: set[str] = field(default_factory=set)
    came: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    bodies: dict[str, set[bytes]] = field(default_factory=dict)
    effects: dict[str, float] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        event_id = request.headers["webhook-id"]
        self.bodies.setdefault(event_id, set()).add(await request.read())
        self.came.append(event_id)
        while event_id not in self.some and not self.open.is_set():
            await asyncio.sleep(0.02)
        self.effects.setdefault(event_id, time.time())
        self.answered.append(event_id)
        return web.Response(status=204)

    def let(self, count: int) -> list[str]:
        """Answer so many of those that came, and no other yet. Returns which."""
        chosen = self.came[:count]
        self.some.update(chosen)
        return chosen


@pytest.fixture
async def house() -> AsyncIterator[tuple[House, str]]:
    made = House()
    async with server(made.handle) as url:
        yield made, url
        made.open.set()


async def until(look: Callable[[], Awaitable[bool] | bool]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen if isinstance(seen, bool) else await seen:
            return
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def all_delivered(world: World) -> bool:
    return set(await world.states()) == {DeliveryState.DELIVERED}


@pytest.mark.hard_case(1)
async def test_a_worker_killed_after_the_send_is_followed_by_one_that_sends_the_same_again(
    world: World, house: tuple[House, str], start: Start
) -> None:
    receiver, url = house
    await world.owner("pp", url)
    published = await world.publish()
    first = start("worker")
    await until(lambda: bool(receiver.came))
    first.kill()
    receiver.open.set()
    start("worker")
    await until(lambda: all_delivered(world))
    assert receiver.came == [published] * 2
    assert len(receiver.bodies[published]) == len(receiver.effects) == 1


@pytest.mark.hard_case(2)
async def test_a_writer_killed_before_its_commit_has_written_nothing(world: World, start: Start) -> None:
    for owner in OWNERS:
        await world.owner(owner, "http://127.0.0.1:9")
    start("hesitate").kill()
    await until(lambda: _can_write(world))
    assert [await world.count(table) for table in ("event", "delivery", "event_counter")] == [0, 0, 0]


async def _can_write(world: World) -> bool:
    """Whether the killed writer's transaction is over."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1), world.database.work() as session:
            await session.exec(text("DELETE FROM event_counter WHERE case_key = 'none'"))  # type: ignore[call-overload]
            return True
    return False


@pytest.mark.hard_case(3)
async def test_a_writer_killed_at_any_moment_leaves_whole_events(world: World, start: Start) -> None:
    for owner in OWNERS:
        await world.owner(owner, "http://127.0.0.1:9")
    for moment in (0.05, 0.11, 0.17):
        writer = start("hurry")
        await asyncio.sleep(moment)  # the moment is what this test varies
        writer.kill()
        writer.wait()
        await until(lambda: _can_write(world))
    async with world.database.work(write=False) as session:
        owed = Counter((await session.exec(select(Delivery.event_id))).all())
        events = (await session.exec(select(Event.id, Event.case_seq))).all()
    assert owed == dict.fromkeys((event_id for event_id, _ in events), len(OWNERS))
    assert sorted(number for _, number in events) == list(range(1, len(events) + 1))
    assert len(events) > 0


@pytest.mark.hard_case(4)
async def test_workers_side_by_side_send_everything_once_and_in_order(
    world: World, house: tuple[House, str], start: Start
) -> None:
    receiver, url = house
    receiver.open.set()
    await world.owner("pp", url)
    for _ in range(2):
        start("worker")
    published = [await world.publish(f"cas_{n % 3}") for n in range(30)]
    await until(lambda: all_delivered(world))
    assert sorted(receiver.came) == sorted(published)
    for case in range(3):
        assert [each for each in receiver.came if each in published[case::3]] == published[case::3]


@pytest.mark.hard_case(5)
async def test_a_worker_that_sleeps_past_its_lease_changes_nothing_when_it_wakes(
    world: World, house: tuple[House, str], start: Start
) -> None:
    receiver, url = house
    await world.owner("pp", url)
    await world.publish()
    sleeper = start("worker")
    await until(lambda: len(receiver.came) == 1)
    os.kill(sleeper.pid, signal.SIGSTOP)
    start("worker")
    await until(lambda: len(receiver.came) == 2)
    receiver.open.set()
    await until(lambda: all_delivered(world))
    before = await world.deliveries()
    os.kill(sleeper.pid, signal.SIGCONT)
    published = await world.publish("cas_2")  # whoever sends this one: the sleeper has come round by then
    await until(lambda: published in receiver.answered)
    await asyncio.sleep(LEASE.total_seconds() / 4)  # long enough for the sleeper to record what it has
    (after,) = [row for row in await world.deliveries() if row.id == before[0].id]
    assert (after.state, after.attempts, after.delivered_at) == (
        before[0].state, before[0].attempts, before[0].delivered_at,
    )  # fmt: skip
    assert len(receiver.came) == 3


@pytest.mark.hard_case(10)
async def test_the_poll_alone_finds_everything_in_time(world: World, house: tuple[House, str], start: Start) -> None:
    receiver, url = house
    receiver.open.set()
    await world.owner("pp", url)
    start("worker")
    sent: dict[str, float] = {}
    for number in range(25):
        event_id = await world.publish(f"cas_{number}")
        sent[event_id] = time.time()
        await asyncio.sleep(0.03)
    await until(lambda: len(receiver.effects) == len(sent))
    waits = [receiver.effects[event_id] - moment for event_id, moment in sent.items()]
    assert statistics.median(waits) < POLL + 0.25
    assert max(waits) < 2


@pytest.mark.hard_case(10)
@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_poll_that_failed_is_followed_by_the_next(world: World, house: tuple[House, str], start: Start) -> None:
    receiver, url = house
    receiver.open.set()
    await world.owner("pp", url)
    start("worker")
    for case in ("cas_1", "cas_2"):
        async with world.database.work() as session:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            await session.exec(text(others + "AND pid <> pg_backend_pid()"))  # type: ignore[call-overload]
        published = await world.publish(case)
        await until(lambda published=published: published in receiver.effects)  # type: ignore[misc]


@pytest.mark.hard_case(44)
async def test_a_worker_told_to_stop_finishes_or_gives_back_what_it_has(
    world: World, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUTA_TEST_LEASE", "25")
    receiver, endpoints, each = House(), 50, 4
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(server(receiver.handle)) for _ in range(endpoints)]
        for number, url in enumerate(urls):
            await world.owner(f"agency-{number}", url)
        for number, case in itertools.product(range(endpoints), range(each)):
            await world.publish(f"cas_{number}_{case}", to=f"agency-{number}")
        worker = start("worker")
        await until(lambda: len(receiver.came) == endpoints * each)
        answered = receiver.let(endpoints)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, PATIENCE) == 0
        rows = await world.deliveries()
        assert {row.event_id for row in rows if row.state is DeliveryState.DELIVERED} == set(answered)
        assert [row.id for row in rows if row.token or row.sending] == []
        receiver.open.set()
        start("worker")
        await until(lambda: all_delivered(world))
        assert Counter(receiver.came) == {row.event_id: 1 if row.event_id in answered else 2 for row in rows}
