"""Use cases of return points: enter one, replace what it says, read what it said."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.duty.rules import Weekday
from services.referral.return_points import rules, store
from services.referral.return_points.models import ReturnPoint, ReturnPointVersion
from services.referral.return_points.rules import Point
from services.referral.return_points.schemas import (
    ReturnPointHistory,
    ReturnPointIn,
    ReturnPointOut,
    ReturnPointVersionOut,
)
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import Fault, Invalid, NotFound


async def enter(session: AsyncSession, caller: Caller, body: ReturnPointIn) -> ReturnPointOut:
    """Enter a point. Raises RefusedByLaw, Invalid."""
    _check(caller, body)
    now = clock.now()
    row = ReturnPoint(id=ids.new("rpt"), created_at=now, updated_at=now, **_values(body))
    session.add(row)
    await _keep(session, caller, row, "enter")
    return show(caller, row)


async def replace(
    session: AsyncSession, caller: Caller, point_id: str, if_match: str, body: ReturnPointIn
) -> ReturnPointOut:
    """Replace what a point says from now on; what it said is kept. Raises NotFound, Stale, RefusedByLaw, Invalid."""
    row = await store.get(session, caller, point_id, lock=True)
    if row is None:
        raise NotFound
    _check(caller, body)
    etags.must_match(if_match, row.version)
    if body.country != row.country:
        raise Invalid("A point stays in its country.", faults=[Fault("/country", "never_changes")])
    for name, value in _values(body).items():
        setattr(row, name, value)
    row.version, row.updated_at = row.version + 1, clock.now()
    await _keep(session, caller, row, "update")
    return show(caller, row)


def _check(caller: Caller, body: ReturnPointIn) -> None:
    if not rules.may_manage(caller.agency_kind, caller.state):
        raise rules.OWN_POINTS.refuse("Return points are not yours to enter.", allowed_actions=[])
    found = list(rules.faults(body.country, body.instrument, body.valid_from, body.valid_to))
    if found:
        raise Invalid("The point does not fit.", faults=[Fault(f"/{name}", reason) for name, reason in found])


def _values(body: ReturnPointIn) -> dict[str, Any]:
    values = body.model_dump()
    return values | {
        "week": [each.model_dump(mode="json") for each in body.week],
        "closed_on": sorted({each.isoformat() for each in body.closed_on}),
    }


async def _keep(session: AsyncSession, caller: Caller, row: ReturnPoint, action: str) -> None:
    await session.flush()
    content = row.model_dump(mode="json", exclude={"id", "created_at", "updated_at", "version"})
    session.add(
        ReturnPointVersion(
            point_id=row.id, version=row.version, content=content, changed_by=caller.agency, changed_at=row.updated_at
        )
    )
    audit.wrote(session, caller, action, "return_point", row.id, version=row.version)


async def find(session: AsyncSession, caller: Caller, point_id: str) -> ReturnPoint:
    """Return a point. Raises NotFound."""
    row = await store.get(session, caller, point_id)
    if row is None:
        raise NotFound
    return row


async def history(session: AsyncSession, caller: Caller, point_id: str) -> ReturnPointHistory:
    """Return what a point was, oldest first. Raises NotFound."""
    await find(session, caller, point_id)
    rows = await store.history(session, point_id)
    return ReturnPointHistory(items=[ReturnPointVersionOut.model_validate(row) for row in rows])


def show(caller: Caller, row: ReturnPoint) -> ReturnPointOut:
    """Return a point as its readers see it."""
    may = list(rules.allowed(caller.agency_kind, caller.state))
    return ReturnPointOut.model_validate(row.model_dump() | {"allowed_actions": may})


def point(row: ReturnPoint) -> Point:
    """Return a point as the rules know it."""
    week = tuple(
        (frozenset(Weekday(day) for day in each["days"]), rules.hours(each["opens"], each["closes"]))
        for each in row.week
    )
    return Point(
        country=row.country, instrument=row.instrument, zone=ZoneInfo(row.zone), week=week,
        closed_on=frozenset(date.fromisoformat(day) for day in row.closed_on), valid_from=row.valid_from,
        valid_to=row.valid_to, notice=timedelta(hours=row.notice_hours),
    )  # fmt: skip
