"""One dead endpoint is owed a hundred thousand events: everybody else is served as if it were not there."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, event
from sqlmodel import text

from shared import clock
from shared.db import Database, UTCDateTime, run
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
    True: "(WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {}) SELECT n FROM count)",
}
_EVENTS = """INSERT INTO event (id, type, version, case_key, case_seq, subject, occurred_at, data)
    SELECT '{state}' || n, 'memo.written', 1, '{state}' || (n % {cases}), n, 'mem_1', :at, '{{}}' FROM {numbers}"""
_DELIVERIES = """INSERT INTO delivery
    (id, event_id, endpoint_id, case_key, case_seq, origin, state, due_at, sending, attempts, step, created_at)
    SELECT '{state}' || n, '{state}' || n, :endpoint, '{state}' || (n % {cases}), n, 'live', '{state}', :at,
        FALSE, 0, 0, :at
    FROM {numbers}"""


async def owe(world: World, endpoint: str, count: int, state: str) -> None:
    """Write events and what is owed of them by plain SQL: many, in many cases, all due at once."""
    numbers = _NUMBERS[world.database.is_sqlite].format(count)
    async with world.database.work() as session:
        for statement, own in ((_EVENTS, {}), (_DELIVERIES, {"endpoint": endpoint})):
            told = text(statement.format(state=state, cases=CASES, numbers=numbers))
            values = {"at": NOON - timedelta(hours=1), **own}
            await run(session, told.bindparams(bindparam("at", type_=UTCDateTime())), values)


async def forget_what_is_to_come(database: Database) -> None:
    """Let PostgreSQL plan as in a system that has always delivered: a backlog grows faster than it takes statistics.

    Without foreign keys, for a backlog is written here in a second and not in ten.
    """
    if database.is_sqlite:
        return
    async with database.engine.connect() as connection:
        for statement in (
            "ALTER TABLE delivery SET (autovacuum_enabled = false)",
            "ALTER TABLE delivery DROP CONSTRAINT delivery_event_id_fkey, DROP CONSTRAINT delivery_endpoint_id_fkey",
            "ANALYZE",
        ):
            await connection.execute(text(statement))
        await connection.commit()


class Looks:
    """The three looks of a worker for work: whether there is any, for whom, and what."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    async def keep(self, world: World, queue: Queue) -> None:
        """Let them happen once, and keep their text."""
        engine = world.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._keep)
        async with world.database.work(write=False) as session:
            assert await queue.any_due(session)
        async with world.database.work() as session:
            assert await queue.claim(session, AT_ONCE)
        event.remove(engine, "before_cursor_execute", self._keep)
        assert len(self.said) == 3

    def _keep(self, _: Connection, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        if statement.startswith("SELECT") and "case_seq" in statement:
            self.said.append((statement, parameters))

    async def plans(self, database: Database) -> list[str]:
        """How the database would go about them now."""
        ask = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN (FORMAT JSON) "
        found = []
        async with database.engine.connect() as connection:
            for statement, parameters in self.said:
                rows = (await connection.exec_driver_sql(ask + statement, parameters)).all()
                found.append("\n".join(row.detail for row in rows) if database.is_sqlite else json.dumps(rows[0][0]))
        return found


@pytest.mark.usefixtures("own_database")
@pytest.mark.hard_case(30)
async def test_a_dead_endpoint_with_a_long_backlog_delays_nobody(world: World) -> None:
    dead = await world.owner("dead", "http://dead")
    await owe(world, dead, 5_000, "delivered")
    await forget_what_is_to_come(world.database)
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


@pytest.mark.usefixtures("own_database")
@pytest.mark.hard_case(30)
async def test_no_look_for_work_reads_the_backlog_again_for_each_of_its_rows(
    world: World,
) -> None:
    dead = await world.owner("dead", "http://dead")
    await world.owner("well", "http://well")
    await owe(world, dead, 5_000, "delivered")
    await forget_what_is_to_come(world.database)
    looks = Looks()
    with clock.at(NOON):
        await world.publish(to="well")
        await looks.keep(world, Queue(world.runtime.vault, timedelta(seconds=30), gated=False))
    for size in (1_000, 10_000):
        await owe(world, dead, size, "pending")
        for plan in await looks.plans(world.database):
            assert "ix_delivery_due" in plan
            assert "ix_delivery_order" in plan
            assert not re.search(r'SCAN delivery|"Seq Scan"[^{}]*"Relation Name": "delivery"', plan)
        async with world.database.work() as session:
            await run(session, text("DELETE FROM delivery WHERE state = 'pending'"))
            await run(session, text("DELETE FROM event WHERE id LIKE 'pending%'"))
