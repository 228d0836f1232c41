"""What a worker looks after: the gauges, silent endpoints, and attempts that are old enough to forget."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func
from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, telemetry
from shared.db import Database
from shared.delivery import account, metrics
from shared.delivery.models import Alarm, Attempt, Delivery, Endpoint
from shared.delivery.rules import (
    OPEN_AFTER,
    SILENT_AFTER,
    AlarmKind,
    Breaker,
    Channel,
    DeliveryState,
    EndpointState,
)

EVERY = timedelta(seconds=15)
_BATCH = 1000
_NEAR = timedelta(days=1)
_LONG_TRANSACTION = 300.0


class Upkeep:
    """One turn of it, at most every 15 seconds."""

    def __init__(self, database: Database, keep: timedelta) -> None:
        self.database = database
        self.keep = keep
        self._next: datetime | None = None

    async def turn(self) -> int:
        """Measure, look for silence, forget. Returns how many attempts were forgotten."""
        now = clock.now()
        if self._next is not None and now < self._next:
            return 0
        async with self.database.work(write=False) as session:
            await measure(session, now)
            silent = await _silent(session, now)
        forgotten = await self._forget(now)
        if silent:
            async with self.database.work() as session:
                for endpoint_id in silent:
                    await account.raise_alarm(session, endpoint_id, AlarmKind.SILENT)
        if not forgotten:
            self._next = now + EVERY
        return forgotten

    async def _forget(self, now: datetime) -> int:
        """Delete old attempts, a batch at a time. The delivery keeps their count, the first and the last."""
        old = select(Attempt.id).where(col(Attempt.started_at) < now - self.keep).limit(_BATCH)
        async with self.database.work(write=False) as session:
            found = list((await session.exec(old)).all())
        if found:
            async with self.database.work() as session:
                await session.exec(delete(Attempt).where(col(Attempt.id).in_(found)))
        return len(found)


async def measure(session: AsyncSession, now: datetime) -> None:
    """Set every gauge from what the database holds."""
    await _measure_deliveries(session, now)
    failing = case(
        (col(Endpoint.failures) >= OPEN_AFTER, Breaker.OPEN.value),
        (col(Endpoint.failures) > 0, Breaker.PROBING.value),
        else_=Breaker.CLOSED.value,
    )
    found: dict[Any, int] = dict((await session.exec(select(failing, func.count()).group_by(failing))).all())
    for breaker in Breaker:
        metrics.BREAKERS.labels(breaker.value).set(found.get(breaker.value, 0))
    open_ones = select(Alarm.kind, func.count()).where(col(Alarm.cleared_at).is_(None)).group_by(Alarm.kind)
    alarms = dict((await session.exec(open_ones)).all())
    for kind in AlarmKind:
        metrics.OPEN_ALARMS.labels(kind.value).set(alarms.get(kind, 0))
    await _measure_transactions(session)


async def _measure_deliveries(session: AsyncSession, now: datetime) -> None:
    """Withheld deliveries count nowhere: how many there are is nobody's business but the guard's."""
    counts = select(Delivery.state, func.count()).where(
        col(Delivery.state).in_([DeliveryState.PENDING, DeliveryState.PARKED]), col(Delivery.gate).is_(None)
    )
    owed = dict((await session.exec(counts.group_by(Delivery.state))).all())
    for state in (DeliveryState.PENDING, DeliveryState.PARKED):
        metrics.OWED.labels(state.value).set(owed.get(state, 0))
    since = await oldest_due(session, now)
    metrics.OLDEST.set((now - since).total_seconds() if since is not None else 0)
    near = select(func.count()).where(col(Delivery.next_step_at) <= now + _NEAR)
    metrics.UNACKNOWLEDGED.set((await session.exec(near)).one())


async def oldest_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Return since when the oldest delivery is due that should have been tried by now."""
    oldest = (
        select(func.min(Delivery.due_at))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(
            Delivery.state == DeliveryState.PENDING,
            col(Delivery.gate).is_(None),
            Delivery.due_at <= now,
            Endpoint.state == EndpointState.ACTIVE,
            Endpoint.channel == Channel.WEBHOOK,
            col(Endpoint.failures) < OPEN_AFTER,
        )
    )
    return (await session.exec(oldest)).one()


async def _measure_transactions(session: AsyncSession) -> None:
    """A transaction that stays open keeps dead rows alive, and the queue's claims slow down behind it."""
    if session.info["database"].is_sqlite:
        return
    age = await session.scalar(
        text(
            "SELECT COALESCE(MAX(EXTRACT(EPOCH FROM clock_timestamp() - xact_start)), 0)::float8 "
            "FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        )
    )
    metrics.OLDEST_TRANSACTION.set(age)
    if age > _LONG_TRANSACTION:
        telemetry.say("warning", "long_transaction", seconds=round(age))


async def _silent(session: AsyncSession, now: datetime) -> list[str]:
    """Return endpoints that have had something to receive, and failed for a day, without an open alarm for it."""
    told = select(Alarm.endpoint_id).where(Alarm.kind == AlarmKind.SILENT, col(Alarm.cleared_at).is_(None))
    last = func.coalesce(Endpoint.last_success_at, Endpoint.created_at)
    statement = select(Endpoint.id).where(
        col(Endpoint.failures) >= OPEN_AFTER,
        last < now - SILENT_AFTER,
        col(Endpoint.owner).not_like("service:%"),
        col(Endpoint.id).not_in(told),
    )
    return list((await session.exec(statement)).all())
