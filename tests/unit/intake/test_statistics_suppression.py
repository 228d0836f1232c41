"""R33 against somebody who adds and subtracts: a linear solver over everything that is published of half a year.

The solver knows every published cell of the tables that share their numbers, month by month and as a half-year; which
cells could exist at all; that persons are no more than events; and even, wherever anything of a row is published, the
row's exact number. It must not be able to tell a small cell from an empty one, nor to narrow it to fewer than four
values.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

from services.intake.counts.rules import TABLES, Table, TableName
from services.intake.releases import rules
from services.intake.releases.rules import SMALLEST, WIDTH, Values

Months = list[dict[Values, tuple[int, int]]]
Shown = list[set[Values]]
SPAN = 4
"""Months of a half-year that is made up here: what holds for four holds for six, and is sooner solved."""
FOREIGN = (TableName.T1, TableName.T2, TableName.T3)
MEXICAN = (TableName.T5, TableName.T6A, TableName.T6B)


@dataclass
class Published:
    """A table over six months: what is true, and what the public sees of it."""

    table: Table
    months: Months
    shown: Shown
    whole: dict[Values, tuple[int, int]]
    whole_shown: set[Values]

    @property
    def columns(self) -> list[Values]:
        return sorted({values for month in self.months for values in month}, key=str)


def publish(table: Table, months: Months) -> Published:
    """Publish a table as the service does."""
    shown = [rules.shown_in_month(table, month) for month in months]
    if table.by_month:
        return Published(table, months, shown, {}, set())
    whole = {}
    for values in {values for month in months for values in month}:
        parts = [month.get(values, (0, 0)) for month in months]
        events, most = sum(part[0] for part in parts), sum(part[1] for part in parts)
        whole[values] = events, max(most * 3 // 4, max(part[1] for part in parts))
    return Published(
        table, months, shown, whole, rules.shown_in_half_year(table, list(zip(months, shown, strict=True)), whole)
    )


@dataclass
class Reader:
    """What somebody can work out from published tables: all worlds in which they would look the same."""

    tables: Sequence[Published]
    places: dict[tuple[int, int, Values, str], int] = field(default_factory=dict)
    lines: list[tuple[dict[int, float], float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, each in enumerate(self.tables):
            for month in range(SPAN):
                for values in each.columns:
                    for what in ("events", "persons"):
                        self.places[number, month, values, what] = len(self.places)
        for number, each in enumerate(self.tables):
            self._cells(number, each)
            for values in each.whole_shown:
                self._half_year(number, each, values)
        for month in range(SPAN):
            self._row(month)
        matrix = lil_array((len(self.lines), len(self.places)))
        for row, (line, _, _) in enumerate(self.lines):
            for place, factor in line.items():
                matrix[row, place] = factor
        low, high = [low for _, low, _ in self.lines], [high for _, _, high in self.lines]
        self.ties = LinearConstraint(matrix.tocsr(), low, high)
        self.whole = np.array([what == "events" for _, _, _, what in self.places], dtype=float)

    def _cells(self, number: int, each: Published) -> None:
        for month in range(SPAN):
            for values in each.columns:
                events, persons = (self.places[number, month, values, what] for what in ("events", "persons"))
                if values in each.shown[month]:
                    for place, number_ in zip((events, persons), each.months[month][values], strict=True):
                        self.lines.append(({place: 1.0}, number_, number_))
                self.lines.append(({events: 1, persons: -1}, 0, np.inf))
                self.lines.append(({events: 1, persons: -1000}, -np.inf, 0))

    def _half_year(self, number: int, each: Published, values: Values) -> None:
        places = [self.places[number, month, values, "events"] for month in range(SPAN)]
        people = [self.places[number, month, values, "persons"] for month in range(SPAN)]
        events, persons = each.whole[values]
        self.lines.append((dict.fromkeys(places, 1.0), events, events))
        self.lines.append((dict.fromkeys(people, 1.0), persons, np.inf))
        self.lines += [({place: 1.0}, 0, persons) for place in people]

    def _row(self, month: int) -> None:
        """The tables of a series have one number in each row; it is known wherever anything of the row is."""
        sums = [
            {self.places[number, month, values, "events"]: 1.0 for values in each.columns}
            for number, each in enumerate(self.tables)
        ]
        for other in sums[1:]:
            self.lines.append((sums[0] | {place: -1.0 for place in other}, 0, 0))
        if any(each.shown[month] for each in self.tables):
            number = sum(events for events, _ in self.tables[0].months[month].values())
            self.lines.append((sums[0], number, number))

    def limits(self, cells: Sequence[tuple[int, int, Values]]) -> tuple[float, float]:
        """Return the least and the most events that some cells together may have."""
        aim = np.zeros(len(self.places))
        aim[[self.places[number, month, values, "events"] for number, month, values in cells]] = 1
        found = []
        for sign in (1, -1):
            solved = milp(sign * aim, constraints=self.ties, bounds=Bounds(0, 300), integrality=self.whole)
            assert solved.status == 0, solved.message  # the truth is one of the worlds
            found.append(sign * solved.fun)
        return round(found[0]), round(found[1])

    def told(self) -> list[str]:
        """Return every small cell that a reader could tell, in words."""
        faults = []
        for number, each in enumerate(self.tables):
            small = {
                (month, values): [(number, month, values)]
                for month in range(SPAN)
                for values, figures in each.months[month].items()
                if values not in each.shown[month] and rules.is_small(figures)
            }
            small |= {
                (SPAN, values): [(number, month, values) for month in range(SPAN)]
                for values, figures in each.whole.items()
                if values not in each.whole_shown and rules.is_small(figures)
            }
            for (month, values), cells in small.items():
                low, high = self.limits(cells)
                if low > 0 or high - low < WIDTH:
                    faults.append(f"{each.table.title.en}: {values} in {month} is {low} to {high}")
        return faults


# -- made-up half-years ------------------------------------------------------------------------------


def _foreign(chance: Random) -> dict[TableName, Months]:
    """Six months of one age and travel condition, as T1, T2 and T3 count them."""
    nations = dict(zip(("HND", "GTM", "SLV", "NIC", None), (chance.choice([1, 3, 9]) for _ in range(5)), strict=True))
    states = dict(
        zip(("MX-CHP", "MX-TAB", "MX-VER", "MX-SON"), (chance.choice([1, 3, 9]) for _ in range(4)), strict=True)
    )
    sexes = {"F": 10, "M": chance.choice([1, 10])}
    found: dict[TableName, Months] = {name: [] for name in FOREIGN}
    for month in range(SPAN):
        events = [
            [chance.choices(list(each), list(each.values()))[0] for each in (nations, states, sexes)]
            for _ in range(chance.choice([0, 1, 2, 4, 7, 12, 20, 40]))
        ]
        for name, place in zip(FOREIGN, range(3), strict=True):
            own = Counter(_place(name, month, event[place]) for event in events)
            found[name].append({values: (n, chance.randint((n + 1) // 2, n)) for values, n in own.items()})
    return found


def _place(name: TableName, month: int, value: str | None) -> Values:
    if name is TableName.T3:
        return f"2026-{month + 1:02}", "CHILD", "SEPARATED", value
    return value, "CHILD", "SEPARATED"


def _mexican(chance: Random) -> dict[TableName, Months]:
    """Six months of Mexican children, whom T5, T6A and T6B count."""
    found: dict[TableName, Months] = {name: [] for name in MEXICAN}
    for _ in range(SPAN):
        count = chance.choice([0, 2, 6, 15, 40])
        draws: dict[TableName, Callable[[], Values]] = {
            TableName.T5: lambda: (chance.choice("FFFMX"), chance.choice(["UNACCOMPANIED"] * 4 + ["ACCOMPANIED"])),
            TableName.T6A: lambda: (chance.choice(["Nogales"] * 6 + ["Tijuana", "Reynosa", "Ojinaga"]),),
            TableName.T6B: lambda: (chance.choice(["MX-OAX"] * 6 + ["MX-GRO", "MX-CHP", "MX-PUE"]),),
        }
        for name, draw in draws.items():
            own = Counter(draw() for _ in range(count))
            found[name].append({values: (n, chance.randint((n + 1) // 2, n)) for values, n in own.items()})
    return found


@pytest.mark.parametrize("seed", range(8))
def test_nothing_left_out_can_be_worked_out_from_what_is_published(seed: int) -> None:
    chance = Random(seed)
    made = _foreign(chance) if seed % 3 else _mexican(chance)
    reader = Reader([publish(TABLES[name], months) for name, months in made.items()])
    assert reader.told() == []


def test_returns_stand_alone_and_tell_nothing_either() -> None:
    for seed in range(3):
        months = _foreign(Random(seed))[TableName.T1]
        assert Reader([publish(TABLES[TableName.T4], months)]).told() == []


def test_the_solver_would_find_what_leaving_small_cells_out_alone_tells() -> None:
    """The attack works: without what else is left out, it tells cells."""
    told = 0
    for seed in (1, 2):
        tables = [publish(TABLES[name], months) for name, months in _foreign(Random(seed)).items()]
        for each in tables:
            each.shown = [{v for v, n in month.items() if not rules.is_small(n)} for month in each.months]
            each.whole_shown = {v for v, n in each.whole.items() if not rules.is_small(n)}
        told += len(Reader(tables).told())
    assert told


# -- one rule after the other ------------------------------------------------------------------------

T1 = TABLES[TableName.T1]


def row(**events: int) -> dict[Values, tuple[int, int]]:
    """One month of children alone under 12, by nationality."""
    return {(name, "CHILD", "UNACCOMPANIED"): (n, n) for name, n in events.items()}


def names(shown: set[Values]) -> set[str | None]:
    return {values[0] for values in shown}


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({"HND": 30, "GTM": 20}, {"HND", "GTM"}),  # nothing is small, nothing is left out
        ({"HND": 30, "GTM": 20, "SLV": 4}, {"HND"}),  # never alone: the smallest published one goes with it
        ({"HND": 30, "GTM": 3, "SLV": 2}, {"HND"}),  # two of five together are enough
        ({"HND": 30, "GTM": 20, "SLV": 2, "NIC": 2}, {"HND"}),  # four together are not
        ({"HND": 30, "SLV": 1}, set()),
        ({"SLV": 4}, set()),
        ({"HND": 5}, {"HND"}),
    ],
)
def test_in_a_row_nothing_is_left_out_alone(cells: dict[str, int], shown: set[str]) -> None:
    assert names(rules.shown_in_month(T1, row(**cells))) == shown


def test_few_persons_are_as_small_as_few_events() -> None:
    cells = row(HND=30, GTM=20) | {("SLV", "CHILD", "UNACCOMPANIED"): (9, SMALLEST - 1)}
    assert names(rules.shown_in_month(T1, cells)) == {"HND"}


def half_year(*months: dict[Values, tuple[int, int]]) -> set[str | None]:
    return names(publish(T1, list(months)).whole_shown)


def test_a_half_year_is_left_out_where_it_would_tell_its_one_missing_month() -> None:
    usual = row(HND=30, GTM=20)
    assert half_year(*[usual] * 6) == {"HND", "GTM"}
    assert half_year(*[usual] * 5, row(HND=30, GTM=3, SLV=3)) == {"HND"}  # Guatemala's would tell 3


def test_a_half_year_stays_where_months_can_be_exchanged() -> None:
    usual = row(HND=30, GTM=20)
    mixed = row(HND=30, GTM=3, SLV=4, NIC=4)
    assert half_year(*[usual] * 3, *[mixed] * 3) == {"HND", "GTM"}  # the two smallest are left out for it
    assert half_year(*[usual] * 5, mixed) == {"HND"}  # one month alone has nothing to be exchanged with


def test_what_a_dark_month_holds_is_left_out_of_its_half_year() -> None:
    assert half_year(*[row(HND=30, GTM=20)] * 5, row(HND=2)) == {"GTM"}
    mixed = [row(HND=30, GTM=20)] * 3 + [row(HND=30, GTM=3, SLV=2, NIC=2)] * 2
    assert half_year(*mixed, row(HND=30, GTM=1, SLV=2, NIC=2)) == {"HND", "GTM"}
    assert half_year(*mixed, row(GTM=1, SLV=2, NIC=1)) == {"HND"}  # the same, but the month's number is unknown, too


@pytest.mark.parametrize(
    ("before", "now", "read_on"),
    [
        (None, (3, 3), (3, 3)),
        ((100, 90), (104, 94), (100, 90)),  # four late records are as few as a small cell
        ((100, 90), (105, 94), (105, 90)),
        ((100, 90), (96, 95), (100, 95)),
        ((100, 90), (95, 85), (95, 85)),
        ((6, 6), (1, 1), (1, 1)),
        ((3, 3), (7, 7), (3, 3)),
    ],
)
def test_a_revision_changes_a_figure_by_five_or_not_at_all(
    before: tuple[int, int] | None, now: tuple[int, int], read_on: tuple[int, int]
) -> None:
    assert rules.kept(before, now) == read_on
