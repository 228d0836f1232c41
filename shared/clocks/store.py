"""Every SQL statement of the deadline engine."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlmodel import SQLModel, and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.clocks.calendar import EVERYBODY
from shared.clocks.models import Clock, ClockChange, Suspension
from shared.clocks.rules import ClockState
from shared.delivery import bulk


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
    """Return clocks that have something to say, locked; what another worker holds is skipped. `keep` writes them."""
    statement = (
        select(Clock)
        .where(col(Clock.next_at) <= now)
        .order_by(col(Clock.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return await _apart(session, statement)


async def reread(session: AsyncSession, clock_ids: Sequence[str]) -> Sequence[Clock]:
    """Return clocks that `due` has locked, as the database has them."""
    return await _apart(session, select(Clock).where(col(Clock.id).in_(clock_ids)).order_by(col(Clock.next_at)))


async def _apart(session: AsyncSession, statement: Any) -> Sequence[Clock]:
    found: Sequence[Clock] = (await session.exec(statement)).all()
    for each in found:
        session.expunge(each)  # the ORM would update them one by one
    return found


async def keep(session: AsyncSession, clocks: Sequence[Clock]) -> None:
    """Write where clocks stand that have spoken, in one statement."""
    rows = [{"id": each.id, **{name: getattr(each, name) for name in _MOVED}} for each in clocks]
    await bulk.update(session, _CLOCKS, rows)


_CLOCKS = SQLModel.metadata.tables["clock"]
_MOVED = ("state", "next_at", "breached_at", "warned_at", "step")


async def changes(session: AsyncSession, clock_ids: Collection[str]) -> Sequence[ClockChange]:
    """Return what was done to clocks, oldest first."""
    statement = select(ClockChange).where(col(ClockChange.clock_id).in_(clock_ids))
    return (await session.exec(statement.order_by(col(ClockChange.at), col(ClockChange.id)))).all()


# -- the calendar ----------------------------------------------------------------------------------------


async def closed(session: AsyncSession, authority: str | None, state: str | None) -> Sequence[Suspension]:
    """Return the suspensions that count for an authority: its own, and everybody's in the country or its state."""
    own = and_(Suspension.authority == authority, _same(Suspension.state, state))
    everybodys = and_(
        Suspension.authority == EVERYBODY, or_(col(Suspension.state).is_(None), col(Suspension.state) == state)
    )
    statement = select(Suspension).where(or_(own, everybodys), col(Suspension.withdrawn_at).is_(None))
    return (await session.exec(statement.order_by(col(Suspension.first), col(Suspension.id)))).all()


def _same(column: Any, value: str | None) -> Any:
    return col(column).is_(None) if value is None else col(column) == value


async def any_sweep(session: AsyncSession, now: datetime) -> bool:
    """Whether a change of the calendar waits to be swept."""
    return (
        await session.exec(select(Suspension.id).where(col(Suspension.sweep_at) <= now).limit(1))
    ).first() is not None


async def next_sweep(session: AsyncSession, now: datetime) -> Suspension | None:
    """Return a change of the calendar that waits to be swept, locked; what another worker sweeps is skipped."""
    statement = select(Suspension).where(col(Suspension.sweep_at) <= now).order_by(col(Suspension.sweep_at)).limit(1)
    return (await session.exec(statement.with_for_update(skip_locked=True))).first()


_DAY = timedelta(days=1)


async def counted(session: AsyncSession, changed: Suspension, limit: int) -> list[Clock]:
    """Return the next open clocks that a suspension may touch, locked, by id.

    Those that count working days by its authority's calendar and run into its days, wherever these end. A paused one
    is counted anew when it is resumed.
    """
    first, last = (datetime.combine(day, time(), UTC) for day in (changed.first, changed.last))
    statement = select(Clock).where(
        col(Clock.working_days).is_not(None),
        col(Clock.met_at).is_(None),
        col(Clock.state).in_([ClockState.RUNNING, ClockState.BREACHED]),
        col(Clock.paused_at).is_(None),
        col(Clock.due_at) > first - _DAY,
        col(Clock.started_at) < last + 2 * _DAY,
        col(Clock.id) > changed.sweep_from,
    )
    if changed.authority != EVERYBODY:
        statement = statement.where(Clock.authority == changed.authority, _same(Clock.authority_state, changed.state))
    elif changed.state is not None:
        statement = statement.where(Clock.authority_state == changed.state)
    return list((await session.exec(statement.order_by(col(Clock.id)).limit(limit).with_for_update())).all())
