"""Use cases of calendars: record a suspension, withdraw it, bring those that ship with the software."""

import csv
import hashlib
from collections.abc import Iterator
from datetime import date
from importlib.resources import files

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.calendar import rules, store
from services.referral.calendar.schemas import CalendarSuspensionIn, CalendarSuspensionOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import sweeping
from shared.clocks.models import Suspension
from shared.errors import Fault, Forbidden, IllegalMove, Invalid, NotFound
from shared.runtime import Runtime

SHIPPED = "ruta"
"""Who has recorded what ships with the software."""


async def record(session: AsyncSession, caller: Caller, body: CalendarSuspensionIn) -> Suspension:
    """Record days that do not count for the caller's authority. Raises Forbidden, Invalid.

    The worker moves the clocks that it touches, at once and again a minute later.
    """
    if not rules.runs_own(caller.agency_kind, caller.state):
        raise Forbidden("The calendar of an authority is run by its central office.")
    if reason := rules.fault_of(body.first, body.last):
        raise Invalid("These are no days from a first to a last one.", faults=[Fault("/last", reason)])
    made = Suspension(
        id=ids.new("cal"), authority=caller.agency_kind, state=caller.state, first=body.first, last=body.last,
        source=body.source, verified=True, recorded_by=caller.agency, recorded_at=clock.now(),
    )  # fmt: skip
    sweeping.due(made, clock.now())
    session.add(made)
    audit.wrote(session, caller, "suspend", "calendar", made.id, first=str(made.first), last=str(made.last))
    return made


async def withdraw(session: AsyncSession, caller: Caller, calendar_suspension_id: str) -> Suspension:
    """Take a suspension back: its days count again. Raises NotFound, Forbidden, IllegalMove."""
    found = await store.get(session, caller, calendar_suspension_id, lock=True)
    if found is None:
        raise NotFound
    if found.recorded_by != caller.agency:
        raise Forbidden("Who recorded a suspension withdraws it.")
    if found.withdrawn_at is not None:
        raise IllegalMove("It was withdrawn before.", allowed_actions=[])
    found.withdrawn_by, found.withdrawn_at = caller.agency, clock.now()
    sweeping.due(found, clock.now())
    audit.wrote(session, caller, "withdraw", "calendar", found.id)
    return found


async def find(session: AsyncSession, caller: Caller, calendar_suspension_id: str) -> Suspension:
    """Return a suspension. Raises NotFound."""
    found = await store.get(session, caller, calendar_suspension_id)
    if found is None:
        raise NotFound
    return found


def show(caller: Caller, row: Suspension) -> CalendarSuspensionOut:
    """Return a suspension as a reader sees it."""
    return CalendarSuspensionOut(
        **row.model_dump(include=_SHOWN),
        swept=row.sweep_at is None,
        allowed_actions=rules.allowed(
            caller.agency_kind, caller.agency, row.recorded_by, withdrawn=row.withdrawn_at is not None
        ),
    )


_SHOWN = set(CalendarSuspensionOut.model_fields) - {"swept", "allowed_actions"}


async def load(_: Runtime, session: AsyncSession) -> None:
    """Bring the suspensions that ship with the software, those that are not there yet. Of two that start, one does."""
    shipped = {row.id: row for row in _shipped()}
    missing = [shipped[each] for each in sorted(shipped.keys() - await store.known(session, list(shipped)))]
    for row in missing:
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            continue


def _shipped() -> Iterator[Suspension]:
    text = (files("services.referral.calendar") / "data" / "suspensions.csv").read_text("utf-8")
    now = clock.now()
    for row in csv.DictReader(text.splitlines()):
        name = "|".join((row["authority"], row["state"], row["first"], row["last"]))
        made = Suspension(
            id="cal_" + hashlib.sha256(name.encode()).hexdigest()[:32], authority=row["authority"],
            state=row["state"] or None, first=date.fromisoformat(row["first"]), last=date.fromisoformat(row["last"]),
            source=row["source"], verified=row["verified"] == "true", recorded_by=SHIPPED, recorded_at=now,
        )  # fmt: skip
        sweeping.due(made, now)
        yield made
