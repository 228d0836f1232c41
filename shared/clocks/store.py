"""Every SQL statement of the deadline engine."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.clocks.calendar import EVERYBODY
from shared.clocks.models import Clock, ClockChange, Suspension
from shared.clocks.rules import ClockState


def readable(caller: Caller) -> Any:
    """Select the clocks of the duties that the caller's agency owes."""
    return select(Clock).where(Clock.agency == caller.agency)


async def of(session: AsyncSession, *resource_ids: str) -> Sequence[Clock]:
    """Return the clocks of resources that the caller has been shown to be able to read."""
    statement = select(Clock).where(col(Clock.resource_id).in_(resource_ids)).order_by(col(Clock.rule))
    return (await session.exec(statement)).all()


async def find(session: AsyncSession, rule: str, resource_id: str) -> Clock | None:
    """Return one clock, locked."""
    statement = select(Clock).where(Clock.rule == rule, Clock.resource_id == resource_id).with_for_update()
    return (await session.exec(statement)).first()


async def running(session: AsyncSession, rule: str, case_key: str) -> Sequence[Clock]:
    """Return the clocks of one rule that a case still has to meet, locked."""
    statement = select(Clock).where(
        Clock.rule == rule, Clock.case_key == case_key, col(Clock.state).in_([ClockState.RUNNING, ClockState.BREACHED])
    )
    return (await session.exec(statement.with_for_update())).all()


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a clock has something to say: a read, so that an idle worker takes no write lock."""
    return (await session.exec(select(Clock.id).where(col(Clock.next_at) <= now).limit(1))).first() is not None


async def due(session: AsyncSession, now: datetime, limit: int) -> Sequence[Clock]:
    """Return clocks that have something to say, locked; what another worker holds is skipped."""
    statement = (
        select(Clock)
        .where(col(Clock.next_at) <= now)
        .order_by(col(Clock.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).all()


async def changes(session: AsyncSession, clock_ids: Collection[str]) -> Sequence[ClockChange]:
    """Return what was done to clocks, oldest first."""
    statement = select(ClockChange).where(col(ClockChange.clock_id).in_(clock_ids))
    return (await session.exec(statement.order_by(col(ClockChange.at), col(ClockChange.id)))).all()


# -- the calendar ----------------------------------------------------------------------------------------


async def closed(session: AsyncSession, authority: str | None, state: str | None) -> Sequence[Suspension]:
    """Return the suspensions that count for an authority: its own, and everybody's."""
    statement = select(Suspension).where(
        col(Suspension.authority).in_([EVERYBODY, authority or EVERYBODY]),
        or_(col(Suspension.state).is_(None), col(Suspension.state) == state),
        col(Suspension.withdrawn_at).is_(None),
    )
    return (await session.exec(statement.order_by(col(Suspension.first), col(Suspension.id)))).all()
