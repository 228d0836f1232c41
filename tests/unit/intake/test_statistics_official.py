"""Events that add up to the figures that were published give those figures back, over HTTP."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.intake.counts import rules, store
from services.intake.counts import service as counts
from services.intake.counts.rules import Counted, Series
from services.intake.releases.service import Releaser
from shared import clock
from tests.unit.intake.world import Row, World

UPM: Row = {"kind": "UPM", "state": None, "scope": "statistics:read"}
PUBLIC: Row = {"kind": "NGO", "state": None, "scope": "statistics:read"}
STATISTICS = "/v1/intake/statistics"
MOMENT = datetime(2019, 1, 1, tzinfo=UTC)
FOUR = ("HND", "GTM", "SLV", "NIC")

with (Path(__file__).parent / "official_figures.csv").open(encoding="utf-8") as file:
    FIGURES = {row["figure"]: row for row in csv.DictReader(file)}
OFFICIAL = {name: int(row["events"]) for name, row in FIGURES.items()}

Group = tuple[Counted, int]


def group(number: int, month: str, nationality: str | None, condition: str, **more: Any) -> Counted:
    """What one of a group of events looks like."""
    return Counted(
        id=f"enc_{number:032x}", child_id=f"chd_{number:032x}", person_id=f"chd_{number:032x}", since=MOMENT,
        day=date.fromisoformat(f"{month}-10"), **({
            "series": Series.FOREIGN, "nationality": nationality, "state": "MX-CHP", "sex": "F",
            "age_group": "ADOLESCENT", "travel_condition": condition,
        } | more),
    )  # fmt: skip


def spread(count: int, months: list[str]) -> list[tuple[str, int]]:
    """Spread a number over months, as evenly as whole numbers go."""
    return [(month, count // len(months) + (place < count % len(months))) for place, month in enumerate(months)]


def months(first: str, last: str) -> list[str]:
    return [rules.month_of(number) for number in range(rules.number(first), rules.number(last) + 1)]


def foreign(first: str, last: str, shares: dict[str, int], alone: dict[str, int]) -> Iterator[Group]:
    """Events by nationality, of which so many of children alone."""
    for nationality, count in shares.items():
        for condition, part in (
            ("UNACCOMPANIED", alone.get(nationality, 0)),
            ("ACCOMPANIED", count - alone.get(nationality, 0)),
        ):
            for month, number in spread(part, months(first, last)):
                yield group(0, month, nationality, condition), number


HALF_2019 = {
    "HND": OFFICIAL["half_2019_HND"], "GTM": OFFICIAL["half_2019_GTM"], "SLV": OFFICIAL["half_2019_SLV"],
    "NIC": 1000, "CUB": OFFICIAL["half_2019_other"] - 1000,
}  # fmt: skip
ALONE_2019 = {"HND": 4300, "GTM": 2800, "SLV": 900, "NIC": 108, "CUB": 392}


def everything() -> Iterator[Group]:
    """All the figures of the sources, and what is needed to make them add up."""
    for year in ("2014", "2015", "2016", "2017"):
        yield from foreign(f"{year}-01", f"{year}-12", {"GTM": OFFICIAL[f"annual_{year}"]}, {})
    half, december = OFFICIAL["half_2018"], OFFICIAL["seven_months_unaccompanied"] - OFFICIAL["half_2019_unaccompanied"]
    rest = OFFICIAL["annual_2018"] - half - december
    alone = OFFICIAL["annual_2018_unaccompanied"] - december
    yield from foreign("2018-01", "2018-06", {"HND": half}, {"HND": alone // 2})
    yield from foreign("2018-07", "2018-11", {"HND": rest}, {"HND": alone - alone // 2})
    yield from foreign("2018-12", "2018-12", {"HND": december}, {"HND": december})
    yield from foreign("2019-01", "2019-06", HALF_2019, ALONE_2019)
    for month, number in spread(OFFICIAL["half_2019_returned"], months("2019-01", "2019-06")):
        yield group(0, month, "HND", "ACCOMPANIED", series=Series.RETURNED), number
    for month, number in spread(OFFICIAL["seven_months_mexican"], months("2018-12", "2019-06")):
        mexican = {
            "series": Series.MEXICAN,
            "returned_from": "USA",
            "return_point": "Nogales",
            "state_of_origin": "MX-OAX",
        }
        yield group(0, month, "MEX", "UNACCOMPANIED", **mexican), number


async def load(world: World) -> None:
    """Put in the sums of everything: those of one event of each group, as often as there are events."""
    changes: Counter[rules.Tally] = Counter()
    for event, number in everything():
        for tally in rules.tallies([event]):
            changes[tally] += number
    async with world.runtime.database.work() as session:
        await store.add(session, changes)


async def read(world: World, path: str, **who: Any) -> Any:
    answer = await world.get(f"{STATISTICS}/{path}", **(who or UPM))
    assert answer.status_code == 200, answer.text
    return answer.json()


def span(first: str, last: str) -> str:
    return f"first_month={first}&last_month={last}"


def summed(found: Any, **wanted: str | tuple[str, ...]) -> int:
    return sum(
        cell["events"]
        for cell in found["cells"]
        if all(cell["dimensions"][name] in (one if isinstance(one, tuple) else (one,)) for name, one in wanted.items())
    )


async def test_the_published_figures_come_back(world: World) -> None:
    await load(world)
    for row in FIGURES.values():
        if row["series"] != "FOREIGN" or row["dimension"]:
            continue
        for name in ("T1", "T2", "T3"):
            assert summed(await read(world, f"{name}?{span(row['first_month'], row['last_month'])}")) == int(
                row["events"]
            )
    seven = await read(world, f"T1?{span('2018-12', '2019-06')}")
    assert summed(seven, travel_condition="UNACCOMPANIED") == 10_135
    assert summed(seven, travel_condition="UNACCOMPANIED", nationality=FOUR) == 9_743
    assert summed(await read(world, f"T4?{span('2019-01', '2019-06')}")) == 21_900
    for name in ("T5", "T6A", "T6B"):
        assert summed(await read(world, f"{name}?{span('2018-12', '2019-06')}")) == 5_653
    year = await read(world, f"T1?{span('2018-01', '2018-12')}")
    assert round(100 * summed(year, travel_condition="UNACCOMPANIED") / summed(year), 1) == 32.8


async def test_the_half_years_compare_as_they_were_compared(world: World) -> None:
    await load(world)
    against = "against_first_month=2018-01&against_last_month=2018-06"
    found = await read(world, f"comparison?{span('2019-01', '2019-06')}&{against}")
    now = found["period"]
    assert (now["events"], now["persons"], found["against"]["events"]) == (33_122, 33_122, 14_277)
    assert found["rise_percent"] == 132.0
    assert (now["unaccompanied_events"], now["unaccompanied_percent"]) == (8_500, 25.7)
    assert (now["returned_events"], found["returned_rise_percent"]) == (21_900, None)
    assert [(each["nationality"], each["events"], each["percent"]) for each in now["by_nationality"]] == [
        ("HND", 17_034, 51.4), ("GTM", 10_069, 30.4), ("SLV", 3_745, 11.3), ("CUB", 1_274, 3.8), ("NIC", 1_000, 3.0),
    ]  # fmt: skip
    assert [each["rise_percent"] for each in now["by_nationality"]] == [19.3, None, None, None, None]
    assert (now["four_largest_events"], now["four_largest_percent"]) == (32_122, 97.0)
    assert (now["exact"], now["rule"], now["version"]) == (True, "R33", None)


def test_sources_that_disagree_are_both_kept_and_marked() -> None:
    disagreeing = {name: row for name, row in FIGURES.items() if row["status"] == "conflict"}
    assert [int(row["events"]) for row in disagreeing.values()] == [5_653, 5_636]
    assert all(row["source"] for row in FIGURES.values())
    assert {row["status"] for row in FIGURES.values()} == {"sourced", "derived", "unverified", "conflict"}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_the_first_half_of_2019_event_by_event_as_the_public_read_it(world: World) -> None:
    """33,122 events through the ledger, released as months and half-year."""
    waiting: dict[str, Counted | None] = {}
    for event, number in foreign("2019-01", "2019-06", HALF_2019, ALONE_2019):
        for _ in range(number):
            name = f"{len(waiting):032x}"
            waiting[f"enc_{name}"] = replace(event, id=f"enc_{name}", child_id=f"chd_{name}", person_id="")
    async with world.runtime.database.work() as session:
        await counts.count(session, waiting)
    with clock.at(datetime(2019, 7, 12, tzinfo=UTC)):
        assert await Releaser(world.runtime.database, timedelta(days=10)).turn() == 7
        found = await read(world, f"T1?{span('2019-01', '2019-06')}", **PUBLIC)
        own = {name: summed(found, nationality=name) for name in HALF_2019}
        assert own == HALF_2019
        assert (found["version"], found["exact"], found["provisional"], found["cutoff"]) == (
            1,
            False,
            True,
            "2019-07-12",
        )
        assert (
            sum([summed(await read(world, f"T1?{span(m, m)}", **PUBLIC)) for m in months("2019-01", "2019-06")])
            == 33_122
        )
        exact = await read(world, f"T1?{span('2019-01', '2019-06')}&version=1")
        assert (exact["cells"], exact["exact"]) == (found["cells"], True)
