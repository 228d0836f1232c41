"""Every SQL statement on endpoints and their alarms that is not the queue's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, or_, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.db import run
from shared.delivery import store
from shared.delivery.chains import HEARTBEAT, REMINDER, TEST
from shared.delivery.models import Alarm, Delivery, Endpoint, Event
from shared.delivery.rules import Channel, DeliveryState, EndpointState

_LOCK = 0xE4D9  # PostgreSQL advisory lock, with the owner: one registration of an owner at a time


def readable(caller: Caller) -> Any:
    """Select the endpoints that the caller may know of and that are still there."""
    return store.readable(caller).where(Endpoint.state != EndpointState.REMOVED)


async def get(session: AsyncSession, caller: Caller, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
    """Return an endpoint that the caller may know of."""
    statement = readable(caller).where(Endpoint.id == endpoint_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    found: Endpoint | None = (await session.exec(statement)).first()
    return found


async def alone(session: AsyncSession, owner: str) -> None:
    """Let no other registration of this owner run until this transaction has ended. SQLite has one writer anyway."""
    if not session.info["database"].is_sqlite:
        await run(
            session, text("SELECT pg_advisory_xact_lock(:lock, hashtext(:owner))"), {"lock": _LOCK, "owner": owner}
        )


async def count(session: AsyncSession, owner: str) -> int:
    """Return how many endpoints an owner has."""
    statement = select(func.count()).where(Endpoint.owner == owner, Endpoint.state != EndpointState.REMOVED)
    return (await session.exec(statement)).one()


# -- what a removed endpoint leaves ----------------------------------------------------------------

_UNDONE = (DeliveryState.PENDING, DeliveryState.PARKED)
_ANEW: dict[str, Any] = {
    "state": DeliveryState.PENDING, "token": None, "sending": False, "attempts": 0, "last_outcome": None,
    "last_status": None, "sequence": None, "position": None, "body": None, "first_sent_at": None, "step": 0,
    "next_step_at": None,
}  # fmt: skip


async def adopt(session: AsyncSession, endpoint: Endpoint, now: datetime) -> None:
    """Owe to a new endpoint what its owner has not got by any other: as if nothing of it had ever been sent.

    The locks on the removed endpoints wait for whoever is owing them something at this moment.
    """
    left = select(Endpoint.id).where(Endpoint.owner == endpoint.owner, Endpoint.state == EndpointState.REMOVED)
    removed = (await session.exec(left.order_by(col(Endpoint.id)).with_for_update())).all()
    if not removed:
        return
    orphans = (
        select(Delivery.id)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .where(
            col(Delivery.endpoint_id).in_(removed),
            col(Delivery.state).in_(_UNDONE),
            ~_elsewhere(endpoint.owner),
            _wanted(endpoint.event_types),
        )
    )
    adopted = update(Delivery).where(col(Delivery.id).in_(orphans))
    await run(session, adopted.values(endpoint_id=endpoint.id, due_at=now, **_ANEW))


def _elsewhere(owner: str) -> ColumnElement[bool]:
    """Whether another endpoint of the owner has, had, or (of several that are removed) is first with the same event."""
    other, its = aliased(Delivery), aliased(Endpoint)
    first = and_(col(other.state).in_(_UNDONE), col(other.id) < col(Delivery.id))
    return (
        select(other.id)
        .join(its, col(its.id) == col(other.endpoint_id))
        .where(
            other.event_id == Delivery.event_id,
            other.origin == Delivery.origin,
            other.id != Delivery.id,
            its.owner == owner,
            or_(its.state != EndpointState.REMOVED, other.state == DeliveryState.DELIVERED, first),
        )
        .exists()
    )


def _wanted(event_types: Sequence[str] | None) -> ColumnElement[bool]:
    """What speaks of the removed endpoint itself, its tests and heartbeats, means nothing to another."""
    if event_types is None:
        return col(Event.type).not_in([TEST, HEARTBEAT])
    return col(Event.type).in_([*event_types, REMINDER])


async def delivery_of(session: AsyncSession, event_id: str, endpoint_id: str) -> str:
    """Return the id of the delivery that owes an event to an endpoint."""
    statement = select(Delivery.id).where(Delivery.event_id == event_id, Delivery.endpoint_id == endpoint_id)
    return (await session.exec(statement)).one()


# -- alarms ----------------------------------------------------------------------------------------


async def open_alarms(session: AsyncSession, endpoint_ids: Sequence[str]) -> dict[str, list[Alarm]]:
    """Return the open alarms of these endpoints, the oldest first."""
    statement = select(Alarm).where(col(Alarm.endpoint_id).in_(endpoint_ids), col(Alarm.cleared_at).is_(None))
    found: dict[str, list[Alarm]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
    for alarm in (await session.exec(statement.order_by(col(Alarm.id)))).all():
        found[alarm.endpoint_id].append(alarm)
    return found


def readable_alarms(caller: Caller) -> Any:
    """Select the alarms of the endpoints that the caller may know of."""
    known = readable(caller).with_only_columns(col(Endpoint.id))
    return select(Alarm).where(col(Alarm.endpoint_id).in_(known))


async def alarm(session: AsyncSession, caller: Caller, alarm_id: str) -> Alarm | None:
    """Return an alarm that the caller may know of, locked."""
    statement = readable_alarms(caller).where(Alarm.id == alarm_id).with_for_update()
    found: Alarm | None = (await session.exec(statement)).first()
    return found


async def gated(session: AsyncSession, delivery_ids: Sequence[str]) -> set[str]:
    """Return which of these deliveries are behind a gate."""
    statement = select(Delivery.id).where(col(Delivery.id).in_(delivery_ids), col(Delivery.gate).is_not(None))
    return set((await session.exec(statement)).all())


# -- addresses to be proven ------------------------------------------------------------------------


def _unproven(now: datetime) -> Any:
    return select(Endpoint).where(
        Endpoint.state == EndpointState.PENDING,
        Endpoint.channel == Channel.WEBHOOK,
        col(Endpoint.proof_due_at) <= now,
    )


async def any_unproven(session: AsyncSession, now: datetime) -> bool:
    """Whether an address is to be put to the proof: a read, so that an idle worker takes no write lock."""
    return (await session.exec(_unproven(now).limit(1))).first() is not None


async def unproven(session: AsyncSession, now: datetime, limit: int) -> Sequence[Endpoint]:
    """Lock endpoints whose address is to be put to the proof; skip what another worker holds."""
    statement = _unproven(now).order_by(col(Endpoint.proof_due_at)).limit(limit)
    found: Sequence[Endpoint] = (await session.exec(statement.with_for_update(skip_locked=True, key_share=True))).all()
    return found


async def still(session: AsyncSession, asked: Endpoint) -> Endpoint | None:
    """Lock an endpoint that was put to the proof, if it is still the address and the challenge that were asked."""
    statement = select(Endpoint).where(
        Endpoint.id == asked.id,
        Endpoint.state == EndpointState.PENDING,
        Endpoint.url == asked.url,
        Endpoint.proof_challenge == asked.proof_challenge,
    )
    return (await session.exec(statement.with_for_update(key_share=True))).first()
