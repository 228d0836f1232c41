"""The official tables: events and persons apart, exact for those who publish them, small cells hidden."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from services.intake.children.models import Child
from services.intake.children.rules import AgeGroup, Sex
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind, Tie, TravelCondition
from shared import clock, ids
from tests.unit.intake.world import Row, World, again, assert_problem, encounter, girl

PUBLISHERS: list[Row] = [{"kind": kind, "state": None} for kind in ("UPM", "INM", "DIF")]
UPM = PUBLISHERS[0]
PUBLIC: Row = {"kind": "UNICEF", "state": None}
_numbers = count()


async def table(world: World, name: str, first: str, last: str, **who: Any) -> Any:
    who = {"scope": "statistics:read"} | who
    return await world.get(f"/v1/intake/statistics/{name}?first_month={first}&last_month={last}", **who)


async def cells(world: World, name: str, first: str, last: str, **who: Any) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The cells of a table: dimensions in order → events, persons."""
    answer = await table(world, name, first, last, **(who or UPM))
    assert answer.status_code == 200, answer.text
    return {tuple(each["dimensions"].values()): (each["events"], each["persons"]) for each in answer.json()["cells"]}


def met(day: str, *, persons: int = 1, times: int = 1, **columns: Any) -> list[Any]:
    """Rows of `persons` children, each met `times` on a day."""
    rows: list[Any] = []
    for _ in range(persons):
        child_id = f"chd_{next(_numbers):032x}"
        rows.append(
            Child(
                id=child_id, key_id="k", identity=b"", sex=Sex.F, nationalities=[], stateless_doubt=False, languages=[],
                relatives=[], state="MX-CHP", created_by="inm-chp", created_at=clock.now(),
            )
        )  # fmt: skip
        rows += [_encounter(child_id, date.fromisoformat(day), columns) for _ in range(times)]
    return rows


def _encounter(child_id: str, day: date, columns: Row) -> Encounter:
    at = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    usual: Row = {
        "kind": EncounterKind.FOREIGN_MET, "state": "MX-CHP", "nationality": "HND", "age_group": AgeGroup.ADOLESCENT,
        "travel_condition": TravelCondition.UNACCOMPANIED, "sex": Sex.F,
    }  # fmt: skip
    return Encounter(
        id=ids.new("enc"), child_id=child_id, occurred_at=at, local_day=day, recorded_at=at, agency="inm-chp",
        tie=Tie.NOBODY, tie_proofs=[], age_presumed=False, **(usual | columns),
    )  # fmt: skip


async def fill(world: World, *groups: list[Any]) -> None:
    rows = [row for group in groups for row in group]
    async with world.runtime.database.work() as session:
        session.add_all([row for row in rows if isinstance(row, Child)])
        await session.flush()
        session.add_all([row for row in rows if isinstance(row, Encounter)])


# -- exact -------------------------------------------------------------------------------------------


async def fixture(world: World) -> None:
    """A half-year with every dimension in play."""
    await fill(
        world,
        met("2026-01-31", persons=6),
        met("2026-02-01", persons=2, times=3, sex=Sex.M),
        met("2026-03-15", persons=1, times=9, nationality="GTM", age_group=AgeGroup.CHILD, state="MX-TAB"),
        met("2026-03-15", persons=5, nationality="GTM", travel_condition=TravelCondition.ACCOMPANIED, sex=Sex.X),
        met("2026-06-30", persons=4, nationality=None, travel_condition=TravelCondition.SEPARATED),
        met("2026-04-04", persons=50, kind=EncounterKind.MEXICAN_RETURNED, nationality="MEX"),
        met("2025-12-31", persons=70),
        met("2026-07-01", persons=80),
    )


@pytest.mark.parametrize("who", PUBLISHERS, ids=lambda who: who["kind"])
async def test_those_who_publish_t1_read_it_exact(world: World, who: Row) -> None:
    await fixture(world)
    assert await cells(world, "T1", "2026-01", "2026-06", **who) == {
        ("HND", "ADOLESCENT", "UNACCOMPANIED"): (12, 8),
        ("GTM", "CHILD", "UNACCOMPANIED"): (9, 1),
        ("GTM", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
        (None, "ADOLESCENT", "SEPARATED"): (4, 4),
    }


async def test_t2_counts_by_state(world: World) -> None:
    await fixture(world)
    assert await cells(world, "T2", "2026-01", "2026-06") == {
        ("MX-CHP", "ADOLESCENT", "UNACCOMPANIED"): (12, 8),
        ("MX-TAB", "CHILD", "UNACCOMPANIED"): (9, 1),
        ("MX-CHP", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
        ("MX-CHP", "ADOLESCENT", "SEPARATED"): (4, 4),
    }


async def test_t3_counts_by_month_and_sex(world: World) -> None:
    await fixture(world)
    assert await cells(world, "T3", "2026-01", "2026-06") == {
        ("2026-01", "ADOLESCENT", "UNACCOMPANIED", "F"): (6, 6),
        ("2026-02", "ADOLESCENT", "UNACCOMPANIED", "M"): (6, 2),
        ("2026-03", "CHILD", "UNACCOMPANIED", "F"): (9, 1),
        ("2026-03", "ADOLESCENT", "ACCOMPANIED", "X"): (5, 5),
        ("2026-06", "ADOLESCENT", "SEPARATED", "F"): (4, 4),
    }


async def test_a_table_says_what_it_covers(world: World) -> None:
    with clock.at(datetime(2026, 8, 15, tzinfo=UTC)):
        past = (await table(world, "T1", "2026-01", "2026-06", **UPM)).json()
        running = (await table(world, "T3", "2026-07", "2026-08", **UPM)).json()
    assert past == {
        "table": "T1", "first_month": "2026-01", "last_month": "2026-06", "cutoff": "2026-06-30", "provisional": False,
        "exact": True, "cells": [],
    }  # fmt: skip
    assert (running["cutoff"], running["provisional"]) == ("2026-08-14", True)


async def test_a_month_ends_when_it_ends_in_tijuana(world: World) -> None:
    verdicts = []
    for hour in (0, 6, 8):  # of 1 July in UTC; Tijuana is seven hours behind
        with clock.at(datetime(2026, 7, 1, hour, tzinfo=UTC)):
            verdicts.append((await table(world, "T1", "2026-06", "2026-06", **UPM)).json()["provisional"])
    assert verdicts == [True, True, False]


@pytest.mark.parametrize(
    ("state", "month"), [("MX-ROO", "2026-04"), ("MX-CHP", "2026-03"), ("MX-SON", "2026-03"), ("MX-BCN", "2026-03")]
)
async def test_an_encounter_counts_in_the_month_of_its_local_day(world: World, state: str, month: str) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        body = encounter(occurred_at="2026-04-01T05:30:00Z", place={"state": state}, child=girl())
        await world.met(body, state=state)
        assert [key[0] for key in await cells(world, "T3", "2026-01", "2026-06")] == [month]


async def test_a_child_met_twice_is_two_events_and_one_person(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        child_id = (await world.met())["child_id"]
        await world.met(again(child_id))
        await world.met(encounter(kind="MEXICAN_RETURNED", child=girl(nationalities=["MEX"])))
        assert list((await cells(world, "T1", "2026-04", "2026-04")).values()) == [(2, 1)]


# -- published ---------------------------------------------------------------------------------------


async def test_the_public_sees_no_cell_under_5_events_or_persons(world: World) -> None:
    await fixture(world)
    assert await cells(world, "T1", "2026-01", "2026-06", **PUBLIC) == {
        ("HND", "ADOLESCENT", "UNACCOMPANIED"): (12, 8),
        ("GTM", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
    }
    assert await cells(world, "T3", "2026-02", "2026-02", **PUBLIC) == {}  # six events of two persons
    answer = (await table(world, "T1", "2026-01", "2026-06", **PUBLIC)).json()
    assert answer["exact"] is False
    assert "total" not in repr(answer)


async def test_a_small_cell_looks_like_an_empty_one(world: World) -> None:
    before = (await table(world, "T1", "2026-01", "2026-06", **PUBLIC)).json()
    await fill(world, met("2026-02-02", persons=4))
    assert (await table(world, "T1", "2026-01", "2026-06", **PUBLIC)).json() == before


@pytest.mark.parametrize("who", [{"kind": "INM"}, {"kind": "DIF"}, {"kind": "PP"}, {"kind": "PP", "state": None}])
async def test_offices_of_a_state_read_what_the_public_reads(world: World, who: Row) -> None:
    await fixture(world)
    assert (None, "ADOLESCENT", "SEPARATED") not in await cells(world, "T1", "2026-01", "2026-06", **who)


@pytest.mark.parametrize(("first", "last"), [("2026-01", "2026-05"), ("2025-07", "2026-06"), ("2026-11", "2026-11")])
async def test_the_public_chooses_no_period_of_its_own(world: World, first: str, last: str) -> None:
    with clock.at(datetime(2026, 11, 22, tzinfo=UTC)):
        refused = assert_problem(await table(world, "T1", first, last, **PUBLIC), 409, "refused_by_law")
        assert refused["rule"] == "R33"
        assert (await table(world, "T1", first, last, **UPM)).status_code == 200


async def test_the_first_half_of_2019_adds_up(world: World) -> None:
    """33,122 = 17,034 + 10,069 + 3,745 + 2,274, at one hundredth of its size."""
    sizes = {"HND": 170, "GTM": 100, "SLV": 37, "NIC": 23}
    for nationality, size in sizes.items():
        for month in range(1, 7):
            share = size // 6 + (month <= size % 6)
            await fill(world, met(f"2019-{month:02}-10", persons=share, nationality=nationality))
    exact = await cells(world, "T1", "2019-01", "2019-06")
    assert {key[0]: events for key, (events, _) in exact.items()} == sizes
    for name in ("T1", "T2", "T3"):
        found = await cells(world, name, "2019-01", "2019-06")
        assert (sum(events for events, _ in found.values()), sum(n for _, n in found.values())) == (330, 330)
    months = [await cells(world, "T1", f"2019-{month:02}", f"2019-{month:02}") for month in range(1, 7)]
    assert sum(events for found in months for events, _ in found.values()) == 330
    public = await cells(world, "T1", "2019-01", "2019-06", **PUBLIC)
    assert public == exact


# -- who may, and for which period -------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-06", "2026-01"), ("2026-13", "2026-13"), ("2026-00", "2026-06"), ("1999-12", "2026-01"), ("2026", "2026"),
     ("2026-1", "2026-6"), ("", ""), ("2026-01-01", "2026-06-30")],
)  # fmt: skip
async def test_a_period_is_made_of_whole_months_in_order(standing_world: World, first: str, last: str) -> None:
    assert_problem(await table(standing_world, "T1", first, last, **UPM), 422, "invalid_request")


async def test_a_period_must_be_given(world: World) -> None:
    answer = await world.get("/v1/intake/statistics/T1", scope="statistics:read", **UPM)
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["T4", "t1", "T", "T1%00"])
async def test_there_are_no_other_tables(standing_world: World, name: str) -> None:
    assert_problem(await table(standing_world, name, "2026-01", "2026-06", **UPM), 404, "not_found")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("who", [UPM, {"kind": "INM"}], ids=["UPM", "INM"])
async def test_without_the_scope_there_are_no_statistics(standing_world: World, who: Row) -> None:
    answer = await table(standing_world, "T1", "2026-01", "2026-06", scope="intake:read intake:write", **who)
    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("state", [None, "MX-CHP"])
async def test_a_consulate_never_gets_statistics(world: World, state: str | None) -> None:
    await fixture(world)
    answer = await table(world, "T1", "2026-01", "2026-06", kind="CONSULATE", state=state, country="HND")
    assert_problem(answer, 403, "forbidden")


async def test_statistics_are_not_for_tomorrow(world: World) -> None:
    later = (clock.now() + timedelta(days=400)).strftime("%Y-%m")
    assert_problem(await table(world, "T1", later, later, **PUBLIC), 409, "refused_by_law")
