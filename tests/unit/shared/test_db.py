"""One transaction, the same on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import col, select, text

from shared.db import Database, driver_url, is_lost
from shared.delivery.models import Endpoint, Event
from shared.delivery.rules import EndpointState
from tests.unit.shared.world import Memo, World

MOMENT = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=timezone(timedelta(hours=-6)))


def event(name: str, at: datetime) -> Event:
    return Event(
        id=name, type="a.b", case_key="c", case_seq=int(name), subject="s", occurred_at=at, data={"ñ": [1, None, "🦙"]}
    )


async def test_a_moment_comes_back_as_it_was_aware_and_in_utc(world: World) -> None:
    async with world.database.work() as session:
        session.add_all([event("1", MOMENT), event("2", MOMENT + timedelta(microseconds=1))])
    async with world.database.work(write=False) as session:
        first, second = (await session.exec(select(Event).order_by(col(Event.occurred_at)))).all()
        later = (await session.exec(select(Event.id).where(col(Event.occurred_at) > MOMENT))).all()
    assert (first.occurred_at, first.occurred_at.tzinfo) == (MOMENT, UTC)
    assert (second.id, list(later)) == ("2", ["2"])
    assert first.data == {"ñ": [1, None, "🦙"]}


async def test_whatever_one_unit_of_work_reads_is_of_one_moment(world: World) -> None:
    async with world.database.work() as session:
        session.add(event("1", MOMENT))
    async with world.database.work(write=False) as reading:
        before = (await reading.exec(select(Event.id))).all()
        async with world.database.work() as session:
            session.add(event("2", MOMENT))
        assert (await reading.exec(select(Event.id))).all() == before == ["1"]
    async with world.database.work(write=False) as reading:
        assert len((await reading.exec(select(Event.id))).all()) == 2


async def test_a_moment_without_zone_is_refused(world: World) -> None:
    async def write() -> None:
        async with world.database.work() as session:
            session.add(event("1", datetime(2026, 11, 22)))  # noqa: DTZ001

    with pytest.raises(StatementError, match="time zone"):
        await write()
    assert await world.count("event") == 0


async def test_a_code_is_stored_as_its_text(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    async with world.database.work(write=False) as session:
        assert await session.scalar(text("SELECT state FROM endpoint")) == "active"
        assert (await session.get_one(Endpoint, endpoint)).state is EndpointState.ACTIVE


async def test_what_raises_is_rolled_back(world: World) -> None:
    async def write(error: BaseException) -> None:
        async with world.database.work() as session:
            session.add(Memo(id="a", words="b"))
            await session.flush()
            raise error

    for error in (LookupError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await write(error)
    assert await world.count("memo") == 0


async def test_a_commit_that_failed_holds_no_lock_and_spoils_no_connection(world: World) -> None:
    async def write(name: str, parent: str | None) -> None:
        async with world.database.work() as session:
            session.add(Memo(id=name, words="b", parent=parent))

    await world.database.engine.dispose()
    for n in range(3):
        with pytest.raises(IntegrityError):
            await write(f"orphan{n}", "nobody")
        await asyncio.gather(*(write(f"fine{n}-{each}", None) for each in range(3)))
    assert await world.count("memo") == 9


async def test_who_said_that_it_only_reads_cannot_write(world: World) -> None:
    async def write() -> None:
        async with world.database.work(write=False) as session:
            session.add(Memo(id="a", words="b"))

    with pytest.raises(Exception, match=r"(?i)read.?only"):
        await write()
    async with world.database.work() as session:  # and the connection writes again afterwards
        session.add(Memo(id="a", words="b"))
    assert await world.count("memo") == 1


async def test_writers_wait_for_each_other(world: World) -> None:
    async def add(n: int) -> None:
        async with world.database.work() as session:
            there = len((await session.exec(select(Memo.id))).all())
            session.add(Memo(id=f"{n}-{there}", words="b"))

    await asyncio.gather(*(add(n) for n in range(30)))
    assert await world.count("memo") == 30
    await world.database.ping()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p%40@h/d", "postgresql+asyncpg://u:p%40@h/d"),
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite:////tmp/x.db"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_a_plain_url_gets_its_driver(given: str, driver: str) -> None:
    assert driver_url(given) == driver


async def test_a_database_that_is_not_there_is_lost() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/x")
    with pytest.raises(OSError, match=r".") as caught:
        await database.ping()
    assert is_lost(caught.value)
    assert not is_lost(LookupError())
    await database.close()
