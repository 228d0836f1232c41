"""Use cases of the deadline engine: start, meet, cancel, and fire what is due."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids, telemetry
from shared.clocks import store
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState, Deadline
from shared.db import Database, is_lost

Fired = Callable[[AsyncSession, Clock, str], Awaitable[None]]
"""What a service does when a clock speaks: `clock.warned` or `clock.breached`, in one transaction."""

_BATCH = 100
_AGAIN = timedelta(minutes=1)


def started(
    deadline: Deadline,
    *,
    case: str,
    resource_id: str,
    agency: str,
    at: datetime | None = None,
    make: Callable[..., Clock] = Clock,
) -> Clock:
    """Build a clock that runs from `at` (now, when left out). A hot path says by `make` how (shared.bundle.bare)."""
    start = at or clock.now()
    return make(
        id=ids.new("clk"),
        rule=deadline.id,
        case_key=case,
        resource_id=resource_id,
        agency=agency,
        started_at=start,
        warn_at=start + deadline.warn,
        due_at=start + deadline.due,
        next_at=start + deadline.warn,
    )


async def meet(session: AsyncSession, rule: str, resource_id: str, at: datetime | None = None) -> None:
    """Stop a clock because its duty was done. Once only; a late one stays marked as breached."""
    found = await store.find(session, rule, resource_id)
    if found is not None:
        _meet(found, at or clock.now())


async def meet_all(session: AsyncSession, rule: str, case: str, at: datetime | None = None) -> None:
    """Stop every clock of one rule that a case has running."""
    for found in await store.running(session, rule, case):
        _meet(found, at or clock.now())


def _meet(found: Clock, at: datetime) -> None:
    if found.state in (ClockState.MET, ClockState.CANCELLED):
        return
    found.state, found.met_at, found.next_at = ClockState.MET, at, None
    if at > found.due_at:
        found.breached_at = found.breached_at or found.due_at


async def cancel(session: AsyncSession, rule: str, resource_id: str) -> None:
    """Stop a clock because its duty fell away."""
    running = await store.find(session, rule, resource_id)
    if running is not None and running.state is ClockState.RUNNING:
        running.state, running.next_at = ClockState.CANCELLED, None


async def fire(database: Database, fired: Fired) -> int:
    """Let every clock that is due speak, once. Returns how many spoke."""
    now = clock.now()
    async with database.work(write=False) as session:
        if not await store.any_due(session, now):
            return 0
    async with database.work() as session:
        return sum([await _try(session, each, now, fired) for each in await store.due(session, now, _BATCH)])


async def _try(session: AsyncSession, each: Clock, now: datetime, fired: Fired) -> bool:
    """Let one clock speak. A bug in its words holds back no other clock; it is tried again in a minute."""
    try:
        async with session.begin_nested():
            await _speak(session, each, now, fired)
    except Exception as error:
        if is_lost(error):
            raise
        telemetry.failed(error)
        await session.refresh(each)
        each.next_at = now + _AGAIN
        return False
    return True


async def _speak(session: AsyncSession, each: Clock, now: datetime, fired: Fired) -> None:
    if now < each.due_at:
        each.next_at = each.due_at
        await fired(session, each, "clock.warned")
        return
    each.state, each.breached_at, each.next_at = ClockState.BREACHED, each.due_at, None
    await fired(session, each, "clock.breached")
