"""A change of the calendar moves the open clocks that it touches: in batches, each with an entry in its history.

Every change is swept twice, a minute apart: who started a clock by the old calendar while the first sweep went on has
committed by the second.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import store
from shared.clocks.calendar import Calendar
from shared.clocks.copies import moved
from shared.clocks.models import Clock, ClockChange, Suspension
from shared.clocks.rules import ChangeKind, ClockState
from shared.clocks.service import calendar_for, rearm, recount
from shared.db import Database

SWEEPS = 2
_BETWEEN = timedelta(minutes=1)
_BATCH = 200


def due(changed: Suspension, now: datetime) -> None:
    """Let the worker sweep the clocks that a suspension touches, now that it was recorded or withdrawn."""
    changed.sweep_at, changed.sweep_from, changed.sweeps_left = now, "", SWEEPS


async def sweep(database: Database, caller: Caller) -> int:
    """Move one batch of clocks, as `caller`. Returns how many were looked at, or 1 when a sweep has ended."""
    now = clock.now()
    async with database.work(write=False) as session:
        if not await store.any_sweep(session, now):
            return 0
    async with database.work() as session:
        changed = await store.next_sweep(session, now)
        if changed is None:
            return 0
        found = await store.counted(session, changed, _BATCH)
        await _move(session, caller, changed, found, now)
        if len(found) == _BATCH:
            changed.sweep_from = found[-1].id
            return len(found)
        changed.sweeps_left, changed.sweep_from = changed.sweeps_left - 1, ""
        changed.sweep_at = now + _BETWEEN if changed.sweeps_left > 0 else None
        return len(found) or 1


async def _move(session: AsyncSession, caller: Caller, changed: Suspension, found: list[Clock], now: datetime) -> None:
    history = defaultdict(list)
    for change in await store.changes(session, [each.id for each in found]):
        history[change.clock_id].append(change)
    calendars: dict[tuple[str | None, str | None], Calendar] = {}
    for each in found:
        key = (each.authority, each.authority_state)
        if key not in calendars:
            calendars[key] = await calendar_for(session, *key)
        before = (each.warn_at, each.due_at)
        recount(each, calendars[key], history[each.id])
        if (each.warn_at, each.due_at) != before:
            _note(session, caller, changed, each, before[1], now)
            await moved(session, each)


def _note(
    session: AsyncSession, caller: Caller, changed: Suspension, each: Clock, before: datetime, now: datetime
) -> None:
    if each.state is ClockState.RUNNING:
        rearm(each, now)
    elif each.due_at > now:  # it was told as breached by a calendar that was not whole
        each.state, each.breached_at, each.step = ClockState.RUNNING, None, 0
        rearm(each, now)
    else:
        each.breached_at = each.due_at
    change = ClockChange(
        id=ids.new("clh"), clock_id=each.id, kind=ChangeKind.RECOMPUTED, at=now,
        by=changed.withdrawn_by or changed.recorded_by, reason=changed.id, due_before=before, due_after=each.due_at,
    )  # fmt: skip
    session.add(change)
    audit.wrote(session, caller, ChangeKind.RECOMPUTED.value, "clock", each.id, rule=each.rule, suspension=changed.id)
