"""After a restore from a backup: receivers outside are told by a new epoch that their numbers start anew.

What was sent after the backup is not in it, so numbers that it counts on from may have been used. Every
event names its epoch: a receiver sees a reset, and no silent gap. Sister services go by event ids alone
and compare the bytes of what comes twice: they keep their numbers, and get the same bytes again.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, telemetry
from shared.db import Database
from shared.delivery import store
from shared.delivery.deliveries.rules import REPLAY, RESEND
from shared.delivery.keys import SERVICE
from shared.delivery.models import Attempt, Delivery, Endpoint, LaneCounter
from shared.delivery.rules import DeliveryState, Outcome

_START = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


async def restored(database: Database) -> int:
    """Begin a new epoch at every endpoint outside. Returns how many there are.

    Run it after a restore and before any process is started. Run twice, it costs receivers a second reset.
    """
    async with database.work() as session:
        everybody = (await session.exec(select(Endpoint.id))).all()
        await store.lock_lanes(session, everybody)
        outside = select(Endpoint.id).where(col(Endpoint.owner).not_like(f"{SERVICE}%"))
        count = len((await session.exec(outside)).all())
        now = clock.now()
        await _release(session, now)
        await _renumber(session, outside, now)
        epoch = update(Endpoint).where(col(Endpoint.id).in_(outside))
        await session.exec(epoch.values(epoch=_next_epoch(now)).execution_options(synchronize_session=False))
    telemetry.say("warning", "restored", endpoints=count)
    return count


async def _release(session: AsyncSession, now: datetime) -> None:
    """Nobody holds these leases any more."""
    leased = update(Delivery).where(
        col(Delivery.state) == DeliveryState.PENDING,
        col(Delivery.token).is_not(None),
    )
    await session.exec(leased.values(token=None, sending=False, due_at=now))
    lost = update(Attempt).where(col(Attempt.outcome).is_(None))
    await session.exec(lost.values(outcome=Outcome.UNKNOWN.value))


async def _renumber(session: AsyncSession, outside: Any, now: datetime) -> None:
    """Let what is owed get its numbers and bytes anew: what a feed has shown, too, without an acknowledgement.

    What is sent once more keeps those of the first time.
    """
    await session.exec(delete(LaneCounter).where(col(LaneCounter.endpoint_id).in_(outside)))
    origin = col(Delivery.origin)
    owed = update(Delivery).where(
        col(Delivery.endpoint_id).in_(outside),
        col(Delivery.state).in_([DeliveryState.PENDING, DeliveryState.PARKED]),
        ~origin.startswith(f"{RESEND}_", autoescape=True),
        ~origin.startswith(f"{REPLAY}_", autoescape=True),
    )
    await session.exec(owed.values(sequence=None, position=None, body=None, due_at=now))


def _next_epoch(now: datetime) -> Any:
    """Return an epoch that no restore has given before, not even one of the same backup."""
    floor = (now - _START) // _MINUTE
    return case((col(Endpoint.epoch) < floor, floor), else_=col(Endpoint.epoch) + 1)
