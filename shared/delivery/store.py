"""Every SQL statement of the webhook engine."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, update
from sqlalchemy.orm import aliased
from sqlmodel import col, or_, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import ids
from shared.auth import Caller
from shared.delivery.models import Attempt, Delivery, Endpoint, Event
from shared.delivery.rules import DeliveryState, EndpointState


def readable(caller: Caller) -> Any:
    """Select the endpoints that the caller may know of: its own."""
    return select(Endpoint).where(Endpoint.owner == caller.agency)


def deliveries_readable(caller: Caller) -> Any:
    """Select what has arrived at the caller's endpoints. What was never received shows nowhere."""
    own = select(Endpoint.id).where(Endpoint.owner == caller.agency)
    return select(Delivery).where(col(Delivery.endpoint_id).in_(own), Delivery.state == DeliveryState.DELIVERED)


def events_readable(caller: Caller) -> Any:
    """Select the events that were sent to the caller's endpoints."""
    sent = deliveries_readable(caller).with_only_columns(Delivery.event_id)
    return select(Event).where(col(Event.id).in_(sent))


async def endpoint(session: AsyncSession, caller: Caller, endpoint_id: str) -> Endpoint | None:
    found: Endpoint | None = (await session.exec(readable(caller).where(Endpoint.id == endpoint_id))).first()
    return found


async def endpoints_of(session: AsyncSession, owners: Sequence[str]) -> Sequence[Endpoint]:
    """Return the endpoints that get the events of these owners."""
    statement = select(Endpoint).where(col(Endpoint.owner).in_(owners)).order_by(col(Endpoint.id))
    return (await session.exec(statement)).all()


async def next_case_seq(session: AsyncSession, case_key: str) -> int:
    """Take the next number of a case. Rivals wait here until this transaction has ended."""
    statement = text(
        "INSERT INTO event_counter (case_key, n) VALUES (:key, 1) "
        "ON CONFLICT (case_key) DO UPDATE SET n = event_counter.n + 1 RETURNING n"
    )
    return int(await session.scalar(statement, {"key": case_key}))


async def next_lane_number(session: AsyncSession, endpoint_id: str, case_key: str) -> int:
    """Take the receiver's next number for a case, at the first permitted send."""
    statement = text(
        "INSERT INTO lane_counter (endpoint_id, case_key, n) VALUES (:endpoint, :key, 1) "
        "ON CONFLICT (endpoint_id, case_key) DO UPDATE SET n = lane_counter.n + 1 RETURNING n"
    )
    return int(await session.scalar(statement, {"endpoint": endpoint_id, "key": case_key}))


def _due(now: datetime) -> Any:
    earlier = aliased(Delivery)
    blocked = (
        select(earlier.id)
        .where(
            earlier.endpoint_id == Delivery.endpoint_id,
            earlier.case_key == Delivery.case_key,
            earlier.case_seq < Delivery.case_seq,
            earlier.state == DeliveryState.PENDING,
        )
        .exists()
    )
    return and_(col(Delivery.state) == DeliveryState.PENDING, col(Delivery.due_at) <= now, ~blocked)


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether there may be anything to claim: a read, so that an idle worker takes no write lock."""
    statement = (
        select(Delivery.id)
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(Endpoint.state == EndpointState.ACTIVE, Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now)
        .limit(1)
    )
    return (await session.exec(statement)).first() is not None


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[tuple[Delivery, str]]:
    """Lease what is due, a few for each endpoint, the least recently served endpoint first.

    Returns deliveries with the token of their lease. A lease ends by itself: its due time has
    been pushed to its end. With several workers, PostgreSQL skips what another one holds.
    """
    lanes = (
        select(Endpoint)
        .where(
            Endpoint.state == EndpointState.ACTIVE,
            select(Delivery.id)
            .where(Delivery.endpoint_id == Endpoint.id, Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now)
            .exists(),
        )
        .order_by(col(Endpoint.served_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed: list[tuple[Delivery, str]] = []
    for lane in (await session.exec(lanes)).all():
        lane.served_at = now  # also where nothing may be taken: else such lanes would stay the first to be looked at
        free = await room(session, lane, now)
        for gated, most in ((False, free), (True, ASKED)):
            for delivery in await _lock_due(session, lane.id, now, gated, min(most, limit - len(claimed))):
                delivery.token = ids.opaque("lse")
                delivery.due_at = now + lease
                delivery.sending = not gated
                claimed.append((delivery, delivery.token))
    await session.flush()
    return claimed


ASKED = 16
"""How many deliveries of one endpoint are asked about at once.

They take no room of it until their gate has opened: what is withheld must not slow what is sent,
or its receiver could tell by the time that there is something (the guard: Two worlds).
"""


async def _lock_due(
    session: AsyncSession, endpoint_id: str, now: datetime, gated: bool, most: int
) -> Sequence[Delivery]:
    if most <= 0:
        return []
    gate = col(Delivery.gate)
    statement = (
        select(Delivery)
        .where(Delivery.endpoint_id == endpoint_id, _due(now), gate.is_not(None) if gated else gate.is_(None))
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).all()


async def room(session: AsyncSession, lane: Endpoint, now: datetime) -> int:
    """Return how many more deliveries may be on their way to an endpoint."""
    return _cap(lane) - await _in_flight(session, lane.id, now)


def _cap(lane: Endpoint) -> int:
    return 1 if lane.failures else lane.cap  # after a failure one probe at a time


async def _in_flight(session: AsyncSession, endpoint_id: str, now: datetime) -> int:
    statement = select(func.count()).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.state == DeliveryState.PENDING,
        col(Delivery.sending).is_(True),
        Delivery.due_at > now,
    )
    return (await session.exec(statement)).one()


async def lock_endpoint(session: AsyncSession, endpoint_id: str) -> Endpoint:
    """Return an endpoint, locked: whoever counts what is on its way waits for the others."""
    statement = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()
    return (await session.exec(statement)).one()


async def leased(session: AsyncSession, delivery_id: str, token: str) -> Delivery | None:
    """Return the delivery if the lease still holds, locked."""
    statement = select(Delivery).where(Delivery.id == delivery_id, Delivery.token == token).with_for_update()
    return (await session.exec(statement)).first()


async def unpark(session: AsyncSession, endpoint_id: str, now: datetime) -> None:
    """Owe again, at once, what was parked when the endpoint was gone."""
    parked = update(Delivery).where(
        col(Delivery.endpoint_id) == endpoint_id, col(Delivery.state) == DeliveryState.PARKED
    )
    await session.exec(parked.values(state=DeliveryState.PENDING, due_at=now))


async def close_attempt(session: AsyncSession, attempt_id: str, outcome: str, status: int | None, ms: int) -> None:
    """Write down how an attempt ended."""
    await session.exec(
        update(Attempt).where(col(Attempt.id) == attempt_id).values(outcome=outcome, status=status, milliseconds=ms)
    )


async def owed(session: AsyncSession) -> Sequence[tuple[str, int, datetime]]:
    """Return, for each owner that has something coming, how many and since when."""
    statement = (
        select(Endpoint.owner, func.count(), func.min(Delivery.created_at))
        .join(Delivery, col(Delivery.endpoint_id) == col(Endpoint.id))
        .where(or_(Delivery.state == DeliveryState.PENDING, Delivery.state == DeliveryState.PARKED))
        .group_by(Endpoint.owner)
    )
    return [(owner, count, oldest) for owner, count, oldest in (await session.exec(statement)).all()]
