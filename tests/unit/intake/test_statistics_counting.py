"""Counting: events once, persons once in whatever is asked; links, late records, crashes and several workers."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from services.intake.counts import rules, service, store
from services.intake.counts.rules import MEASURES, Counted, Measure, Series
from services.intake.matches import store as matches
from shared import clock, ids
from shared.db import run
from shared.events import ReturnCompleted
from tests.unit.intake.world import World, again, encounter, girl

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def event(number: int, person: str, day: str, **dimensions: str | None) -> Counted:
    usual: dict[str, str | None] = {
        "nationality": "HND", "state": "MX-CHP", "age_group": "CHILD", "travel_condition": "UNACCOMPANIED", "sex": "F",
    }  # fmt: skip
    return Counted(
        id=f"enc_{number:032x}", child_id=person, person_id=person, series=Series.FOREIGN, day=date.fromisoformat(day),
        since=MOMENT, **(usual | dimensions),
    )  # fmt: skip


def by_hand(events: Iterable[Counted], measure: Measure, first: int, last: int) -> dict[str, tuple[int, int]]:
    """Count the slow way: every event, and the set of persons of each cell."""
    cells: dict[str, list[str]] = defaultdict(list)
    for each in events:
        month = each.day.year * 12 + each.day.month - 1
        fits = measure.only is None or getattr(each, measure.only[0]) == measure.only[1]
        if each.series is measure.series and first <= month <= last and fits:
            cells[rules.cell([getattr(each, name) for name in measure.dimensions])].append(each.person_id)
    return {cell: (len(persons), len(set(persons))) for cell, persons in cells.items()}


def by_sums(tallies: Mapping[rules.Tally, int], name: str, first: int, last: int) -> dict[str, tuple[int, int]]:
    """Count from the sums, as the store does in SQL."""
    cells: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (measure, month, cell, previous), events in tallies.items():
        if measure == name and first <= month <= last:
            cells[cell][0] += events
            cells[cell][1] += events * (previous < first)
    return {cell: (found[0], found[1]) for cell, found in cells.items() if found[0]}


def some(chance: Random, count: int) -> list[Counted]:
    """Events of few persons over two years, in every series."""
    return [
        replace(
            event(
                number,
                f"chd_{chance.randrange(count // 3)}",
                f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            ),
            day=date(chance.choice([2025, 2026]), chance.randint(1, 12), chance.randint(1, 28)),
            series=chance.choice(list(Series)),
            nationality=chance.choice(["HND", "GTM", None]),
            state=chance.choice(["MX-CHP", "MX-TAB"]),
            sex=chance.choice("FM"),
            return_point=chance.choice(["A", "B"]),
            returned_from=chance.choice(["USA", "CAN"]),
            state_of_origin=chance.choice([None, "MX-OAX"]),
        )
        for number in range(count)
    ]


# -- pure --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_sums_by_previous_month_count_persons_of_any_run_of_months(name: str) -> None:
    events = some(Random(7), 150)
    tallies = rules.tallies(events)
    for first in range(rules.number("2025-01"), rules.number("2026-12") + 1, 3):
        for last in range(first, rules.number("2026-12") + 1, 2):
            assert by_sums(tallies, name, first, last) == by_hand(events, MEASURES[name], first, last)


def test_events_may_come_in_any_order() -> None:
    events = some(Random(3), 60)
    assert rules.tallies(events) == rules.tallies(reversed(events))


def test_what_changes_for_some_persons_is_all_that_changes() -> None:
    chance = Random(5)
    before = some(chance, 90)
    linked = {f"chd_{n}": f"chd_{n // 2}" for n in range(30)}
    after = [replace(each, person_id=linked[each.person_id]) for each in before]
    whole = rules.tallies(before)
    whole.update(rules.difference(before, after))
    assert {tally: n for tally, n in whole.items() if n} == dict(rules.tallies(after))


def test_months_and_cells_are_written_and_read_back() -> None:
    assert rules.month_of(rules.number("2026-12") + 1) == "2027-01"
    assert rules.values(rules.cell(["HND", None, "x"]), ("a", "b", "c")) == ("HND", None, "x")
    assert rules.values(rules.cell([]), ()) == ()


# -- in the database ---------------------------------------------------------------------------------


async def turns(world: World) -> int:
    """Let the worker's turn come round until nothing waits."""
    counted = 0
    while found := await service.turn(world.runtime.database):
        counted += found
    return counted


async def put(world: World, events: Iterable[Counted | None], names: Iterable[str] = ()) -> None:
    """Count events that no encounter stands behind, through the code that counts encounters."""
    waiting = {each.id: each for each in events if each} | dict.fromkeys(names)
    async with world.runtime.database.work() as session:
        await service.count(session, waiting)


async def agreed(world: World, events: Iterable[Counted]) -> None:
    """Assert that ledger and sums say the same as counting by hand, whatever is asked."""
    events = list(events)
    async with world.runtime.database.work(write=False) as session:
        first, last = rules.number("2025-03"), rules.number("2026-08")
        for name, measure in MEASURES.items():
            found = await store.sums(session, name, first, last, by_month=False)
            assert {cell: n for (_, cell), n in found.items() if n[0]} == by_hand(events, measure, first, last), name
            each = await store.sums(session, name, first, last, by_month=True)
            for month in range(first, last + 1):
                assert {c: n for (m, c), n in each.items() if m == month and n[0]} == by_hand(
                    events, measure, month, month
                )
        span = [(date(2025, 3, 1), date(2026, 8, 31), None)]
        for measure in MEASURES.values():
            counted = await store.distinct(session, measure, measure.dimensions, span)
            slow = by_hand(events, measure, first, last)
            assert {rules.cell(row): n for row, n in counted.items() if n[0]} == slow


async def test_ledger_and_sums_agree_whatever_happens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches in any order, corrections, links and unlinks, events that stop to count."""
    chance = Random(11)
    events = {each.id: each for each in some(chance, 240)}
    links: dict[str, str] = {}

    async def persons(_: Any, children: Iterable[str]) -> dict[str, str]:
        return {child: links.get(child, child) for child in children}

    monkeypatch.setattr(store, "persons", persons)
    names = list(events)
    chance.shuffle(names)
    for start in range(0, 240, 80):
        await put(world, [events[name] for name in names[start : start + 80]])
    await agreed(world, events.values())
    links |= {f"chd_{n}": f"per_{n // 3}" for n in range(30)}
    await put(world, [each for each in events.values() if each.child_id in links])
    events = {n: replace(each, person_id=links.get(each.child_id, each.child_id)) for n, each in events.items()}
    await agreed(world, events.values())
    parted = {child for child, person in links.items() if person in ("per_2", "per_5")}
    for child in parted:
        del links[child]
    await put(world, [each for each in events.values() if each.child_id in parted])
    gone = names[:20]
    await put(world, [], gone)
    events = {n: replace(e, person_id=links.get(e.child_id, e.child_id)) for n, e in events.items() if n not in gone}
    await put(world, [replace(events[name], nationality="SLV", since=MOMENT) for name in names[20:40]])
    events |= {name: replace(events[name], nationality="SLV") for name in names[20:40]}
    await agreed(world, events.values())


async def test_a_recorded_encounter_counts_at_once_and_the_worker_counts_it_for_good(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        child = (await world.met())["child_id"]
        await world.met(again(child))
        await world.met(encounter(kind="BETA_MET", child=girl()))
        before = await _exact(world)
        assert await turns(world) == 3
        assert before == await _exact(world) == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (2, 1)}
    assert [row["id"] for row in await world.rows("statistic_event")] == [
        row["id"] for row in await world.rows("encounter") if row["kind"] == "FOREIGN_MET"
    ]
    assert await turns(world) == 0


async def _exact(world: World) -> dict[Any, tuple[int, int]]:
    path = "/v1/intake/statistics/T1?first_month=2026-04&last_month=2026-04"
    found = (await world.get(path, kind="UPM", state=None, scope="statistics:read")).json()
    assert found["complete"]
    return {tuple(cell["dimensions"].values()): (cell["events"], cell["persons"]) for cell in found["cells"]}


async def test_what_an_older_release_records_is_counted_too(world: World) -> None:
    """0.2.0 knows no `counted_at`: the row it writes says by that very absence that it waits."""
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        await world.met()
        assert [row["counted_at"] for row in await world.rows("encounter")] == [None]
        await turns(world)
        async with world.runtime.database.work() as session:  # as a link will
            await run(session, text("UPDATE encounter SET counted_at = NULL"))
        assert await turns(world) == 1
        assert await _exact(world) == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (1, 1)}


async def test_a_worker_that_dies_half_way_leaves_nothing_half_counted(world: World, monkeypatch: Any) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        await world.met()
        with monkeypatch.context() as patch:
            patch.setattr(store, "mark_counted", _die)
            with pytest.raises(SystemExit):
                await service.turn(world.runtime.database)
        assert await world.rows("statistic_event") == []
        assert await world.rows("statistic_summary", "cell") == []
        assert await turns(world) == 1


async def _die(*_: Any) -> None:
    raise SystemExit


async def test_several_workers_count_everything_once(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        child = (await world.met())["child_id"]
        for _ in range(5):
            await world.met(again(child))
        await asyncio.gather(*(turns(world) for _ in range(4)))
        await turns(world)
        assert await _exact(world) == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (6, 1)}


async def test_linked_children_are_one_person_and_two_again_when_they_are_parted(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        one, other = (await world.met())["child_id"], (await world.met())["child_id"]
        await turns(world)
        relinks = service.Relinks(world.runtime.database)
        assert await relinks.turn() == 0
        async with world.runtime.database.work() as session:
            await matches.regroup(session, dict.fromkeys((one, other), min(one, other)))
        assert await relinks.turn() == 0  # it looks once a minute
        clock.advance(service.RELINKS)
        assert [await relinks.turn(), await relinks.turn()] == [1, 0]
        assert await _exact(world) == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (2, 1)}
        async with world.runtime.database.work() as session:
            await matches.regroup(session, {one: one, other: other})
        assert await service.relink(world.runtime.database) == 1
        assert await _exact(world) == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (2, 2)}


# -- returns -----------------------------------------------------------------------------------------


def completed(child_id: str, **changes: Any) -> dict[str, Any]:
    """The event by which referral says that a child was received by its country."""
    data = {
        "return_id": ids.new("ret"), "child_id": child_id, "completed_at": "2026-04-01T05:30:00Z", "state": "MX-CHP",
        "nationality": "HND", "age_group": "ADOLESCENT", "travel_condition": "ACCOMPANIED",
    } | changes  # fmt: skip
    return {
        "id": ids.new("evt"), "type": ReturnCompleted.TYPE, "version": 1, "time": clock.now().isoformat(),
        "audience": "whe_x", "sequence": 1, "data": data,
    }  # fmt: skip


async def test_a_return_is_counted_once_in_the_month_of_its_local_day(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        child = (await world.met(encounter(occurred_at="2026-03-02T12:00:00Z")))["child_id"]
        told = completed(child)
        for message in (
            told,
            told,
            completed(**told["data"]),
            completed(child, nationality=None, age_group=None),
        ):
            assert (await world.event(message)).status_code == 200
        path = "/v1/intake/statistics/T4?first_month=2026-03&last_month=2026-03"
        cells = (await world.get(path, kind="UPM", state=None, scope="statistics:read")).json()["cells"]
        assert cells == [{
            "dimensions": {"nationality": "HND", "age_group": "ADOLESCENT", "travel_condition": "ACCOMPANIED"},
            "events": 2, "persons": 1,
        }]  # fmt: skip
        assert await turns(world) == 3
        assert await turns(world) == 0
        assert (await world.get(path, kind="UPM", state=None, scope="statistics:read")).json()["cells"] == cells
