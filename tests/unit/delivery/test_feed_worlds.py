"""Nothing that a reader can see or measure depends on what is withheld from it."""

import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import text

from shared import clock
from shared.db import run
from shared.delivery.events import service
from shared.delivery.parcels import Permit, Verdict
from shared.delivery.rules import DeliveryState
from tests.conftest import DatabaseFactory
from tests.unit.delivery import feed_world
from tests.unit.delivery.feed_world import Door, Feeds, held_time, numbers, pulling, see  # noqa: F401  (a fixture)
from tests.unit.shared.world import World, create_tables

OPEN, WAIT, CLOSED = Verdict.OPEN, Verdict.WAIT, Verdict.CLOSED
CANCELLED = DeliveryState.CANCELLED
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])

publish = partial(feed_world.publish, apart=timedelta(milliseconds=1))


# -- time ------------------------------------------------------------------------------------------------


async def seconds_of(feeds: Feeds) -> float:
    started = time.monotonic()
    assert await feeds.ids() == []
    return time.monotonic() - started


async def test_an_answer_takes_as_long_whether_something_is_withheld_or_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(rel_closed=CLOSED)
    door.silent.add("rel_silent")
    feeds = Feeds(world, door)
    await pulling(world)
    monkeypatch.setattr(service, "ASKING", 0.3)
    monkeypatch.setattr(service, "HELD", 0.6)
    assert 0.6 <= await seconds_of(feeds) < 3
    await publish(world, *(f"cas_{n}" for n in range(40)), gate="rel_silent")
    await publish(world, *(f"cas_{n}" for n in range(40, 50)), gate="rel_closed")
    for _ in range(4):  # 16 hang in every read, and the others get their turn
        assert 0.6 <= await seconds_of(feeds) < 3
    assert door.inside == 0
    assert (await world.states()).count(CANCELLED) == 10


@ONE
async def test_a_feed_without_a_gate_is_not_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HELD", 30.0)
    await pulling(world)
    assert await seconds_of(Feeds(world)) < 15
    await world.owner("dif", "http://a")
    assert (await Feeds(world, Door()).read("dif"))["items"] == []  # nor where a read opens nothing


async def test_no_transaction_is_open_while_the_gate_is_asked(world: World) -> None:
    async def gate(_: str) -> Permit:
        async with world.database.work() as session:  # on SQLite it would wait for any other writer
            await run(session, text("UPDATE endpoint SET failures = failures"))
        return Permit(OPEN)

    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    started = time.monotonic()
    assert await Feeds(world, gate).ids() == list(published)
    assert time.monotonic() - started < 4


# -- two worlds ------------------------------------------------------------------------------------------


@pytest.mark.hard_case(37)
@pytest.mark.parametrize("hidden", [WAIT, CLOSED, LookupError("broken")])
async def test_two_worlds_of_which_one_has_more_to_withhold_look_the_same(
    world: World, new_database: DatabaseFactory, tmp_path: Path, hidden: Verdict | Exception
) -> None:
    url = new_database()
    await create_tables(url)
    (tmp_path / "other").mkdir()
    async with World.open(url, tmp_path / "other") as other:
        sides = []
        for each in (world, other):
            await pulling(each)
            door = Door()
            if isinstance(hidden, Exception):
                door.errors["rel_hidden"] = hidden
            else:
                door.verdicts["rel_hidden"] = hidden
            feeds = Feeds(each, door)
            sides.append((each, feeds, [(await feeds.read())["next"]]))
        for turn in range(4):
            await publish(other, f"cas_h{turn}", "cas_h", gate="rel_hidden")
            looks = []
            for each, feeds, cursors in sides:
                await publish(each, "cas_1", f"cas_{turn}", gate=f"rel_{turn}")
                await publish(each, "cas_free")
                looks.append(await see(feeds, cursors))
            await publish(other, "cas_h", gate="rel_hidden")
            assert looks[0] == looks[1]
            clock.advance(timedelta(seconds=3))
        assert [row.position for row in await other.deliveries() if row.gate == "rel_hidden"] == [None] * 12
        assert all("cas_h" not in case for case in await numbers(other))
