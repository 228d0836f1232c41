"""Use cases: release what is due, revise by UPM's act, look up what was released."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.counts import store as counts
from services.intake.counts.rules import TABLES, TableName, cell, month_of, number, values
from services.intake.releases import rules, store
from services.intake.releases.models import Release, ReleaseCell
from services.intake.releases.rules import SUPPRESSION, Cells, Values
from services.intake.releases.schemas import ReleaseIn
from shared import audit, clock, ids
from shared.auth import Caller
from shared.db import Database
from shared.errors import Fault, Forbidden, Invalid, Unavailable
from shared.shapes import State
from shared.zones import local_day

WORKER = Caller("urn:ruta:intake", "intake", "SERVICE", "service", frozenset())
_LAST_ZONE = State.BCN
"""Where each day ends last: a month is over when it is over in Tijuana."""

NOTHING = (0, 0)
ByTable = dict[TableName, dict[Values, ReleaseCell]]


def today() -> date:
    """Return the day that has begun everywhere in the country."""
    return local_day(clock.now(), _LAST_ZONE)


def first_day(month: int) -> date:
    """Return the first day of a month."""
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    """Return the last day of a month."""
    return first_day(month + 1) - timedelta(days=1)


class Releaser:
    """The worker's turn: releases each period once, when its time has come. Looks once a day, unless it must wait.

    `wait`: so long late records are waited for after a period has ended. UPM publishes monthly; how long it waits is
    not known, so it is configuration (RUTA_RELEASE_DAYS).
    """

    def __init__(self, database: Database, wait: timedelta) -> None:
        self.database = database
        self.wait = wait
        self._done_on: date | None = None

    async def turn(self) -> int:
        """Release what is due. Returns how many periods that was."""
        day = today()
        if self._done_on == day:
            return 0
        async with self.database.work(write=False) as session:
            if await counts.waits(session) or await counts.relinked(session, 1):  # both are counted within a minute
                return 0
            missing = await self._missing(session, day)
        for first, last in missing:
            async with self.database.work() as session:
                if not await counts.alone(session):
                    return 0
                if await store.latest(session, first, last) is None:
                    await _make(session, WORKER, first, last, note=None, final=False)
        self._done_on = day
        return len(missing)

    async def _missing(self, session: AsyncSession, day: date) -> list[tuple[str, str]]:
        earliest = await counts.first_month(session)
        start = number(day.strftime("%Y-%m")) if earliest is None else earliest
        released = await store.released(session)
        periods = [(month_of(first), month_of(last)) for first, last in rules.due(start, day, self.wait)]
        return [period for period in periods if period not in released]


async def release(session: AsyncSession, caller: Caller, body: ReleaseIn) -> Release:
    """Release or revise a period by UPM's act. Raises RefusedByLaw where it is not one that is published."""
    if caller.state is not None:
        raise Forbidden("The federal office releases the tables.")
    if body.first_month > body.last_month:
        raise Invalid(faults=[Fault("/first_month", "after_last_month")])
    ended = last_day(number(body.last_month)) < today()
    rules.check_release(body.first_month, body.last_month, ended=ended)
    if not await counts.alone(session) or await counts.waits(session):
        raise Unavailable("Events are being counted just now.")
    before = await store.latest(session, body.first_month, body.last_month)
    if before is not None and body.note is None:
        raise SUPPRESSION.refuse("A revision says why: it needs a note.", allowed_actions=["release"])
    return await _make(session, caller, body.first_month, body.last_month, note=body.note, final=body.final)


async def find(session: AsyncSession, first: str, last: str, version: int | None) -> Release:
    """Return the newest release of a period, or a certain version. Raises RefusedByLaw where there is none."""
    rules.check_release(first, last, ended=last_day(number(last)) < today())
    found = await store.latest(session, first, last, version)
    if found is None:
        raise SUPPRESSION.refuse("This period has not been released.")
    return found


# -- making one --------------------------------------------------------------------------------------


async def _make(
    session: AsyncSession, caller: Caller, first: str, last: str, *, note: str | None, final: bool
) -> Release:
    before = await store.latest(session, first, last)
    made = Release(
        id=ids.new("rel"),
        first_month=first,
        last_month=last,
        version=before.version + 1 if before else 1,
        final=final,
        note=note,
        made_by=caller.agency,
        made_at=clock.now(),
    )
    rows = await (_month if first == last else _half_year)(session, caller, made, before)
    await store.add(session, made, rows)
    audit.wrote(session, caller, "release", "statistics", made.id, period=f"{first}/{last}", version=made.version)
    return made


async def _cells(session: AsyncSession, release: Release | None) -> ByTable:
    found: ByTable = {name: {} for name in TABLES}
    for row in await store.cells(session, release, TABLES) if release else []:
        found[row.table_name][values(row.cell, TABLES[row.table_name].dimensions)] = row
    return found


async def _month(session: AsyncSession, _: Caller, made: Release, before: Release | None) -> list[ReleaseCell]:
    month, earlier, rows = number(made.first_month), await _cells(session, before), []
    for name, table in TABLES.items():
        span = (first_day(month), last_day(month), made.made_at)
        exact = await counts.distinct(session, table.measure, table.dimensions, [span])
        known = {each: _kept(row) for each, row in earlier[name].items()}
        kept = {each: rules.kept(known.get(each, NOTHING if before else None), now) for each, now in exact.items()}
        kept |= {each: rules.kept(figures, NOTHING) for each, figures in known.items() if each not in exact}
        rows += _rows(made, name, exact, kept, rules.shown_in_month(table, kept, _out(earlier[name])))
    return rows


async def _half_year(session: AsyncSession, caller: Caller, made: Release, before: Release | None) -> list[ReleaseCell]:
    """Add up six months as they were released, which are released now where they have not been."""
    releases = [
        await store.latest(session, month_of(month), month_of(month))
        or await _make(session, caller, month_of(month), month_of(month), note=None, final=made.final)
        for month in rules.months_of(made.first_month, made.last_month)
    ]
    cells, earlier, rows = [await _cells(session, each) for each in releases], await _cells(session, before), []
    for name, table in TABLES.items():
        parts = [month[name] for month in cells]
        if table.by_month:  # its rows are the months' own
            rows += [
                ReleaseCell(**{**row.model_dump(), "release_id": made.id}) for part in parts for row in part.values()
            ]
            continue
        asked = await counts.distinct(session, table.measure, table.dimensions, [_span(each) for each in releases])
        exact = _added([{each: (row.events, row.persons) for each, row in part.items()} for part in parts], asked)
        known = {each: _kept(row) for each, row in earlier[name].items()}
        persons = {each: rules.kept(known.get(each), now) for each, now in exact.items()}
        months = [{each: _kept(row) for each, row in part.items()} for part in parts]
        kept = _added(months, persons)
        shown = [{each for each, row in part.items() if row.shown} for part in parts]
        public = rules.shown_in_half_year(table, list(zip(months, shown, strict=True)), kept, _out(earlier[name]))
        rows += _rows(made, name, exact, kept, public)
    return rows


def _out(rows: Mapping[Values, ReleaseCell]) -> set[Values]:
    """Return what was left out though it is not small."""
    return {each for each, row in rows.items() if not row.shown and not rules.is_small(_kept(row))}


def _kept(row: ReleaseCell) -> tuple[int, int]:
    return row.kept_events, row.kept_persons


def _span(release: Release) -> tuple[date, date, datetime]:
    month = number(release.first_month)
    return first_day(month), last_day(month), release.made_at


def _added(months: Sequence[Cells], whole: Cells) -> dict[Values, tuple[int, int]]:
    """Add up the events of months. Of persons take what was counted over the whole, as far as the months bear it."""
    added: dict[Values, tuple[int, int]] = {}
    for each in {values_ for month in months for values_ in month}:
        parts = [month.get(each, NOTHING) for month in months]
        events, most = sum(part[0] for part in parts), sum(part[1] for part in parts)
        persons = max(whole.get(each, NOTHING)[1], *(part[1] for part in parts))
        added[each] = events, min(persons, most, events)
    return added


def _rows(made: Release, name: TableName, exact: Cells, kept: Cells, shown: set[Values]) -> list[ReleaseCell]:
    return [
        ReleaseCell(
            release_id=made.id,
            table_name=name,
            cell=cell(each),
            events=exact.get(each, NOTHING)[0],
            persons=exact.get(each, NOTHING)[1],
            kept_events=kept[each][0],
            kept_persons=kept[each][1],
            shown=each in shown,
        )
        for each in sorted(kept, key=str)
    ]
