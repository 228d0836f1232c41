"""One dead endpoint is owed a hundred thousand events: everybody else is served as if it were not there."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, event, update
from sqlmodel import col, text

from shared import clock
from shared.db import Database, UTCDateTime, run
from shared.delivery.models import Delivery
from shared.delivery.parcels import Result
from shared.delivery.queue import Queue
from shared.delivery.rules import Outcome
from tests.unit.shared.world import World

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEAD, CASES, OTHERS = 100_000, 2_000, 49
AT_ONCE = 200
"""How many one claim may take, as in a worker."""

_NUMBERS = {
    False: "generate_series(1, {}) AS number(n)",
    True: "(WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {}) SELECT n FROM number)",
}
_EVENTS = """INSERT INTO event (id, type, version, case_key, case_seq, subject, occurred_at, data)
    SELECT '{state}' || n, 'memo.written', 1, '{state}' || (n % {cases}), n, 'mem_1', :at, '{{}}' FROM {numbers}"""
_DELIVERIES = """INSERT INTO delivery
    (id, event_id, endpoint_id, case_key, case_seq, origin, state, due_at, sending, attempts, step, created_at)
    SELECT '{state}' || n, '{state}' || n, :endpoint, '{state}' || (n % {cases}), n, 'live', '{state}', :at, FALSE, 0, 0, :at
    FROM {numbers}"""


async def owe(world: World, endpoint: str, count: int, state: str) -> None:
    """Write events and what is owed of them by plain SQL: many, in many cases, all due at once."""
    numbers = _NUMBERS[world.database.is_sqlite].format(count)
    async with world.database.work() as session:
        for statement, own in ((_EVENTS, {}), (_DELIVERIES, {"endpoint": endpoint})):
            told = text(statement.format(state=state, cases=CASES, numbers=numbers))
            values = {"at": NOON - timedelta(hours=1), **own}
            await run(session, told.bindparams(bindparam("at", type_=UTCDateTime())), values)


async def gather_statistics(database: Database) -> None:
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            await connection.execute(text("ALTER TABLE delivery SET (autovacuum_enabled = false)"))
        await connection.execute(text("ANALYZE"))
        await connection.commit()


async def plans(world: World, work: Any) -> list[str]:
    """How the database goes about each SELECT of `work`."""
    said: list[tuple[str, Any]] = []

    def keep(_: Connection, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        if statement.startswith("SELECT") and "delivery" in statement:
            said.append((statement, parameters))

    event.listen(world.database.engine.sync_engine, "before_cursor_execute", keep)
    await work()
    event.remove(world.database.engine.sync_engine, "before_cursor_execute", keep)
    ask = "EXPLAIN QUERY PLAN " if world.database.is_sqlite else "EXPLAIN (FORMAT JSON) "
    found = []
    async with world.database.engine.connect() as connection:
        for statement, parameters in said:
            rows = (await connection.exec_driver_sql(ask + statement, parameters)).all()
            found.append("\n".join(row[3] for row in rows) if world.database.is_sqlite else json.dumps(rows[0][0]))
    return found


@pytest.mark.hard_case(30)
async def test_a_dead_endpoint_with_a_long_backlog_delays_nobody(world: World) -> None:
    dead = await world.owner("dead", "http://dead")
    await owe(world, dead, 5_000, "delivered")
    await gather_statistics(world.database)  # as they are in a system that has always delivered
    await owe(world, dead, DEAD, "pending")
    queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=False)
    with clock.at(NOON):
        for n in range(OTHERS):
            await world.owner(f"agency-{n}", f"http://agency-{n}")
            await world.publish(f"cas_{n}", to=f"agency-{n}")
        async with world.database.work() as session:
            reached = Counter(parcel.url for parcel in (await queue.claim(session, AT_ONCE)).parcels)
        assert reached == {"http://dead": 4} | {f"http://agency-{n}": 1 for n in range(OTHERS)}


@pytest.mark.hard_case(30)
async def test_among_many_who_are_owed_much_everybody_has_a_turn(world: World) -> None:
    for n in range(12):
        await world.owner("pp", f"http://agency-{n}")
    for n in range(30):
        await world.publish(f"cas_{n}")
    queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=False)
    served: Counter[str] = Counter()
    with clock.at(clock.now() + timedelta(seconds=1)):
        for _ in range(12):
            async with world.database.work() as session:
                parcels = (await queue.claim(session, 8)).parcels  # room for two of the twelve
                await queue.complete(session, [(parcel, Result(Outcome.DELIVERED, 204)) for parcel in parcels])
            served += Counter(parcel.url for parcel in parcels)
            clock.advance(timedelta(milliseconds=1))
    assert served == {f"http://agency-{n}": 8 for n in range(12)}


async def look(world: World, queue: Queue) -> None:
    async with world.database.work(write=False) as session:
        await queue.any_due(session)
    async with world.database.work() as session:
        await queue.claim(session, AT_ONCE)


@pytest.mark.hard_case(30)
async def test_looking_for_work_reads_no_backlog_of_who_is_held_back(world: World) -> None:
    dead = await world.owner("dead", "http://dead")
    await owe(world, dead, 5_000, "delivered")
    await gather_statistics(world.database)
    await owe(world, dead, 5_000, "pending")
    await world.owner("well", "http://well")
    queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=False)
    with clock.at(NOON):
        await world.publish(to="well")
        await world.change_endpoint(dead, failures=5, hold_until=NOON + timedelta(hours=1))
        found = await plans(world, lambda: look(world, queue))
    assert len(found) >= 3
    for plan in found:
        if world.database.is_sqlite:
            assert "SCAN delivery" not in plan
        else:
            assert (
                '"Seq Scan", "Parallel Aware": false, "Async Capable": false, "Relation Name": "delivery"' not in plan
            )
    inner = "ix_delivery_order"
    assert all(inner in plan for plan in found if "ix_delivery_due" in plan and "case_key" in plan)


@pytest.mark.hard_case(30)
async def test_cases_that_wait_behind_their_first_are_looked_through_once(world: World) -> None:
    """Every head was refused and waits; all that is behind them is due, and may not pass."""
    dead = await world.owner("dead", "http://dead")
    await owe(world, dead, 5_000, "delivered")
    await gather_statistics(world.database)
    await owe(world, dead, 10_000, "pending")
    async with world.database.work() as session:
        heads = update(Delivery).where(col(Delivery.case_seq) <= CASES, col(Delivery.state) == "pending")
        await session.exec(heads.values(due_at=NOON + timedelta(hours=1)))
    queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=False)
    with clock.at(NOON):
        async with world.database.work(write=False) as session:
            assert not await queue.any_due(session)
