"""Every SQL statement of the counts. They read no identity, so nothing here asks who reads: the tables do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.counts.models import LedgerEvent, Return, Summary
from services.intake.counts.rules import MONTH, SERIES_OF_KIND, Counted, Measure, Series, Tally
from services.intake.encounters.models import Encounter
from services.intake.matches import store as matches
from services.intake.matches.models import PersonLink
from shared import clock
from shared.db import run
from shared.delivery import bulk

_LEDGER: sa.Table = LedgerEvent.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_ENCOUNTER: sa.Table = Encounter.__table__  # type: ignore[attr-defined]  # as above
_LINK: sa.Table = PersonLink.__table__  # type: ignore[attr-defined]  # as above
_RETURN: sa.Table = Return.__table__  # type: ignore[attr-defined]  # as above
_LOCK = 0x57A7  # PostgreSQL advisory lock: several workers, one that counts
_ASKED_AT_ONCE = 10_000
"""How many values one statement names: below what any of the databases takes."""

_COLUMNS = [column.name for column in _LEDGER.columns]
_SHARED = ("nationality", "state", "age_group", "travel_condition", "sex")
_OF_MEXICANS = ("return_point", "state_of_origin", "returned_from")

Pending = dict[str, Counted | None]
"""Events to be counted (anew), by id. None: of a kind that is not counted. Their person is not known yet."""


async def alone(session: AsyncSession) -> bool:
    """Make sure that nobody else counts until this transaction ends. False: somebody does."""
    if session.info["database"].is_sqlite:  # where the transaction itself is the lock
        return True
    return bool(await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


# -- what waits --------------------------------------------------------------------------------------


async def waits(session: AsyncSession) -> bool:
    """Whether an event has not been counted yet."""
    for table in (_ENCOUNTER, _RETURN):
        statement = sa.select(table.c.id).where(table.c.counted_at.is_(None)).limit(1)
        if (await run(session, statement)).first() is not None:
            return True
    return False


async def pending(session: AsyncSession, limit: int, *, lock: bool) -> Pending:
    """Return events that have not been counted, the oldest first; locked, without those that others hold."""
    kinds = {table: _waiting(table, limit) for table in (_ENCOUNTER, _RETURN)}
    found: Pending = {}
    for statement in kinds.values():
        chosen = statement.with_for_update(skip_locked=True) if lock else statement
        for row in (await run(session, chosen)).mappings():
            found[row["id"]] = _counted(row)
    return found


def _waiting(table: sa.Table, limit: int) -> Any:
    columns = [table.c.id, table.c.child_id, *(table.c[name] for name in _SHARED)]
    if table is _ENCOUNTER:
        more = [table.c.kind, table.c.local_day.label("day"), *(table.c[name] for name in _OF_MEXICANS)]
    else:
        more = [table.c.day, *(sa.null().label(name) for name in ("kind", *_OF_MEXICANS))]
    return sa.select(*columns, *more).where(table.c.counted_at.is_(None)).order_by(table.c.id).limit(limit)


def _counted(row: Mapping[str, Any]) -> Counted | None:
    series = SERIES_OF_KIND.get(row["kind"]) if row["kind"] else Series.RETURNED
    if series is None:
        return None
    codes = {name: None if row[name] is None else str(row[name]) for name in (*_SHARED, *_OF_MEXICANS)}
    return Counted(
        id=row["id"], child_id=row["child_id"], person_id="", series=series, day=row["day"], since=clock.now(), **codes
    )


async def mark_counted(session: AsyncSession, events: Collection[str], now: datetime) -> None:
    """Mark events as counted."""
    rows = [{"id": each, "counted_at": now} for each in events]
    for table in (_ENCOUNTER, _RETURN):
        await bulk.update(session, table, rows)


# -- the ledger --------------------------------------------------------------------------------------


async def ledger(session: AsyncSession, column: str, wanted: Iterable[str]) -> dict[str, Counted]:
    """Return the events whose `column` (id or person_id) is one of `wanted`, by id."""
    names, found = sorted(wanted), {}
    for start in range(0, len(names), _ASKED_AT_ONCE):
        statement = sa.select(_LEDGER).where(_LEDGER.c[column].in_(names[start : start + _ASKED_AT_ONCE]))
        for row in await run(session, statement):
            found[row.id] = Counted(**row._mapping)
    return found


async def persons(session: AsyncSession, children: Collection[str]) -> dict[str, str]:
    """Return which person each of these children is. A child that nobody linked is its own person."""
    names = sorted(children)
    found: dict[str, str] = {}
    for start in range(0, len(names), _ASKED_AT_ONCE):
        found |= await matches.person_of(session, names[start : start + _ASKED_AT_ONCE])
    return found


async def relinked(session: AsyncSession, limit: int) -> dict[str, Counted]:
    """Return events of children who are another person by now than they were counted as.

    As much work as there are children who are linked, or were when they were counted; the others cost nothing.
    """
    other = sa.select(_LEDGER).join(_LINK, _LINK.c.child_id == _LEDGER.c.child_id)
    apart = sa.select(_LEDGER).outerjoin(_LINK, _LINK.c.child_id == _LEDGER.c.child_id)
    linked = other.where(_LEDGER.c.person_id != _LINK.c.person_id)
    parted = apart.where(_LEDGER.c.person_id != _LEDGER.c.child_id, _LINK.c.child_id.is_(None))
    return {
        row.id: Counted(**row._mapping)
        for statement in (linked, parted)
        for row in await run(session, statement.limit(limit))
    }


async def last_encounter(session: AsyncSession, child_id: str, moment: datetime) -> Encounter | None:
    """Return how a child was last met before a moment."""
    statement = select(Encounter).where(Encounter.child_id == child_id, col(Encounter.occurred_at) <= moment)
    return (await session.exec(statement.order_by(col(Encounter.occurred_at).desc()).limit(1))).first()


async def write(session: AsyncSession, rows: Sequence[Counted], gone: Collection[str]) -> None:
    """Put events into the ledger as they count now, and take out those that count no more."""
    fields = [{name: getattr(row, name) for name in _COLUMNS} for row in rows]
    await bulk.upsert(session, _LEDGER, fields, ("id",))
    if gone:
        await run(session, sa.delete(_LEDGER).where(_LEDGER.c.id.in_(sorted(gone))))


async def add(session: AsyncSession, changes: Mapping[Tally, int]) -> None:
    """Change the sums. Always in one order, and by one writer at a time."""
    columns = ("measure", "month", "cell", "previous", "events")
    rows = [(*tally, count) for tally, count in sorted(changes.items())]
    if not rows:
        return
    names, by_key = ", ".join(columns), "(measure, month, cell, previous)"
    conflict = f"ON CONFLICT {by_key} DO UPDATE SET events = statistic_summary.events + excluded.events"
    if session.info["database"].is_sqlite:
        slots = ", ".join(f":{name}" for name in columns)
        statement = f"INSERT INTO statistic_summary ({names}) VALUES ({slots}) {conflict}"  # noqa: S608  (names are our own)
        await run(session, text(statement), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    kinds = {"measure": "text", "cell": "text"}
    arrays = ", ".join(f"CAST(:{name} AS {kinds.get(name, 'integer')}[])" for name in columns)
    statement = f"INSERT INTO statistic_summary ({names}) SELECT * FROM unnest({arrays}) {conflict}"  # noqa: S608  (as above)
    await run(session, text(statement), dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))


# -- what is asked -----------------------------------------------------------------------------------

Sums = dict[tuple[int, str], tuple[int, int]]
"""(month, cell) → events, persons. The month is 0 where months are not asked apart."""


async def sums(session: AsyncSession, measure: str, first: int, last: int, *, by_month: bool) -> Sums:
    """Return events and persons of each cell over the months `first` to `last`, or of each month."""
    start: Any = col(Summary.month) if by_month else first
    columns = [col(Summary.cell), col(Summary.month)] if by_month else [col(Summary.cell)]
    persons_ = func.sum(sa.case((col(Summary.previous) < start, col(Summary.events)), else_=0))
    statement = (
        sa.select(*columns, func.sum(col(Summary.events)), persons_)
        .where(col(Summary.measure) == measure, col(Summary.month) >= first, col(Summary.month) <= last)
        .group_by(*columns)
    )
    rows = await run(session, statement)
    return {(row[1] if by_month else 0, row[0]): (int(row[-2]), int(row[-1])) for row in rows}


async def first_month(session: AsyncSession) -> int | None:
    """Return the earliest month in which anything was counted."""
    earliest = (await session.exec(select(func.min(LedgerEvent.day)))).first()
    return earliest.year * 12 + earliest.month - 1 if earliest else None


Figures = dict[tuple[str | None, ...], tuple[int, int]]
"""The values of the dimensions → events, persons."""


async def distinct(
    session: AsyncSession,
    measure: Measure,
    dimensions: Sequence[str],
    spans: Sequence[tuple[date, date, datetime | None]],
) -> Figures:
    """Count straight from the ledger, by any dimensions: what lies in one of the spans (days inclusive) and was
    counted no later than that span says. Slower than `sums`; exact for whatever is asked."""
    columns = [_by(session, name).label(f"d{place}") for place, name in enumerate(dimensions)]
    within = sa.or_(
        *(
            sa.and_(_LEDGER.c.day >= first, _LEDGER.c.day <= last, *([_LEDGER.c.since <= until] if until else []))
            for first, last, until in spans
        )
    )
    only = [_LEDGER.c[measure.only[0]] == measure.only[1]] if measure.only else []
    statement = sa.select(*columns, func.count().label("n")).where(_LEDGER.c.series == measure.series, within, *only)
    each = statement.group_by(*columns, _LEDGER.c.person_id).subquery()  # one row for each person of a cell
    names = [each.c[f"d{place}"] for place in range(len(dimensions))]
    whole = sa.select(*names, func.coalesce(func.sum(each.c.n), 0), func.count()).group_by(*names)
    return {tuple(row[:-2]): (int(row[-2]), int(row[-1])) for row in await run(session, whole)}


def _by(session: AsyncSession, name: str) -> Any:
    if name != MONTH:
        return _LEDGER.c[name]
    if session.info["database"].is_sqlite:
        return func.strftime("%Y-%m", _LEDGER.c.day)
    return func.to_char(_LEDGER.c.day, "YYYY-MM")
