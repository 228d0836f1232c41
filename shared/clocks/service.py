"""Use cases of running clocks: start, meet, cancel, pause, resume, extend. `firing` lets them speak."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import rules, store
from shared.clocks.calendar import FEDERAL, Calendar, Span, midnight_after, paused_days
from shared.clocks.copies import moved
from shared.clocks.firing import Fired, fire
from shared.clocks.models import Clock, ClockChange
from shared.clocks.rules import ChangeKind, ClockAction, ClockState, Deadline, Limit, WorkingDays
from shared.errors import NotFound

__all__ = [
    "Fired",
    "calendar_of",
    "cancel",
    "extend",
    "fire",
    "meet",
    "meet_all",
    "pause",
    "restart",
    "resume",
    "started",
]


def started(
    deadline: Deadline,
    *,
    case: str,
    resource_id: str,
    agency: str,
    at: datetime | None = None,
    zone: ZoneInfo | None = None,
    calendar: Calendar | None = None,
    follower: str | None = None,
    make: Callable[..., Clock] = Clock,
) -> Clock:
    """Build a clock that runs from `at` (now, when left out). A hot path says by `make` how (shared.bundle.bare).

    A deadline in working days needs the calendar that `calendar_of` returns, and the zone in which its days end
    (`shared.zones.zone` of a state's authority; Mexico City, when left out). A clock with a `follower`, a sister
    service, tells it of whatever happens to it later; who starts the clock tells it of the start.
    """
    start = at or clock.now()
    if isinstance(deadline.due, timedelta) and isinstance(deadline.warn, timedelta):
        counted: dict[str, object] = {"warn_at": start + deadline.warn, "due_at": start + deadline.due}
    else:
        counted = _counted(deadline, start, zone or FEDERAL, calendar)
    return make(
        id=ids.new("clk"),
        rule=deadline.id,
        case_key=case,
        resource_id=resource_id,
        agency=agency,
        started_at=start,
        next_at=counted["warn_at"],
        follower=follower,
        **counted,
    )


def _counted(deadline: Deadline, start: datetime, zone: ZoneInfo, calendar: Calendar | None) -> dict[str, object]:
    if calendar is None or not isinstance(deadline.due, WorkingDays) or not isinstance(deadline.warn, WorkingDays):
        raise ValueError("A deadline in working days needs its calendar.")
    first = start.astimezone(zone).date()
    return {
        "warn_at": midnight_after(calendar.add(first, deadline.warn), zone),
        "due_at": midnight_after(calendar.add(first, deadline.due), zone),
        "working_days": deadline.due.days,
        "warn_days": deadline.warn.days,
        "zone": zone.key,
        "authority": calendar.authority,
        "authority_state": calendar.state,
    }


async def calendar_of(session: AsyncSession, deadline: Deadline, state: str | None = None) -> Calendar:
    """Return the calendar that a deadline is counted by; `state` is that of the authority, where it is a state's."""
    return await calendar_for(session, deadline.authority, state)


async def calendar_for(session: AsyncSession, authority: str | None, state: str | None) -> Calendar:
    """Return the calendar of an authority."""
    closed = await store.closed(session, authority, state)
    return Calendar(tuple(Span(each.first, each.last) for each in closed), authority, state)


# -- met or cancelled ------------------------------------------------------------------------------------


async def meet(session: AsyncSession, rule: str, resource_id: str, at: datetime | None = None) -> None:
    """Stop a clock because its duty was done. Once only; a late one stays marked as breached."""
    found = await store.find(session, rule, resource_id)
    if found is not None:
        await _meet(session, found, at or clock.now())


async def meet_all(session: AsyncSession, rule: str, case: str, at: datetime | None = None) -> None:
    """Stop every clock of one rule that a case has running."""
    for found in await store.running(session, rule, case):
        await _meet(session, found, at or clock.now())


async def _meet(session: AsyncSession, found: Clock, at: datetime) -> None:
    if found.state in (ClockState.MET, ClockState.CANCELLED):
        return
    found.state, found.met_at, found.next_at = ClockState.MET, at, None
    late = found.paused_at is None and at > found.due_at
    found.breached_at = found.due_at if late else None
    found.paused_at = found.pause_reason = None
    await moved(session, found)


async def cancel(session: AsyncSession, rule: str, resource_id: str) -> None:
    """Stop a clock because its duty fell away."""
    running = await store.find(session, rule, resource_id)
    if running is not None and running.state is ClockState.RUNNING:
        await drop(session, running)


async def drop(session: AsyncSession, found: Clock) -> None:
    """Stop a locked clock because its duty fell away, whatever it has said."""
    found.state, found.breached_at, found.next_at = ClockState.CANCELLED, None, None
    found.paused_at = found.pause_reason = None
    await moved(session, found)


_ANEW = (
    "started_at", "warn_at", "due_at", "next_at", "state", "met_at", "breached_at", "warned_at", "step",
    "working_days", "warn_days",
)  # fmt: skip


async def restart(
    session: AsyncSession, deadline: Deadline, resource_id: str, *, at: datetime | None = None,
    calendar: Calendar | None = None,
) -> bool:  # fmt: skip
    """Let a clock run anew from `at` (now, when left out): its duty is owed again. Returns whether there was one.

    One in working days needs its calendar. A breach that was told stays told, an extension that was used stays used.
    """
    found = await store.find(session, deadline.id, resource_id)
    if found is None:
        return False
    zone = ZoneInfo(found.zone) if found.zone else None
    anew = started(
        deadline, case=found.case_key, resource_id=resource_id, agency=found.agency, at=at, zone=zone, calendar=calendar
    )
    for name in _ANEW:
        setattr(found, name, getattr(anew, name))
    found.paused_at = found.pause_reason = None
    await moved(session, found)
    return True


# -- paused, resumed, extended ---------------------------------------------------------------------------


async def pause(session: AsyncSession, caller: Caller, deadline: Deadline, resource_id: str, *, reason: str) -> Clock:
    """Stop the time of a clock, on a ground of the deadline's list. It says nothing until it is resumed.

    Raises NotFound, IllegalMove, Invalid for a ground that the list lacks, RefusedByLaw where there is no list.
    """
    rules.check_ground(reason, deadline.pauses, "/reason")
    found = await _find(session, deadline, resource_id, ClockAction.PAUSE)
    _keep_warning(found)
    change = _changed(session, caller, found, ChangeKind.PAUSED, reason)
    found.paused_at, found.pause_reason, found.next_at = change.at, reason, None
    await moved(session, found)
    return found


async def resume(session: AsyncSession, caller: Caller, deadline: Deadline, resource_id: str) -> Clock:
    """Let a paused clock run on: due by as much later as it was paused, counted as the deadline is.

    Raises NotFound, IllegalMove.
    """
    found = await _find(session, deadline, resource_id, ClockAction.RESUME)
    assert found.paused_at is not None
    change = _changed(session, caller, found, ChangeKind.RESUMED, found.pause_reason)
    change.since, found.paused_at, found.pause_reason = found.paused_at, None, None
    if found.working_days is None:
        rested = change.at - change.since
        found.warn_at, found.due_at = found.warn_at + rested, found.due_at + rested
    else:
        await session.flush()  # the pause that has just ended is part of its history
        await _recount(session, found)
    await _settle(session, found, change)
    return found


async def extend(
    session: AsyncSession, caller: Caller, deadline: Deadline, resource_id: str, *, by: Limit, ground: str
) -> Clock:
    """Move the due time of a running clock, on a ground of the deadline's list, as often as the law allows.

    Raises NotFound, IllegalMove (a clock whose time is over is not extended), Invalid, RefusedByLaw.
    """
    found = await _find(session, deadline, resource_id, ClockAction.EXTEND)
    rules.check_extension(deadline, by, ground, found.extended)
    _keep_warning(found)
    change = _changed(session, caller, found, ChangeKind.EXTENDED, ground)
    found.extended += 1
    if isinstance(by, timedelta):
        found.warn_at, found.due_at = found.warn_at + by, found.due_at + by
    else:
        found.working_days = (found.working_days or 0) + by.days
        found.warn_days = (found.warn_days or 0) + by.days
        await _recount(session, found)
    await _settle(session, found, change)
    return found


async def _find(session: AsyncSession, deadline: Deadline, resource_id: str, action: ClockAction) -> Clock:
    found = await store.find(session, deadline.id, resource_id)
    if found is None:
        raise NotFound
    over = clock.now() >= found.due_at
    rules.check(action, found.state, paused=found.paused_at is not None, over=over)
    return found


def _keep_warning(found: Clock) -> None:
    """Note on a clock of an older release that it has warned: until now only its next moment said so."""
    if found.warned_at is None and found.next_at == found.due_at:
        found.warned_at = found.warn_at


def _changed(session: AsyncSession, caller: Caller, found: Clock, kind: ChangeKind, reason: str | None) -> ClockChange:
    change = ClockChange(
        id=ids.new("clh"), clock_id=found.id, kind=kind, at=clock.now(), by=caller.agency, reason=reason,
        due_before=found.due_at,
    )  # fmt: skip
    session.add(change)
    audit.wrote(session, caller, kind.value, "clock", found.id, rule=found.rule, reason=reason)
    return change


async def _settle(session: AsyncSession, found: Clock, change: ClockChange) -> None:
    change.due_after = found.due_at
    rearm(found, change.at)
    await moved(session, found)


def rearm(found: Clock, now: datetime) -> None:
    """Say when a clock whose times have moved speaks next. It warns again only where its warning lies ahead again."""
    if found.warn_at > now:
        found.warned_at = None
    found.next_at = found.due_at if found.warned_at is not None else found.warn_at


async def _recount(session: AsyncSession, found: Clock) -> None:
    known = await calendar_for(session, found.authority, found.authority_state)
    recount(found, known, await store.changes(session, [found.id]))


def recount(found: Clock, calendar: Calendar, history: Iterable[ClockChange]) -> None:
    """Count the working days of a clock anew: by this calendar, without the days on which it was paused."""
    zone = ZoneInfo(found.zone or FEDERAL.key)
    first = found.started_at.astimezone(zone).date()
    spans = [paused_days(each.since, each.at, zone) for each in history if each.since is not None]
    away = [span for span in spans if span is not None]
    found.warn_at = midnight_after(calendar.add(first, WorkingDays(found.warn_days or 1), away), zone)
    found.due_at = midnight_after(calendar.add(first, WorkingDays(found.working_days or 1), away), zone)
