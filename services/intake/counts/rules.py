"""What is counted, by which dimensions, and how persons are counted once. Pure.

Events add up; persons do not: who is met in January and in March is one person of the half-year. So every event of a
cell carries the month of the event before it *of the same person in the same cell* (`previous`). Over the months from
`first` on, an event brings a person that no other event brings if and only if its `previous` lies before `first`.
Sums of events by (cell, month, previous) therefore answer both questions, exactly, for any run of months, and there are
as many of them as there are cells and months, however many events there are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.catalogue import Text


class Series(StrEnum):
    """Whom a table counts. What is not a series is not counted: a child whom only Grupos Beta or a letter told of."""

    FOREIGN = "FOREIGN"  # foreign children met by INM
    RETURNED = "RETURNED"  # foreign children returned to their country
    MEXICAN = "MEXICAN"  # Mexican children returned from abroad


SERIES_OF_KIND: dict[str, Series] = {"FOREIGN_MET": Series.FOREIGN, "MEXICAN_RETURNED": Series.MEXICAN}
"""The kinds of encounter that are counted."""

DIMENSIONS = (
    "nationality", "state", "age_group", "travel_condition", "sex", "return_point", "state_of_origin", "returned_from",
)  # fmt: skip
"""What is known of each event, besides its day."""

MONTH = "month"
NONE = 0
"""The `previous` of an event before which there is none."""

_GAP = "\x1f"


@dataclass(frozen=True, slots=True)
class Counted:
    """One event as it counts. `since` is when it came to be counted so; `person` may stand for several children."""

    id: str
    child_id: str
    person_id: str
    series: Series
    day: date
    since: datetime
    nationality: str | None = None
    state: str | None = None
    age_group: str | None = None
    travel_condition: str | None = None
    sex: str | None = None
    return_point: str | None = None
    state_of_origin: str | None = None
    returned_from: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What one sum counts: a series, its dimensions, and of one dimension perhaps one value only."""

    series: Series
    dimensions: tuple[str, ...] = ()
    only: tuple[str, str] | None = None


class TableName(StrEnum):
    """The official tables (UPM's practice; T6 has two faces)."""

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6A = "T6A"
    T6B = "T6B"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its title, what it sums, and whether it has a row for each month.

    `shared`: the dimensions by which other tables of its series give the same numbers.
    """

    title: Text
    measure: Measure
    source: str
    verified: bool = True
    by_month: bool = False
    shared: tuple[str, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Its columns on paper."""
        return (MONTH, *self.measure.dimensions) if self.by_month else self.measure.dimensions


_AGE_CONDITION = ("age_group", "travel_condition")
TABLES: dict[TableName, Table] = {
    TableName.T1: Table(
        Text(
            "Events of foreign children by nationality, age and travel condition",
            "Eventos de niñas, niños y adolescentes extranjeros por nacionalidad, edad y condición de viaje",
        ),
        Measure(Series.FOREIGN, ("nationality", *_AGE_CONDITION)),
        "UPM, tables from INM's records, as quoted by the press in 2019",
        shared=_AGE_CONDITION,
    ),
    TableName.T2: Table(
        Text(
            "Events of foreign children by state, age and travel condition",
            "Eventos de niñas, niños y adolescentes extranjeros por entidad, edad y condición de viaje",
        ),
        Measure(Series.FOREIGN, ("state", *_AGE_CONDITION)),
        "UPM publishes states; crossed with age and condition nobody has verified",
        verified=False,
        shared=_AGE_CONDITION,
    ),
    TableName.T3: Table(
        Text(
            "Events of foreign children by month, age, travel condition and sex",
            "Eventos de niñas, niños y adolescentes extranjeros por mes, edad, condición de viaje y sexo",
        ),
        Measure(Series.FOREIGN, (*_AGE_CONDITION, "sex")),
        "UPM publishes months, ages, conditions and sexes; crossed nobody has verified",
        verified=False,
        by_month=True,
        shared=_AGE_CONDITION,
    ),
    TableName.T4: Table(
        Text(
            "Returns of foreign children by nationality, age and travel condition",
            "Devoluciones de niñas, niños y adolescentes extranjeros por nacionalidad, edad y condición de viaje",
        ),
        Measure(Series.RETURNED, ("nationality", *_AGE_CONDITION)),
        "UPM, as quoted by the press in 2018",
        shared=_AGE_CONDITION,
    ),
    TableName.T5: Table(
        Text(
            "Events of Mexican children returned from the United States by sex and travel condition",
            "Eventos de niñas, niños y adolescentes mexicanos devueltos por Estados Unidos por sexo y condición de "
            "viaje",
        ),
        Measure(Series.MEXICAN, ("sex", "travel_condition"), only=("returned_from", "USA")),
        "UPM, as quoted by the press in 2023",
    ),
    TableName.T6A: Table(
        Text(
            "Events of Mexican children returned from abroad by point of repatriation",
            "Eventos de niñas, niños y adolescentes mexicanos devueltos del exterior por punto de repatriación",
        ),
        Measure(Series.MEXICAN, ("return_point",)),
        "UPM, as quoted by the press in 2023",
    ),
    TableName.T6B: Table(
        Text(
            "Events of Mexican children returned from abroad by state of origin",
            "Eventos de niñas, niños y adolescentes mexicanos devueltos del exterior por entidad de origen",
        ),
        Measure(Series.MEXICAN, ("state_of_origin",)),
        "UPM, as quoted by the press in 2023",
    ),
}

TOTALS: dict[str, Measure] = {
    "FOREIGN": Measure(Series.FOREIGN),
    "FOREIGN_BY_NATIONALITY": Measure(Series.FOREIGN, ("nationality",)),
    "FOREIGN_BY_CONDITION": Measure(Series.FOREIGN, ("travel_condition",)),
    "RETURNED": Measure(Series.RETURNED),
    "MEXICAN": Measure(Series.MEXICAN),
}
"""What comparisons ask for. A person of two nationalities is one of the total and one of each."""

MEASURES: dict[str, Measure] = {**{name.value: table.measure for name, table in TABLES.items()}, **TOTALS}
_OF_SERIES: dict[Series, tuple[tuple[str, Measure], ...]] = {
    series: tuple(item for item in MEASURES.items() if item[1].series is series) for series in Series
}


def number(month: str) -> int:
    """Return the number of a month, such as `2026-01`; the next month's is one more."""
    year, _, rest = month.partition("-")
    return int(year) * 12 + int(rest) - 1


def month_of(number_: int) -> str:
    """Undo `number`."""
    return f"{number_ // 12:04}-{number_ % 12 + 1:02}"


def cell(values: Sequence[str | None]) -> str:
    """Return the text by which a cell is kept. No value holds a control character, so none is ambiguous."""
    return _GAP.join(value or "" for value in values)


def values(cell_: str, dimensions: Sequence[str]) -> tuple[str | None, ...]:
    """Undo `cell`."""
    return tuple(value or None for value in cell_.split(_GAP)) if dimensions else ()


Tally = tuple[str, int, str, int]
"""Which sum: measure, month, cell, previous."""


def tallies(events: Iterable[Counted]) -> Counter[Tally]:
    """Count whole persons: `events` holds every event of each person that it holds one of."""
    ordered = sorted(events, key=lambda event: (event.day, event.id))
    found: Counter[Tally] = Counter()
    last: dict[tuple[str, str, str], int] = defaultdict(lambda: NONE)
    for event in ordered:
        month = event.day.year * 12 + event.day.month - 1
        for name, measure in _OF_SERIES[event.series]:
            if measure.only and getattr(event, measure.only[0]) != measure.only[1]:
                continue
            own = _GAP.join([getattr(event, each) or "" for each in measure.dimensions])
            place = (event.person_id, name, own)
            found[name, month, own, last[place]] += 1
            last[place] = month
    return found


def difference(before: Iterable[Counted], after: Iterable[Counted]) -> dict[Tally, int]:
    """Return by how much each sum changes when the events of some persons become others."""
    changed = tallies(after)
    changed.subtract(tallies(before))
    return {tally: count for tally, count in changed.items() if count}
