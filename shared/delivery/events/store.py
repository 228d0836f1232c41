"""Every SQL statement of the feed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, update
from sqlalchemy.orm import aliased
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.db import run
from shared.delivery.bulk import Row
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import Channel, DeliveryState, EndpointState

MOST_ASKED = 100
"""Withheld events that one read considers. It is no caller's choice: `limit` must tell nothing of them."""


def readable(caller: Caller) -> Any:
    """Select the endpoints whose feed the caller may read: its own, operators too, since a feed holds bodies."""
    return select(Endpoint).where(Endpoint.owner == caller.agency, Endpoint.state != EndpointState.REMOVED)


async def endpoints(session: AsyncSession, caller: Caller, endpoint_id: str | None, lock: bool) -> Sequence[Endpoint]:
    """Return the one that is named, or else the first two that there are."""
    statement = readable(caller).order_by(col(Endpoint.id)).limit(2)
    if endpoint_id is not None:
        statement = statement.where(Endpoint.id == endpoint_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    found: Sequence[Endpoint] = (await session.exec(statement)).all()
    return found


async def shown(
    session: AsyncSession, endpoint_id: str, channel: Channel, after: int, limit: int
) -> list[tuple[int, bytes]]:
    """Return place and body of what the feed holds behind `after`."""
    state = col(Delivery.state)
    visible = state != DeliveryState.CANCELLED
    if channel is Channel.WEBHOOK:
        # A gated event whose sends have all failed may still be stopped, and then it must never have been.
        visible = and_(
            col(Delivery.origin) == "live",
            or_(and_(col(Delivery.gate).is_(None), visible), state == DeliveryState.DELIVERED),
        )
    statement = (
        select(Delivery.position, Delivery.body)
        .where(Delivery.endpoint_id == endpoint_id, col(Delivery.position) > after, visible)
        .order_by(col(Delivery.position))
        .limit(limit)
    )
    return [(place, body) for place, body in (await session.exec(statement)).all()]  # type: ignore[misc]  # place and body are given together


def _unopened(endpoint_id: str) -> Any:
    return and_(
        col(Delivery.endpoint_id) == endpoint_id,
        col(Delivery.state) == DeliveryState.PENDING,
        col(Delivery.position).is_(None),
    )


def _before() -> tuple[Any, Any]:
    """Return the deliveries that stand before one in its case, not opened either, and what says so."""
    earlier: Any = aliased(Delivery)
    return earlier, and_(
        earlier.endpoint_id == Delivery.endpoint_id,
        earlier.case_key == Delivery.case_key,
        earlier.origin == Delivery.origin,
        earlier.case_seq < Delivery.case_seq,
        earlier.state == DeliveryState.PENDING,
        earlier.position.is_(None),
    )


def _picks(endpoint_id: str) -> Any:
    earlier, stands_before = _before()
    last = select(func.max(earlier.case_seq)).where(stands_before).scalar_subquery().label("before")
    return (
        select(
            Delivery.id, Delivery.event_id, Delivery.endpoint_id, Delivery.case_key, Delivery.case_seq, Delivery.origin,
            Delivery.gate, Delivery.created_at, Event.type, Event.version, Event.occurred_at, Event.data, last,
        )  # type: ignore[call-overload]  # SQLModel types at most four columns
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .where(_unopened(endpoint_id))
        .order_by(col(Delivery.due_at), col(Delivery.case_seq))
    )  # fmt: skip


async def free(session: AsyncSession, endpoint_id: str, room: int) -> list[Row]:
    """Return what has no gate, and waits for nothing that has one, the oldest first."""
    other, stands_before = _before()
    # One that is due later though it stands before was written by a clock that went ahead: it comes first.
    waits = select(other.id).where(stands_before, or_(other.gate.is_not(None), other.due_at > Delivery.due_at)).exists()
    picks = _picks(endpoint_id).where(col(Delivery.gate).is_(None), ~waits).limit(room)
    return list((await run(session, picks)).mappings())


def _heads(endpoint_id: str) -> Any:
    head, stands_before = _before()
    first = ~select(head.id).where(stands_before).exists()
    return _picks(endpoint_id).where(col(Delivery.gate).is_not(None), first).limit(MOST_ASKED)


async def gated(session: AsyncSession, endpoint_id: str, now: datetime) -> list[Row]:
    """Return the first of each case that has a gate which may be asked now, those that waited longest first."""
    return list((await run(session, _heads(endpoint_id).where(col(Delivery.due_at) <= now))).mappings())


async def permitted(session: AsyncSession, endpoint_id: str, delivery_ids: Sequence[str]) -> list[Row]:
    """Return which of these are still the first of their case, whatever another reader was told of them."""
    return list((await run(session, _heads(endpoint_id).where(col(Delivery.id).in_(delivery_ids)))).mappings())


async def still_unopened(session: AsyncSession, endpoint_id: str, delivery_ids: Sequence[str]) -> set[str]:
    """Return which of these nobody has opened meanwhile. Their endpoint has been locked."""
    statement = select(Delivery.id).where(_unopened(endpoint_id), col(Delivery.id).in_(delivery_ids))
    return set((await session.exec(statement)).all())


async def acknowledge(session: AsyncSession, endpoint_id: str, through: int, now: datetime) -> int:
    """Mark as delivered what was shown up to `through`. Returns how many were not yet."""
    statement = update(Delivery).where(
        col(Delivery.endpoint_id) == endpoint_id,
        col(Delivery.state) == DeliveryState.PENDING,
        col(Delivery.position) <= through,
    )
    done = await run(session, statement.values(state=DeliveryState.DELIVERED, delivered_at=now))
    return int(done.rowcount)
