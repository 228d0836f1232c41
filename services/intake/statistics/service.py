"""Use cases: an official table, a count by dimensions of free choice, two periods beside each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.counts import service as counts
from services.intake.counts import store as counts_store
from services.intake.counts.rules import TABLES, Measure, Series, TableName, month_of, number, values
from services.intake.releases import service as releases
from services.intake.releases import store
from services.intake.releases.models import Release, ReleaseCell
from services.intake.releases.rules import NO_READERS, SUPPRESSION
from services.intake.statistics import rules
from services.intake.statistics.schemas import (
    BreakdownOut,
    CellOut,
    ComparisonOut,
    Dimension,
    LabelOut,
    PeriodOut,
    ShareOut,
    TableOut,
)
from shared.auth import Caller
from shared.catalogue import Text
from shared.errors import Fault, Forbidden, Invalid
from shared.forms import names

LEDGER_SOURCE = "the encounters and returns that Ruta holds"
COMPARISON_SOURCE = "INM's comparison of half-years, as quoted by the press in 2019"
MOST_DAYS = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months, from the first to the last."""

    first: str
    last: str

    def check(self, pointer: str = "/query/first_month") -> None:
        """Raise Invalid unless the months are in order."""
        if self.first > self.last:
            raise Invalid(faults=[Fault(pointer, "after_last_month")])


def is_exact(caller: Caller) -> bool:
    """Whether a caller reads exact figures. Raises Forbidden for those who read none."""
    if caller.agency_kind in NO_READERS:
        raise Forbidden("Consulates have no statistics.")
    return caller.agency_kind in rules.EXACT_READERS and caller.state is None


# -- one table ---------------------------------------------------------------------------------------


async def table(
    session: AsyncSession, caller: Caller, name: TableName, period: Period, version: int | None
) -> TableOut:
    """Return a table: as of now for those who read exact figures, unless they name a version; else as released."""
    exact = is_exact(caller)
    period.check()
    if exact and version is None:
        cells, complete = await _live(session, name, period)
        covered = _as_of_now(period, complete)
    else:
        release = await releases.find(session, period.first, period.last, version)
        rows = await store.cells(session, release, [name])
        cells, covered = _released(name, rows, exact=exact), _as_released(release, exact=exact)
    official = TABLES[name]
    return TableOut(
        **covered,
        source=official.source,
        verified=official.verified,
        table=name,
        title=_label(official.title),
        dimensions=list(official.dimensions),
        cells=cells,
        labels=_labels(official.dimensions, cells),
    )


async def _live(session: AsyncSession, name: TableName, period: Period) -> tuple[list[CellOut], bool]:
    official, first, last = TABLES[name], number(period.first), number(period.last)
    found, complete = await counts.figures(session, name.value, first, last, by_month=official.by_month)
    cells = []
    for month, cell in sorted(found):
        own = values(cell, official.measure.dimensions)
        row = (month_of(month), *own) if official.by_month else own
        cells.append(_cell(official.dimensions, row, *found[month, cell]))
    return cells, complete


def _released(name: TableName, rows: Sequence[ReleaseCell], *, exact: bool) -> list[CellOut]:
    dimensions = TABLES[name].dimensions
    return [
        _cell(dimensions, values(row.cell, dimensions), *_figures(row, exact=exact))
        for row in sorted(rows, key=lambda row: row.cell)
        if (row.events if exact else row.shown)
    ]


def _figures(row: ReleaseCell, *, exact: bool) -> tuple[int, int]:
    return (row.events, row.persons) if exact else (row.kept_events, row.kept_persons)


def _cell(dimensions: Sequence[str], row: Sequence[str | None], events: int, persons: int) -> CellOut:
    return CellOut(dimensions=dict(zip(dimensions, row, strict=True)), events=events, persons=persons)


def _as_of_now(period: Period, complete: bool) -> dict[str, Any]:
    today, end = releases.today(), releases.last_day(number(period.last))
    return {
        "first_month": period.first, "last_month": period.last, "cutoff": today, "provisional": True,
        "exact": True, "complete": complete, "version": None, "note": None, "rule": SUPPRESSION.id,
    } | ({"cutoff": min(today, end), "provisional": end >= today})  # fmt: skip


def _as_released(release: Release, *, exact: bool) -> dict[str, Any]:
    return {
        "first_month": release.first_month, "last_month": release.last_month,
        "cutoff": release.made_at.date(), "provisional": not release.final, "exact": exact, "complete": True,
        "version": release.version, "note": release.note, "rule": SUPPRESSION.id,
    }  # fmt: skip


def _label(text: Text) -> LabelOut:
    return LabelOut(es=text.es, en=text.en)


def _labels(dimensions: Sequence[str], cells: Sequence[CellOut]) -> dict[str, dict[str, LabelOut]]:
    """Return what the codes in some cells mean. What is its own name, such as a month, needs none."""
    found: dict[str, dict[str, LabelOut]] = {}
    for dimension in dimensions:
        known = rules.CODES.get(dimension, {})
        if dimension in rules.COUNTRIES:
            known = names.countries()
        elif dimension in rules.STATES:
            known = names.states()
        codes = {code for cell in cells if (code := cell.dimensions[dimension]) in known and code is not None}
        if codes:
            found[dimension] = {code: _label(known[code]) for code in sorted(codes)}
    return found


# -- by dimensions of free choice --------------------------------------------------------------------


async def breakdown(
    session: AsyncSession, caller: Caller, series: Series, by: Sequence[Dimension], first: date, last: date
) -> BreakdownOut:
    """Count by any dimensions over any days, straight from the ledger, for those who read exact figures."""
    if not is_exact(caller):
        raise SUPPRESSION.refuse("Free choice of days and dimensions would tell small cells by subtraction.")
    if first > last or last - first > MOST_DAYS:
        raise Invalid(faults=[Fault("/query/first_day", "not_a_period")])
    chosen = list(dict.fromkeys(each.value for each in by))
    found = await counts_store.distinct(session, Measure(series), chosen, [(first, last, None)])
    cells = [_cell(chosen, row, *found[row]) for row in sorted(found, key=lambda row: [each or "" for each in row])]
    cells = [cell for cell in cells if cell.events]
    period = Period(first.strftime("%Y-%m"), last.strftime("%Y-%m"))
    return BreakdownOut(
        **_as_of_now(period, not await counts_store.waits(session)),
        source=LEDGER_SOURCE,
        verified=True,
        series=series,
        first_day=first,
        last_day=last,
        dimensions=chosen,
        cells=cells,
        labels=_labels(chosen, cells),
    )


# -- two periods -------------------------------------------------------------------------------------


async def comparison(session: AsyncSession, caller: Caller, period: Period, against: Period) -> ComparisonOut:
    """Compare two periods: any two for those who read exact figures, for others two that were released."""
    period.check()
    against.check("/query/against_first_month")
    read = _of_now if is_exact(caller) else _of_releases
    one, other = await read(session, period), await read(session, against)
    before = {share.nationality: share.events for share in other.by_nationality}
    shares = [
        share.model_copy(update={"rise_percent": rise(share.events, before.get(share.nationality, 0))})
        for share in one.by_nationality
    ]
    return ComparisonOut(
        period=one.model_copy(update={"by_nationality": shares}),
        against=other,
        rise_percent=rise(one.events, other.events),
        unaccompanied_rise_percent=rise(one.unaccompanied_events, other.unaccompanied_events),
        returned_rise_percent=rise(one.returned_events, other.returned_events),
    )


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent, to one decimal, halves upwards; None of nothing."""
    if not whole:
        return None
    return float((Decimal(part) * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))


def rise(now: int, before: int) -> float | None:
    """Return a rise in percent, to one decimal; None where there was nothing before."""
    return percent(now - before, before)


async def _of_now(session: AsyncSession, period: Period) -> PeriodOut:
    first, last = number(period.first), number(period.last)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    whole = True
    for name in ("FOREIGN", "FOREIGN_BY_NATIONALITY", "FOREIGN_BY_CONDITION", "RETURNED", "MEXICAN"):
        sums, complete = await counts.figures(session, name, first, last, by_month=False)
        found[name] = {cell: figures for (_, cell), figures in sums.items()}
        whole &= complete
    nationalities = {cell or None: figures for cell, figures in found["FOREIGN_BY_NATIONALITY"].items()}
    totals = {name: found[name].get("", (0, 0)) for name in ("FOREIGN", "RETURNED", "MEXICAN")}
    return _period(
        _as_of_now(period, whole),
        events=totals["FOREIGN"][0],
        persons=totals["FOREIGN"][1],
        unaccompanied=found["FOREIGN_BY_CONDITION"].get("UNACCOMPANIED", (0, 0))[0],
        returned=totals["RETURNED"][0],
        mexican=totals["MEXICAN"][0],
        nationalities=nationalities,
    )


async def _of_releases(session: AsyncSession, period: Period) -> PeriodOut:
    """Add up published cells, and nothing else: so this tells no more than the tables do."""
    release = await releases.find(session, period.first, period.last, None)
    sums: dict[TableName, Counter[str | None]] = {}
    unaccompanied = 0
    for name in (TableName.T1, TableName.T4, TableName.T6B):
        cells = _released(name, await store.cells(session, release, [name]), exact=False)
        counted = sums[name] = Counter()
        for cell in cells:
            counted[cell.dimensions.get("nationality")] += cell.events
            unaccompanied += cell.events * (
                name is TableName.T1 and cell.dimensions["travel_condition"] == "UNACCOMPANIED"
            )
    return _period(
        _as_released(release, exact=False),
        events=sums[TableName.T1].total(),
        persons=None,
        unaccompanied=unaccompanied,
        returned=sums[TableName.T4].total(),
        mexican=sums[TableName.T6B].total(),
        nationalities={name: (events, None) for name, events in sums[TableName.T1].items()},
    )


def _period(
    covered: Mapping[str, Any],
    *,
    events: int,
    persons: int | None,
    unaccompanied: int,
    returned: int,
    mexican: int,
    nationalities: Mapping[str | None, tuple[int, int | None]],
) -> PeriodOut:
    shares = [
        ShareOut(nationality=name, events=n, persons=who, percent=percent(n, events), rise_percent=None)
        for name, (n, who) in sorted(nationalities.items(), key=lambda item: (-item[1][0], item[0] or ""))
    ]
    largest = sum(share.events for share in [share for share in shares if share.nationality][:4])
    return PeriodOut(
        **covered,
        source=COMPARISON_SOURCE,
        verified=False,
        events=events,
        persons=persons,
        unaccompanied_events=unaccompanied,
        unaccompanied_percent=percent(unaccompanied, events),
        returned_events=returned,
        mexican_events=mexican,
        by_nationality=shares,
        four_largest_events=largest,
        four_largest_percent=percent(largest, events),
    )
