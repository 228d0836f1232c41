"""Every SQL statement of the webhook engine that its resources share, and those of the queue.

Whoever changes a delivery that is not leased to it locks the endpoint first; numbers and places
that a receiver sees are given under that lock, so that they have no gaps and follow the commits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Integer, String, and_, bindparam, func, true, tuple_, update
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, or_, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock
from shared.auth import Caller
from shared.db import coded, run
from shared.delivery import bulk
from shared.delivery.bulk import Row
from shared.delivery.models import Alarm, Attempt, Delivery, Endpoint, Event, LaneCounter
from shared.delivery.rules import Channel, DeliveryState, EndpointState, Outcome

_DELIVERIES, _ENDPOINTS, _ATTEMPTS, _LANES = (
    SQLModel.metadata.tables[name] for name in ("delivery", "endpoint", "attempt", "lane_counter")
)

OPERATOR = "OPERATOR"
"""The kind of agency that runs Ruta: it sees how every endpoint fares, and no body of an event."""


def readable(caller: Caller) -> Any:
    """Select the endpoints that the caller may know of: its own; an operator's are all but those of sisters."""
    if caller.agency_kind == OPERATOR:
        return select(Endpoint).where(col(Endpoint.owner).not_like("service:%"))
    return select(Endpoint).where(Endpoint.owner == caller.agency)


async def endpoint(session: AsyncSession, caller: Caller, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
    """Return an endpoint that the caller may know of."""
    statement = readable(caller).where(Endpoint.id == endpoint_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    found: Endpoint | None = (await session.exec(statement)).first()
    return found


async def endpoints_of(session: AsyncSession, owners: Sequence[str]) -> Sequence[Endpoint]:
    """Return the endpoints of these owners, removed ones too; none is replaced before this transaction has ended."""
    statement = select(Endpoint).where(col(Endpoint.owner).in_(owners)).order_by(col(Endpoint.id))
    return (await session.exec(statement.with_for_update(read=True, key_share=True))).all()


async def next_case_seq(session: AsyncSession, case_key: str) -> int:
    """Take the next number of a case. Rivals wait here until this transaction has ended."""
    statement = text(
        "INSERT INTO event_counter (case_key, n) VALUES (:key, 1) "
        "ON CONFLICT (case_key) DO UPDATE SET n = event_counter.n + 1 RETURNING n"
    )
    return int(await session.scalar(statement, {"key": case_key}))


async def owed(session: AsyncSession) -> Sequence[tuple[str, int, datetime]]:
    """Return, for each owner that has something coming, how many and since when."""
    statement = (
        select(Endpoint.owner, func.count(), func.min(Delivery.created_at))
        .join(Delivery, col(Delivery.endpoint_id) == col(Endpoint.id))
        .where(or_(Delivery.state == DeliveryState.PENDING, Delivery.state == DeliveryState.PARKED))
        .group_by(Endpoint.owner)
    )
    return [(owner, count, oldest) for owner, count, oldest in (await session.exec(statement)).all()]


async def unacknowledged(session: AsyncSession, subject: str, owner: str | None) -> Sequence[Delivery]:
    """Return what nobody has acknowledged of the events about `subject`, locked."""
    statement = (
        select(Delivery)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(Event.subject == subject, col(Delivery.acknowledged_at).is_(None))
        .order_by(col(Delivery.id))
        .with_for_update(of=Delivery)
    )
    if owner is not None:
        statement = statement.where(Endpoint.owner == owner)
    return (await session.exec(statement)).all()


async def unpark(session: AsyncSession, endpoint_id: str, now: datetime) -> None:
    """Owe again, at once, what was parked when the endpoint was gone."""
    parked = update(Delivery).where(
        col(Delivery.endpoint_id) == endpoint_id, col(Delivery.state) == DeliveryState.PARKED
    )
    await session.exec(parked.values(state=DeliveryState.PENDING, due_at=now))


async def hurry(session: AsyncSession, endpoint_id: str, now: datetime) -> None:
    """Make due at once what waits for its repetition: the endpoint is back."""
    waiting = update(Delivery).where(
        col(Delivery.endpoint_id) == endpoint_id,
        col(Delivery.state) == DeliveryState.PENDING,
        col(Delivery.attempts) > 0,
        col(Delivery.token).is_(None),
        col(Delivery.due_at) > now,
    )
    await session.exec(waiting.values(due_at=now))


# -- what is due -----------------------------------------------------------------------------------

_PENDING = bindparam("pending", DeliveryState.PENDING, type_=coded(DeliveryState), literal_execute=True)
"""Written into the statement itself: only so does PostgreSQL use the partial indexes in every plan."""


def _free(now: datetime) -> Any:
    """Say which endpoints may be sent to now."""
    return and_(
        col(Endpoint.state) == EndpointState.ACTIVE,
        col(Endpoint.channel) == Channel.WEBHOOK,
        or_(col(Endpoint.hold_until).is_(None), col(Endpoint.hold_until) <= now),
    )


def _due(now: datetime, gated: bool | None) -> Any:
    """Say which deliveries may be claimed now: due, and none before them in their case (of the same origin)."""
    first = aliased(Delivery)
    # Asked as a subquery with an order, since PostgreSQL then walks the index of the order even when it has
    # no statistics yet; as NOT EXISTS it may compare each with each.
    head = (
        select(first.id)
        .where(
            first.endpoint_id == Delivery.endpoint_id,
            first.case_key == Delivery.case_key,
            first.case_seq <= Delivery.case_seq,
            first.origin == Delivery.origin,
            first.state == _PENDING,
        )
        .order_by(col(first.endpoint_id), col(first.case_key), col(first.case_seq))
        .limit(1)
        .correlate(Delivery)
        .scalar_subquery()
    )
    gate = col(Delivery.gate)
    kind = true() if gated is None else gate.is_not(None) if gated else gate.is_(None)
    return and_(col(Delivery.state) == _PENDING, col(Delivery.due_at) <= now, kind, col(Delivery.id) == head)


async def any_due(session: AsyncSession, now: datetime, gated: bool | None) -> bool:
    """Whether there is anything to claim: a read, so that an idle worker takes no write lock."""
    # Asked of the endpoints: asked of the deliveries, SQLite reads the whole backlog of one that is held back.
    statement = select(Endpoint.id).where(_free(now), _owed(now, gated)).limit(1)
    return (await session.exec(statement)).first() is not None


def _owed(now: datetime, gated: bool | None) -> Any:
    """Say which endpoints have something due. One look for each: an EXISTS PostgreSQL may turn into a join of all."""
    first = select(Delivery.id).where(Delivery.endpoint_id == Endpoint.id, _due(now, gated)).limit(1)
    return first.correlate(Endpoint).scalar_subquery().is_not(None)


_LANE = (
    Endpoint.id, Endpoint.owner, Endpoint.url, Endpoint.mutual_tls, Endpoint.secrets, Endpoint.signing_keys,
    Endpoint.cap, Endpoint.pace, Endpoint.failures, Endpoint.hold_until, Endpoint.position, Endpoint.epoch,
    Endpoint.state, Endpoint.retry_ceiling, Endpoint.last_outcome, Endpoint.delivered, Endpoint.last_success_at,
)  # fmt: skip


async def lanes(session: AsyncSession, now: datetime, limit: int, gated: bool | None) -> Sequence[Row]:
    """Lock endpoints that have something due, the least recently served first; skip what another worker holds."""
    statement = (
        select(*_LANE)  # type: ignore[call-overload]  # SQLModel types at most four columns
        .where(_free(now), _owed(now, gated))
        .order_by(col(Endpoint.served_at))
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=Endpoint)
    )
    return list((await run(session, statement)).mappings())


async def lock_lanes(session: AsyncSession, endpoint_ids: Sequence[str]) -> dict[str, Row]:
    """Lock endpoints, in one order for everybody, so that nobody waits in a circle."""
    statement = (
        select(*_LANE)  # type: ignore[call-overload]  # SQLModel types at most four columns
        .where(col(Endpoint.id).in_(endpoint_ids))
        .order_by(col(Endpoint.id))
        .with_for_update(key_share=True)
    )
    return {row["id"]: row for row in (await run(session, statement)).mappings()}


async def in_flight(session: AsyncSession, endpoint_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """Count what is on its way to each of these endpoints. Exact only while they are locked."""
    statement = (
        select(Delivery.endpoint_id, func.count())
        .where(
            col(Delivery.endpoint_id).in_(endpoint_ids),
            col(Delivery.state) == _PENDING,
            col(Delivery.sending).is_(True),
            col(Delivery.due_at) > now,
        )
        .group_by(Delivery.endpoint_id)
    )
    return dict((await session.exec(statement)).all())


_PICK = (
    Delivery.id, Delivery.event_id, Delivery.endpoint_id, Delivery.case_key, Delivery.origin, Delivery.gate,
    Delivery.token, Delivery.attempts, Delivery.sequence, Delivery.position, Delivery.body, Delivery.created_at,
    Delivery.first_sent_at, Delivery.next_step_at, Event.type, Event.version, Event.occurred_at, Event.data,
)  # fmt: skip


def _picks() -> Any:
    return select(*_PICK).join(Event, col(Event.id) == col(Delivery.event_id))  # type: ignore[call-overload]  # as above


async def due(session: AsyncSession, rooms: Mapping[str, int], now: datetime, gated: bool) -> list[Row]:
    """Return what may be claimed, at most so many for each of these locked endpoints."""
    if not rooms:
        return []
    if session.info["database"].is_sqlite:
        statement = _picks().where(Delivery.endpoint_id == bindparam("lane"), _due(now, gated))
        statement = statement.order_by(col(Delivery.due_at)).limit(bindparam("room"))
        found: list[Row] = []
        for lane, room in rooms.items():
            found += (await run(session, statement, {"lane": lane, "room": room})).mappings().all()
        return found
    return await _due_lateral(session, rooms, now, gated)


async def _due_lateral(session: AsyncSession, rooms: Mapping[str, int], now: datetime, gated: bool) -> list[Row]:
    """Ask for all endpoints at once: one dead endpoint with a long backlog costs no more than its few rows."""
    names = bindparam("lanes", list(rooms), type_=ARRAY(String))
    sizes = bindparam("rooms", list(rooms.values()), type_=ARRAY(Integer))
    lane = func.unnest(names, sizes).table_valued("endpoint_id", "room", name="lane").render_derived()
    head = (
        select(Delivery.id)
        .where(Delivery.endpoint_id == lane.c.endpoint_id, _due(now, gated))
        .order_by(col(Delivery.due_at))
        .limit(lane.c.room)
        .correlate(lane)
        .lateral("head")
    )
    statement = select(*_PICK).select_from(  # type: ignore[call-overload]  # SQLModel types at most four columns
        lane.join(head, true())
        .join(Delivery.__table__, col(Delivery.id) == head.c.id)  # type: ignore[attr-defined]  # SQLModel adds it
        .join(Event.__table__, col(Event.id) == col(Delivery.event_id))  # type: ignore[attr-defined]  # the same
    )
    return list((await run(session, statement)).mappings())


async def leased(session: AsyncSession, delivery_id: str, token: str) -> Row | None:
    """Return a delivery if the lease still holds. Its endpoint has been locked."""
    statement = _picks().where(Delivery.id == delivery_id, Delivery.token == token)
    found: Row | None = (await run(session, statement)).mappings().first()
    return found


# -- what is written, many rows in one statement ---------------------------------------------------


async def counters(session: AsyncSession, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the last numbers of (endpoint, case). The endpoints are locked, so nobody else takes one."""
    if not pairs:
        return {}
    key = tuple_(col(LaneCounter.endpoint_id), col(LaneCounter.case_key))
    rows = await session.exec(select(LaneCounter).where(key.in_(pairs)))
    return {(row.endpoint_id, row.case_key): row.n for row in rows}


async def count(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Keep new last numbers: `endpoint_id`, `case_key`, `n`."""
    await bulk.upsert(session, _LANES, rows, ("endpoint_id", "case_key"))


async def add_attempts(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Write attempts down before their first byte leaves: `id`, `delivery_id`, `started_at`."""
    await bulk.insert(session, _ATTEMPTS, rows)


async def close_attempts(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Write down how attempts ended: `id`, `outcome`, `status`, `milliseconds`."""
    await bulk.update(session, _ATTEMPTS, rows)


async def lose_attempts(session: AsyncSession, delivery_ids: Sequence[str]) -> None:
    """Mark attempts whose lease ended without a result."""
    lost = update(Attempt).where(col(Attempt.delivery_id).in_(delivery_ids), col(Attempt.outcome).is_(None))
    await session.exec(lost.values(outcome=Outcome.UNKNOWN.value))


async def change_deliveries(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Change deliveries, each row by its `id`. All rows name the same columns."""
    await bulk.update(session, _DELIVERIES, rows)


async def change_endpoints(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Change endpoints, each row by its `id`. All rows name the same columns."""
    await bulk.update(session, _ENDPOINTS, rows)


async def holders(session: AsyncSession, delivery_ids: Sequence[str]) -> dict[str, Row]:
    """Return who holds the lease of these deliveries, and what their answer may change."""
    columns = (
        Delivery.id, Delivery.token, Delivery.attempts, Delivery.due_at, Delivery.origin, Delivery.endpoint_id,
        Delivery.case_key, Delivery.sequence,
    )  # fmt: skip
    statement = select(*columns).where(col(Delivery.id).in_(delivery_ids))  # type: ignore[call-overload]  # as above
    return {row["id"]: row for row in (await run(session, statement)).mappings()}


# -- alarms ----------------------------------------------------------------------------------------

_RAISE = text(
    "INSERT INTO endpoint_alarm (id, endpoint_id, kind, delivery_id, raised_at) "
    "VALUES (:id, :endpoint_id, :kind, :delivery_id, :raised_at) ON CONFLICT DO NOTHING RETURNING id"
).bindparams(bindparam("raised_at", type_=Alarm.__table__.c.raised_at.type))  # type: ignore[attr-defined]  # as above


async def raise_alarm(session: AsyncSession, row: Row) -> bool:
    """Open an alarm. Returns False when one of its kind is open already."""
    return (await run(session, _RAISE, row)).first() is not None


async def clear_alarms(session: AsyncSession, endpoint_ids: Sequence[str], kinds: Sequence[str], now: datetime) -> None:
    """Close the open alarms of these kinds."""
    open_ones = update(Alarm).where(
        col(Alarm.endpoint_id).in_(endpoint_ids), col(Alarm.kind).in_(kinds), col(Alarm.cleared_at).is_(None)
    )
    await session.exec(open_ones.values(cleared_at=now))


async def skew(session: AsyncSession) -> timedelta:
    """Return how far the database's clock is ahead of this machine's, as far as can be told. One file has one clock."""
    if session.info["database"].is_sqlite:
        return timedelta()
    asked = clock.real()
    theirs: datetime = await session.scalar(text("SELECT clock_timestamp()"))
    return theirs - min(max(theirs, asked), clock.real())
