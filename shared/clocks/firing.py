"""Clocks speak: a warning, the breach, and further steps while the duty is still not done. Each once.

A batch is claimed, moved on and told in one transaction: on PostgreSQL many workers share the clocks out by SKIP
LOCKED, on SQLite there is one writer. Whatever fails for a batch is done clock by clock, so that a fault in one
holds up no other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, telemetry
from shared.clocks import store
from shared.clocks.models import Clock
from shared.clocks.rules import BREACHED, ESCALATED, WARNED, ClockState
from shared.db import Database, is_lost


@dataclass(frozen=True, slots=True)
class Said:
    """What one clock says: its kind, and which step of its chain it takes (0: none; 1: the first after the breach)."""

    clock: Clock
    kind: str
    step: int = 0


One = Callable[[AsyncSession, Clock, str], Awaitable[None]]
"""What a service does when a clock warns or breaks, in one transaction."""
Many = Callable[[AsyncSession, Sequence[Said]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Voice:
    """What a service does when clocks speak together, and after what time from a breach which rule speaks again."""

    many: Many
    steps: Mapping[str, Sequence[timedelta]] = field(default_factory=dict)


Fired = One | Voice
_BATCH = 200
_AGAIN = timedelta(minutes=1)


async def fire(database: Database, fired: Fired) -> int:
    """Let every clock that is due speak, once. Returns how many spoke."""
    now = clock.now()
    voice, together = (fired, True) if isinstance(fired, Voice) else (Voice(_each(fired)), False)
    async with database.work(write=False) as session:
        if not await store.any_due(session, now):
            return 0
    async with database.work() as session:
        claimed = await store.due(session, now, _BATCH)
        if together and len(claimed) > 1:
            if await _try(session, claimed, now, voice):
                return len(claimed)
            claimed = await store.reread(session, [each.id for each in claimed])
        return sum([await _alone(session, each, now, voice) for each in claimed])


def _each(one: One) -> Many:
    async def many(session: AsyncSession, said: Sequence[Said]) -> None:
        for each in said:
            await one(session, each.clock, each.kind)

    return many


async def _alone(session: AsyncSession, each: Clock, now: datetime, voice: Voice) -> bool:
    """Let one clock speak. A bug in its words is tried again in a minute."""
    if await _try(session, [each], now, voice, last=True):
        return True
    (again,) = await store.reread(session, [each.id])
    again.next_at = now + _AGAIN
    await store.keep(session, [again])
    return False


async def _try(
    session: AsyncSession, clocks: Sequence[Clock], now: datetime, voice: Voice, *, last: bool = False
) -> bool:
    """Let clocks speak, all or none. Returns whether they did."""
    try:
        async with session.begin_nested():
            await voice.many(session, [_speak(each, now, voice) for each in clocks])
            await store.keep(session, clocks)
    except Exception as error:
        if is_lost(error):
            raise
        if last:
            telemetry.failed(error)
        return False
    return True


def _speak(each: Clock, now: datetime, voice: Voice) -> Said:
    """Move a clock on to its next moment, and return what it says at this one."""
    steps = voice.steps.get(each.rule, ())
    if each.state is ClockState.BREACHED:
        each.step += 1
        each.next_at = each.due_at + steps[each.step] if each.step < len(steps) else None
        return Said(each, ESCALATED, each.step)
    if now < each.due_at:
        each.warned_at, each.next_at = now, each.due_at
        return Said(each, WARNED)
    each.state, each.breached_at = ClockState.BREACHED, each.due_at
    each.warned_at = each.warned_at or now  # who was told of the breach needs no warning of it
    each.next_at = each.due_at + steps[0] if steps else None
    return Said(each, BREACHED)
