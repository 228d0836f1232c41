"""Clocks that differ, a transaction that fails, and one that does not end."""

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlmodel import text

from shared import clock
from shared.db import run
from shared.delivery import service, store, upkeep
from shared.delivery.rules import DeliveryState, Outcome
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World

POSTGRES = pytest.mark.parametrize("database_kind", ["postgresql"])
SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING


def gauge(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def said(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "ruta"]
    return [line for line in lines if line["event"] == event]


# -- 11: a writer that fails ---------------------------------------------------------------------------


@pytest.mark.hard_case(11)
async def test_a_writer_that_fails_leaves_no_gap_to_the_one_that_waited_for_it(world: World) -> None:
    """tests/unit/delivery/test_commit_order.py has the writers that commit."""
    await world.owner("pp", "http://a")
    wrote = asyncio.Event()

    async def fail() -> None:
        async with world.database.work() as session:
            await service.publish(session, "memo.written", case="cas_1", subject="mem_1", audience=["pp"], data={})
            wrote.set()
            await asyncio.Event().wait()

    failing = asyncio.create_task(fail())
    await wrote.wait()
    waiting = asyncio.create_task(world.publish())
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    failing.cancel()
    published = await waiting
    assert [(each.event_id, each.case_seq) for each in await world.deliveries()] == [(published, 1)]


# -- 32: a sender's clock that is wrong ----------------------------------------------------------------


class Shifted(datetime):
    """What the standard library says, moved by an offset: a machine whose clock is wrong."""

    offset = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> "Shifted":
        return super().now(tz) + cls.offset


@pytest.fixture
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Shifted]]:
    """Set its offset, and this machine's clock is wrong by that much."""
    monkeypatch.setattr("shared.clock.datetime", Shifted)
    yield Shifted
    Shifted.offset = timedelta()


@pytest.mark.hard_case(32)
@POSTGRES
async def test_two_clocks_that_agree_do_so_to_the_microsecond(world: World) -> None:
    async with world.database.work(write=False) as session:
        assert {await store.skew(session) for _ in range(20)} == {timedelta()}


@pytest.mark.hard_case(32)
@POSTGRES
@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_sender_with_a_wrong_clock_schedules_and_signs_by_the_clock_of_the_database(
    world: World, wrong_clock: type[Shifted], minutes: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ruta")
    await world.owner("pp", "http://a")
    await world.publish()
    answers = iter([Outcome.FAILED, Outcome.DELIVERED])
    post = Post(lambda _: next(answers))
    wrong_clock.offset = timedelta(minutes=minutes)
    worker = world.deliverer(post)
    assert await worker.turn() == 1
    await worker.drain()
    right = datetime.now(UTC)
    stamp = int(post.sent[0].headers["webhook-timestamp"])
    assert abs(stamp - right.timestamp()) < 3
    (waiting,) = await world.deliveries()
    assert timedelta(seconds=3) < waiting.due_at - right < timedelta(seconds=7)
    assert await worker.turn() == 0  # by its own clock ten minutes have passed, or will have
    assert gauge("ruta_clock_skew_seconds") == pytest.approx(-minutes * 60, abs=2)
    (line,) = said(caplog, "clock_skew")
    assert line["seconds"] == pytest.approx(-minutes * 60, abs=2)


@pytest.mark.hard_case(32)
@POSTGRES
async def test_a_clock_that_jumps_back_is_noticed_within_a_minute_and_what_was_refused_is_signed_anew(
    world: World, wrong_clock: type[Shifted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver refuses a signature of another time; the repetition is signed when it is sent."""
    monotonic = 1000.0
    monkeypatch.setattr("shared.delivery.worker.time.monotonic", lambda: monotonic)
    await world.owner("pp", "http://a")
    published = await world.publish()

    def judge(parcel: Any) -> Outcome:
        age = abs(int(parcel.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp())
        return Outcome.DELIVERED if age < 300 else Outcome.REFUSED

    post = Post(judge)
    worker = world.deliverer(post)
    assert await worker.turn() == 1
    await worker.drain()
    assert await world.states() == [DELIVERED]
    await world.publish()
    wrong_clock.offset = timedelta(minutes=10)  # it jumps, and nobody has compared since
    assert await worker.turn() == 1
    await worker.drain()
    assert (await world.deliveries())[1].last_outcome == "refused"
    wrong_clock.offset = timedelta(minutes=-10)  # and back
    monotonic += 61
    async with world.database.work() as session:
        await run(session, text("UPDATE delivery SET due_at = now() WHERE state = 'pending'"))  # its time has come
    assert await worker.turn() == 1
    await worker.drain()
    assert await world.states() == [DELIVERED, DELIVERED]
    assert post.ids() == [published, post.ids()[1], post.ids()[1]]
    assert post.sent[1].headers["webhook-signature"] != post.sent[2].headers["webhook-signature"]
    assert post.sent[1].body == post.sent[2].body


@pytest.mark.hard_case(32)
@SQLITE
async def test_on_one_machine_a_jump_back_delays_but_loses_and_repeats_nothing(world: World) -> None:
    await world.owner("pp", "http://a")
    post = Post()
    with clock.at(clock.now()):
        with clock.at(clock.now() + timedelta(minutes=10)):
            published = await world.publish()
        await run_dry(world, post, turns=1)
        assert post.sent == []
        clock.advance(timedelta(minutes=10))
        await run_dry(world, post)
    assert (post.ids(), await world.states()) == ([published], [DELIVERED])


# -- 45: a transaction that does not end ---------------------------------------------------------------


@pytest.mark.hard_case(45)
@POSTGRES
async def test_a_transaction_that_stays_open_is_told_before_it_hurts(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ruta")
    name = "ruta_database_oldest_transaction_seconds"

    async def measure() -> float:
        async with world.database.work(write=False) as session:
            await upkeep.measure(session, clock.now())
        return gauge(name)

    async with world.database.work(write=False) as analysis:
        await analysis.scalar(text("SELECT count(*) FROM delivery"))
        first = await measure()
        assert 0 < first < 60
        assert said(caplog, "long_transaction") == []
        monkeypatch.setattr(upkeep, "_LONG_TRANSACTION", first)
        assert await measure() > first
        assert len(said(caplog, "long_transaction")) == 1
        await world.owner("pp", "http://a")
        await world.publish()
        assert await world.turn(sender=Post()) == 1  # it slows claims, it does not stop them
    assert await measure() < first + 60
    monkeypatch.setattr(upkeep, "_LONG_TRANSACTION", 60.0)
    caplog.clear()
    assert await measure() < 60
    assert said(caplog, "long_transaction") == []


@pytest.mark.hard_case(45)
async def test_each_claim_is_measured(world: World) -> None:
    """What an alarm on slow claims is made of: the share of claims above a bucket of this histogram."""
    name = "ruta_delivery_claim_seconds_count"
    before = REGISTRY.get_sample_value(name) or 0
    await world.owner("pp", "http://a")
    await world.publish()
    await world.turn(sender=Post())
    assert (REGISTRY.get_sample_value(name) or 0) > before
