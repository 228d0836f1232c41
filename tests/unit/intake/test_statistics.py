"""The official tables: events and persons apart, exact for those who publish them, small cells hidden."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from services.intake.children.models import Child
from services.intake.children.rules import AgeGroup, Sex
from services.intake.counts import service as counts
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind, Tie, TravelCondition
from services.intake.releases.service import Releaser
from shared import clock, ids
from shared.testing import key
from tests.unit.intake.world import Row, World, again, assert_problem, encounter, girl

STATISTICS = "/v1/intake/statistics"

PUBLISHERS: list[Row] = [{"kind": kind, "state": None} for kind in ("UPM", "INM", "DIF")]
UPM = PUBLISHERS[0]
PUBLIC: Row = {"kind": "UNICEF", "state": None}
MEXICAN: Row = {"kind": EncounterKind.MEXICAN_RETURNED, "nationality": "MEX"}
_numbers = count()
COMPARED = "comparison?first_month=2026-01&last_month=2026-06&against_first_month=2025-07&against_last_month=2025-12"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what no statement of SQL decides: one database is enough."""
JULY = datetime(2026, 7, 20, tzinfo=UTC)
WAIT = timedelta(days=10)


async def table(world: World, name: str, first: str, last: str, **who: Any) -> Any:
    who = {"scope": "statistics:read"} | who
    version = f"&version={who.pop('version')}" if "version" in who else ""
    return await world.get(f"{STATISTICS}/{name}?first_month={first}&last_month={last}{version}", **who)


async def cells(world: World, name: str, first: str, last: str, **who: Any) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The cells of a table: dimensions in order → events, persons."""
    answer = await table(world, name, first, last, **(UPM | who))
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
        met("2026-04-04", persons=30, **MEXICAN, returned_from="USA", return_point="Nogales", state_of_origin="MX-OAX"),
        met("2026-04-04", persons=20, **MEXICAN, returned_from="CAN"),
        met("2025-12-31", persons=70),
        met("2026-07-01", persons=80),
    )


async def test_those_who_publish_read_exact_tables(world: World) -> None:
    await fixture(world)
    alone, few = ("ADOLESCENT", "UNACCOMPANIED"), ("CHILD", "UNACCOMPANIED")
    for who in PUBLISHERS:
        assert await cells(world, "T1", "2026-01", "2026-06", **who) == {
            ("HND", *alone): (12, 8), ("GTM", *few): (9, 1), ("GTM", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
            (None, "ADOLESCENT", "SEPARATED"): (4, 4),
        }  # fmt: skip
    assert await cells(world, "T2", "2026-01", "2026-06") == {
        ("MX-CHP", *alone): (12, 8), ("MX-TAB", *few): (9, 1), ("MX-CHP", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
        ("MX-CHP", "ADOLESCENT", "SEPARATED"): (4, 4),
    }  # fmt: skip
    assert await cells(world, "T3", "2026-01", "2026-06") == {
        ("2026-01", *alone, "F"): (6, 6), ("2026-02", *alone, "M"): (6, 2), ("2026-03", *few, "F"): (9, 1),
        ("2026-03", "ADOLESCENT", "ACCOMPANIED", "X"): (5, 5), ("2026-06", "ADOLESCENT", "SEPARATED", "F"): (4, 4),
    }  # fmt: skip
    assert await cells(world, "T5", "2026-01", "2026-06") == {("F", "UNACCOMPANIED"): (30, 30)}  # 20 came from Canada
    assert await cells(world, "T6A", "2026-01", "2026-06") == {("Nogales",): (30, 30), (None,): (20, 20)}
    assert await cells(world, "T6B", "2026-01", "2026-06") == {("MX-OAX",): (30, 30), (None,): (20, 20)}


@ONE
async def test_a_table_says_what_it_covers(world: World) -> None:
    with clock.at(datetime(2026, 8, 15, tzinfo=UTC)):
        past = (await table(world, "T1", "2026-01", "2026-06", **UPM)).json()
        running = (await table(world, "T3", "2026-07", "2026-08", **UPM)).json()
    assert past == {
        "table": "T1", "first_month": "2026-01", "last_month": "2026-06", "cutoff": "2026-06-30", "provisional": False,
        "exact": True, "complete": True, "version": None, "note": None, "rule": "R33", "verified": True,
        "source": "UPM, tables from INM's records, as quoted by the press in 2019", "cells": [], "labels": {},
        "dimensions": ["nationality", "age_group", "travel_condition"],
        "title": {
            "en": "Events of foreign children by nationality, age and travel condition",
            "es": "Eventos de niñas, niños y adolescentes extranjeros por nacionalidad, edad y condición de viaje",
        },
    }  # fmt: skip
    assert (running["cutoff"], running["provisional"]) == ("2026-08-14", True)


@ONE
async def test_a_month_ends_when_it_ends_in_tijuana(world: World) -> None:
    verdicts = []
    for hour in (0, 6, 8):  # of 1 July in UTC; Tijuana is seven hours behind
        with clock.at(datetime(2026, 7, 1, hour, tzinfo=UTC)):
            verdicts.append((await table(world, "T1", "2026-06", "2026-06", **UPM)).json()["provisional"])
    assert verdicts == [True, True, False]


@ONE
async def test_an_encounter_counts_in_the_month_of_its_local_day(world: World) -> None:
    where = {"MX-ROO": "2026-04", "MX-CHP": "2026-03", "MX-SON": "2026-03", "MX-BCN": "2026-03"}
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        for state in where:
            body = encounter(occurred_at="2026-04-01T05:30:00Z", place={"state": state}, child=girl())
            await world.met(body, state=state)
        for month in ("2026-03", "2026-04"):
            found = await cells(world, "T2", month, month)
            assert {key[0] for key in found} == {state for state, own in where.items() if own == month}


@ONE
async def test_a_child_met_twice_is_two_events_and_one_person(world: World) -> None:
    with clock.at(datetime(2026, 4, 2, tzinfo=UTC)):
        child_id = (await world.met())["child_id"]
        await world.met(again(child_id))
        await world.met(encounter(kind="BETA_MET"))
        assert list((await cells(world, "T1", "2026-04", "2026-04")).values()) == [(2, 1)]


# -- what the public reads ---------------------------------------------------------------------------


async def released(world: World) -> int:
    """Let the worker release what is due."""
    while await counts.turn(world.runtime.database):
        pass
    return await Releaser(world.runtime.database, WAIT).turn()


async def release(world: World, first: str, last: str, note: str | None = None, **more: Any) -> Any:
    body = {"first_month": first, "last_month": last, "note": note} | more.pop("body", {})
    while await counts.turn(world.runtime.database):
        pass
    async with world.calling(**(UPM | {"scope": "intake:write"} | more)) as upm:
        return await upm.post(f"{STATISTICS}/releases", json=body, headers=key())


async def test_the_public_reads_what_was_released_and_no_small_cell(world: World) -> None:
    await fixture(world)
    alone = ("ADOLESCENT", "UNACCOMPANIED")
    with clock.at(JULY):
        assert await released(world) == 9  # December to June, and both half-years
        assert await cells(world, "T1", "2026-01", "2026-06", **PUBLIC) == {
            ("GTM", "ADOLESCENT", "ACCOMPANIED"): (5, 5),
        }  # Honduras' would tell the two persons of February
        late = met("2026-01-05", persons=40, nationality="CUB"), met("2026-01-06", persons=30, nationality="HTI")
        await fill(world, *late)
        assert await cells(world, "T1", "2026-01", "2026-01", **PUBLIC) == {("HND", *alone): (6, 6)}
        assert (await release(world, "2026-01", "2026-01", "Late records")).status_code == 201
        assert await cells(world, "T1", "2026-01", "2026-01", **PUBLIC) == {
            ("HND", *alone): (6, 6), ("CUB", *alone): (40, 40), ("HTI", *alone): (30, 30),
        }  # fmt: skip
        assert await cells(world, "T3", "2026-02", "2026-02", **PUBLIC) == {}  # six events of two persons
        exact = await cells(world, "T1", "2026-01", "2026-06", version=1)
        assert exact[None, "ADOLESCENT", "SEPARATED"] == (4, 4)


@ONE
async def test_a_release_stays_as_it_is_until_it_is_revised_with_a_number_and_a_note(world: World) -> None:
    with clock.at(JULY):
        await fill(world, met("2026-06-02", persons=20), met("2026-06-03", persons=20, nationality="GTM"))
        assert (await release(world, "2026-06", "2026-06")).json()["version"] == 1
        first = (await table(world, "T1", "2026-06", "2026-06", **PUBLIC)).json()
        await fill(world, met("2026-06-04", persons=4), met("2026-06-05", persons=9, nationality="GTM"))
        assert (await table(world, "T1", "2026-06", "2026-06", **PUBLIC)).json() == first
        refused = assert_problem(await release(world, "2026-06", "2026-06"), 409, "refused_by_law")
        assert (refused["rule"], refused["allowed_actions"]) == ("R33", ["release"])
        clock.advance(timedelta(days=1))
        revised = (await release(world, "2026-06", "2026-06", "Late records", body={"final": True})).json()
        said = revised["version"], revised["note"], revised["final"], revised["made_by"]
        assert said == (2, "Late records", True, "upm-federal")
        found = (await table(world, "T1", "2026-06", "2026-06", **PUBLIC)).json()
        said = found["version"], found["note"], found["provisional"], found["cutoff"]
        assert said == (2, "Late records", False, "2026-07-21")
        assert [cell["events"] for cell in found["cells"]] == [29, 20]  # four more Hondurans wait to be five
        exact = await cells(world, "T1", "2026-06", "2026-06", version=2)
        assert sorted(exact.values()) == [(24, 24), (29, 29)]
        assert (await table(world, "T1", "2026-06", "2026-06", version=1, **PUBLIC)).json() == first
        listed = (await world.get(f"{STATISTICS}/releases", scope="statistics:read", **PUBLIC)).json()["items"]
        assert [each["version"] for each in listed] == [2, 1]


@ONE
async def test_what_was_left_out_for_a_small_cell_stays_out_when_that_has_grown(world: World) -> None:
    """Else the first release's rows, less what the second shows, would tell the small cell of the first."""
    with clock.at(JULY):
        for nationality, persons in (("HND", 40), ("GTM", 30), ("SLV", 3)):
            await fill(world, met("2026-06-02", persons=persons, nationality=nationality))
        await release(world, "2026-06", "2026-06")
        assert [key[0] for key in await cells(world, "T1", "2026-06", "2026-06", **PUBLIC)] == ["HND"]
        await fill(world, met("2026-06-03", persons=9, nationality="SLV"))
        await release(world, "2026-06", "2026-06", "Late records")
        public = await cells(world, "T1", "2026-06", "2026-06", **PUBLIC)
        assert ("GTM", "ADOLESCENT", "UNACCOMPANIED") not in public
        assert ("HND", "ADOLESCENT", "UNACCOMPANIED") in public


async def test_a_half_year_is_the_sum_of_its_months_as_they_were_released(world: World) -> None:
    with clock.at(JULY):
        for month in range(1, 7):
            girls, boys = met(f"2026-{month:02}-02", persons=10), met(f"2026-{month:02}-03", persons=7, times=2)
            await fill(world, girls, boys)
        assert await released(world) == 7
        assert await released(world) == 0
        await fill(world, met("2026-02-04", persons=50))
        assert (await release(world, "2026-01", "2026-06", "again")).json()["version"] == 2
        public = await cells(world, "T1", "2026-01", "2026-06", **PUBLIC)
        assert public == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (144, 102)}
        months = await cells(world, "T3", "2026-01", "2026-06", **PUBLIC)
        assert sum(events for events, _ in months.values()) == 144
        assert await cells(world, "T1", "2026-01", "2026-06") == {("HND", "ADOLESCENT", "UNACCOMPANIED"): (194, 152)}
        assert (await release(world, "2026-02", "2026-02", "late")).status_code == 201
        assert (await release(world, "2026-01", "2026-06", "late")).json()["version"] == 3
        assert await cells(world, "T1", "2026-01", "2026-06", **PUBLIC) == {
            ("HND", "ADOLESCENT", "UNACCOMPANIED"): (194, 152)
        }


@ONE
async def test_the_worker_releases_a_period_once_its_time_has_come(world: World) -> None:
    await fill(world, met("2026-05-31", persons=9))
    june, later = datetime(2026, 6, 10, tzinfo=UTC), datetime(2026, 6, 12, tzinfo=UTC)
    for moment, newest in ((june, "2026-04"), (later, "2026-05"), (JULY, "2026-06")):
        with clock.at(moment):
            await released(world)
            assert max(row["last_month"] for row in await world.rows("statistic_release")) == newest
    half = [row for row in await world.rows("statistic_release") if row["first_month"] < row["last_month"]]
    assert [(row["first_month"], row["last_month"]) for row in half] == [("2026-01", "2026-06")]
    assert {row["made_by"] for row in await world.rows("statistic_release")} == {"intake"}
    assert {row["action"] for row in await world.rows("audit_entry")} == {"release"}


@ONE
async def test_nothing_is_released_while_records_wait_to_be_counted(world: World) -> None:
    with clock.at(JULY):
        await fill(world, met("2026-06-02", persons=9))
        releaser = Releaser(world.runtime.database, WAIT)
        assert await releaser.turn() == 0
        assert_problem(await _release_now(world), 503, "unavailable")
        assert await released(world) == 2  # June, and the half-year


async def _release_now(world: World) -> Any:
    async with world.calling(**UPM, scope="intake:write") as upm:
        body = {"first_month": "2026-06", "last_month": "2026-06"}
        return await upm.post(f"{STATISTICS}/releases", json=body, headers=key())


@ONE
async def test_a_small_cell_looks_like_an_empty_one(world: World) -> None:
    seen = []
    with clock.at(JULY):
        for persons in (0, 4):
            await fill(world, met(f"2026-0{6 - persons // 4}-02", persons=persons, nationality="SLV"))
            month = f"2026-0{6 - persons // 4}"
            await release(world, month, month)
            found = (await table(world, "T1", month, month, **PUBLIC)).json()
            seen.append({name: value for name, value in found.items() if "month" not in name})
    assert seen[0] == seen[1]


@ONE
@pytest.mark.parametrize("who", [{"kind": "INM"}, {"kind": "DIF"}, {"kind": "PP"}, {"kind": "PP", "state": None}])
async def test_offices_of_a_state_read_what_the_public_reads(world: World, who: Row) -> None:
    with clock.at(JULY):
        await fill(world, met("2026-06-02", persons=9), met("2026-06-02", persons=9, sex=Sex.M, state="MX-TAB"))
        assert_problem(await table(world, "T1", "2026-06", "2026-06", **who), 409, "refused_by_law")
        await released(world)
        assert (await table(world, "T1", "2026-06", "2026-06", **who)).json()["exact"] is False


@ONE
@pytest.mark.parametrize(("first", "last"), [("2026-01", "2026-05"), ("2025-07", "2026-06"), ("2026-11", "2026-11")])
async def test_the_public_chooses_no_period_of_its_own(world: World, first: str, last: str) -> None:
    with clock.at(datetime(2026, 11, 22, tzinfo=UTC)):
        refused = assert_problem(await table(world, "T1", first, last, **PUBLIC), 409, "refused_by_law")
        assert (refused["rule"], "design decision" in refused["source"]) == ("R33", True)
        assert_problem(await release(world, first, last), 409, "refused_by_law")
        assert (await table(world, "T1", first, last, **UPM)).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("who", [{"state": "MX-CHP"}, {"kind": "INM"}, {"kind": "DIF"}], ids=str)
async def test_only_the_federal_upm_releases(standing_world: World, who: Row) -> None:
    assert_problem(await release(standing_world, "2026-01", "2026-01", **who), 403, "forbidden")


# -- who may, and for which period -------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-06", "2026-01"), ("2026-13", "2026-13"), ("2026-00", "2026-06"), ("1999-12", "2026-01"), ("2026", "2026"),
     ("2026-1", "2026-6"), ("", ""), ("2026-01-01", "2026-06-30")],
)  # fmt: skip
async def test_a_period_is_made_of_whole_months_in_order(standing_world: World, first: str, last: str) -> None:
    assert_problem(await table(standing_world, "T1", first, last, **UPM), 422, "invalid_request")


@ONE
async def test_a_period_must_be_given(world: World) -> None:
    answer = await world.get("/v1/intake/statistics/T1", scope="statistics:read", **UPM)
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["T7", "T6", "t1", "T", "T1%00"])
async def test_there_are_no_other_tables(standing_world: World, name: str) -> None:
    assert_problem(await table(standing_world, name, "2026-01", "2026-06", **UPM), 404, "not_found")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("who", [UPM, {"kind": "INM"}], ids=["UPM", "INM"])
async def test_without_the_scope_there_are_no_statistics(standing_world: World, who: Row) -> None:
    answer = await table(standing_world, "T1", "2026-01", "2026-06", scope="intake:read intake:write", **who)
    assert_problem(answer, 403, "forbidden")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("state", [None, "MX-CHP"])
async def test_a_consulate_never_gets_statistics(standing_world: World, state: str | None) -> None:
    who: Row = {"kind": "CONSULATE", "state": state, "country": "HND"}
    assert_problem(await table(standing_world, "T1", "2026-01", "2026-06", **who), 403, "forbidden")
    for path in ("breakdown?series=FOREIGN&first_day=2026-01-01&last_day=2026-01-31", COMPARED):
        answer = await standing_world.get(f"{STATISTICS}/{path}", scope="statistics:read", **who)
        assert_problem(answer, 403, "forbidden")
    listed = await standing_world.get(f"{STATISTICS}/releases", scope="statistics:read", **who)
    assert listed.json()["items"] == []


@ONE
async def test_statistics_are_not_for_tomorrow(world: World) -> None:
    later = (clock.now() + timedelta(days=400)).strftime("%Y-%m")
    assert_problem(await table(world, "T1", later, later, **PUBLIC), 409, "refused_by_law")
