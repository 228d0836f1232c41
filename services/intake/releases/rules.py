"""What the public may see of the official tables, and when (R33). Pure.

What is published must not tell of anything that is left out. Nobody who adds and subtracts published cells, of any
tables and of any months and half-years together, shall be able to tell a cell that was left out for being small from
an empty one, nor to narrow it to fewer than four values. How that is reached:

- Small cells are left out like empty ones, and no totals are published.
- Tables of one series share the numbers of each month by age and travel condition. A reader is taken to know those
  numbers exactly, from whichever table. So each table must protect itself: in a *row* (one month, one age, one
  condition) nothing is left out alone. At least two cells that are not empty are, with five events or more together;
  the smallest published ones go until that holds, or until the row is *dark*: nothing of it is published.
- Months add up to their half-year. Months are published first and stay as they are; so a cell of the half-year is left
  out where it would tell one of its months. It may stay where the months that are left out can be *exchanged*: events
  of the small cell traded, within its own row, for events of cells whose half-year is left out, and back in another
  row. What no cell of the half-year binds can take any share of its row.
- A dark row has a number of its own only while nothing binds its cells. So their half-years are left out.

Where a later version corrects a figure by fewer than five, the public keeps reading the earlier figure: a difference of
versions tells of as few children as a small cell does. Half-years are made of the figures that the public reads. What
an earlier version left out for the sake of a small cell, though it was none, later ones leave out, too: it would tell
that cell afterwards.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta

from services.intake.counts.rules import Table, number
from shared.catalogue import Text
from shared.law import Rule

SMALLEST = 5
"""Cells under this many events or persons are left out of what is published."""

WIDTH = 3
"""A cell that is left out could have any of at least `WIDTH` + 1 values, zero among them."""

NO_READERS = ("CONSULATE",)
"""Consulates read what everybody may read, where it is published: never through a call of their own (the guard)."""

HALF_YEARS = (("01", "06"), ("07", "12"))

SUPPRESSION = Rule(
    "R33",
    Text(
        "Tables count events and persons apart; published tables leave out every cell under 5 and what would tell it, "
        "cover a month or a half-year that has ended, and change only by a numbered revision.",
        "Las tablas cuentan por separado eventos y personas; las públicas omiten toda celda menor a 5 y lo que la "
        "revelaría, abarcan un mes o un semestre concluido y solo cambian por una revisión numerada.",
    ),
    "UPM counts events; the suppression and the revisions are a design decision",
)
RULES = (SUPPRESSION,)


Values = tuple[str | None, ...]
Cells = Mapping[Values, tuple[int, int]]
"""The values of a table's dimensions → events, persons."""


def is_small(figures: tuple[int, int]) -> bool:
    """Whether a cell has too few events or persons to be published."""
    return min(figures) < SMALLEST


def check_release(first_month: str, last_month: str, *, ended: bool) -> None:
    """Raise RefusedByLaw unless the period is one that is published.

    Two periods of free choice, one a day or a month longer, would tell a small cell by subtraction.
    """
    (year, first), (other, last) = first_month.split("-"), last_month.split("-")
    if not ended or not (first_month == last_month or (year == other and (first, last) in HALF_YEARS)):
        raise SUPPRESSION.refuse(
            "Published tables cover one month, January to June or July to December, once the period has ended."
        )


def due(earliest: int, today: date, wait: timedelta) -> Iterator[tuple[int, int]]:
    """Yield the periods (numbers of first and last month) from `earliest` on that are to be released by `today`.

    A half-year comes after its months.
    """
    covered = today - wait
    ended = covered.year * 12 + covered.month - 1
    for month in range(min(earliest, ended - 1), ended):
        yield month, month
        if month % 6 == 5:
            yield month - 5, month


def kept(before: tuple[int, int] | None, now: tuple[int, int]) -> tuple[int, int]:
    """Return the events and persons that the public reads on: a change of fewer than five waits until it is one."""
    if before is None:
        return now
    events, persons = (new if abs(new - old) >= SMALLEST else old for old, new in zip(before, now, strict=True))
    return events, min(events, persons)


# -- suppression -------------------------------------------------------------------------------------


def _rows(table: Table, cells: Cells) -> dict[Values, list[Values]]:
    """Return the cells that are not empty by the row that they stand in, within one month."""
    places = [place for place, name in enumerate(table.dimensions) if name in table.shared]
    rows: dict[Values, list[Values]] = defaultdict(list)
    for values, (events, _) in cells.items():
        if events:
            rows[tuple(values[place] for place in places)].append(values)
    return rows


def shown_in_month(table: Table, cells: Cells, out: Collection[Values] = ()) -> set[Values]:
    """Return the cells of one month that are published. What is `out` is left out anyway."""
    shown = {values for values, figures in cells.items() if not is_small(figures) and values not in out}
    for row in _rows(table, cells).values():
        hidden = [values for values in row if values not in shown]
        visible = sorted((values for values in row if values in shown), key=lambda each: (cells[each][0], str(each)))
        while hidden and visible and (len(hidden) < 2 or sum(cells[each][0] for each in hidden) < SMALLEST):
            hidden.append(visible.pop(0))
        shown -= set(hidden)
    return shown


def shown_in_half_year(
    table: Table, months: Sequence[tuple[Cells, set[Values]]], whole: Cells, out: Collection[Values] = ()
) -> set[Values]:
    """Return the cells of a half-year that are published, given its months as they are published."""
    shown = {values for values, figures in whole.items() if not is_small(figures) and values not in out}
    by_month = [_rows(table, cells) for cells, _ in months]
    for row, columns in _rows(table, whole).items():
        half = _HalfYear(months, [set(rows.get(row, ())) for rows in by_month], columns, shown)
        while (exposed := half.exposed()) is not None:
            shown.discard(exposed)
    return shown


class _HalfYear:
    """One age and travel condition over six months: which half-years would tell a month."""

    def __init__(
        self,
        months: Sequence[tuple[Cells, set[Values]]],
        filled: Sequence[set[Values]],
        columns: Sequence[Values],
        shown: set[Values],
    ) -> None:
        self.months, self.filled, self.shown = months, filled, shown
        self.columns = sorted(
            columns, key=lambda each: (sum(self._events(n, each) for n in range(len(months))), str(each))
        )

    def exposed(self) -> Values | None:
        """Return a cell of the half-year that must be left out, if there is one: of several that help, the smallest."""
        for month, row in enumerate(self.filled):
            hidden = [values for values in self.columns if values in row and self._hidden(month, values)]
            bound = [values for values in hidden if values in self.shown]
            if not bound:
                continue
            dark = len(hidden) == len(row)
            small = [values for values in hidden if is_small(self.months[month][0][values])]
            if dark or not all(self._exchangeable(month, values) for values in small):
                return bound[0]
        return None

    def _exchangeable(self, month: int, values: Values) -> bool:
        """Whether a small cell of a month could as well be empty, or have `WIDTH` events."""
        events, missing = self._events(month, values), max(0, WIDTH - self._events(month, values))
        if not self._free(month, values) or self._mass(month, values) < missing:
            return False
        if values not in self.shown:
            return True
        others = [each for each in range(len(self.months)) if each != month and self._hidden(each, values)]
        back = sum(self._events(each, values) for each in others if self._free(each, values))
        return sum(self._mass(each, values) for each in others) >= events and back >= missing

    def _hidden(self, month: int, values: Values) -> bool:
        return values not in self.months[month][1]

    def _events(self, month: int, values: Values) -> int:
        return self.months[month][0].get(values, (0, 0))[0]

    def _free(self, month: int, values: Values) -> list[Values]:
        """Return the other cells of the row that nothing published binds."""
        return [
            each
            for each in self.columns
            if each != values and each not in self.shown and self._hidden(month, each)
        ]  # fmt: skip

    def _mass(self, month: int, values: Values) -> int:
        return sum(self._events(month, each) for each in self._free(month, values))


def months_of(first_month: str, last_month: str) -> range:
    """Return the numbers of the months of a period."""
    return range(number(first_month), number(last_month) + 1)
