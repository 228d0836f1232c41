"""What each Procuraduría owes every half-year (D14)."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlmodel import col, update

from services.referral.agencies import store as directory
from services.referral.cas_reports import rules
from services.referral.cas_reports.models import CasReport
from services.referral.cas_reports.rules import TRANSITIONS, HalfYear, ReportAction, ReportStatus
from services.referral.cas_reports.service import Opener
from services.referral.clocks.service import fired
from shared import clock
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.testing import key
from tests.conftest import migrated_sqlite
from tests.unit.referral.directory_world import CAS, sheltered
from tests.unit.referral.world import V1, World, together

AT = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    directory._Shelf.held = None


@pytest.mark.parametrize(
    ("day", "name", "ends"),
    [
        (date(2026, 1, 1), "2026-H1", "2026-07-01T06:00:00+00:00"),
        (date(2026, 6, 30), "2026-H1", "2026-07-01T06:00:00+00:00"),
        (date(2026, 7, 1), "2026-H2", "2027-01-01T06:00:00+00:00"),
        (date(2028, 2, 29), "2028-H1", "2028-07-01T06:00:00+00:00"),
    ],
)
def test_a_half_year_ends_at_midnight(day: date, name: str, ends: str) -> None:
    half = HalfYear.of(day)
    assert (str(half), half.ends(ZoneInfo("America/Mexico_City")).isoformat()) == (name, ends)
    assert HalfYear.named(name) == half


def test_it_ends_at_each_states_own_midnight() -> None:
    half = HalfYear(2026, 1)
    assert half.ends(ZoneInfo("America/Tijuana")) - half.ends(ZoneInfo("America/Cancun")) == timedelta(hours=2)
    for name in ("2026-H3", "26-H1", "2026"):
        with pytest.raises(ValueError, match="no half-year"):
            HalfYear.named(name)


@pytest.mark.parametrize(("left", "warns"), [(181, 151), (60, 30), (10, 5)])
def test_it_warns_a_month_before_or_half_way(left: int, warns: int) -> None:
    assert rules.warned(timedelta(days=left)) == timedelta(days=warns)


def test_every_code_is_called_something() -> None:
    assert set(rules.OPERATIONS) == set(rules.Operation)
    assert set(rules.RESULTS) == set(rules.VisitResult)


def report(*centres: str, visits: Any = ()) -> dict[str, Any]:
    return {"centres": [{"cas": each, "operation": "OPERATING"} for each in centres], "visits": list(visits)}


async def step(world: World, agency: str, row: Any, action: str, given: Any = None, version: int | None = None) -> Any:
    async with world.agency(agency) as caller:
        headers = key() | {"If-Match": f'"v{version or row["version"]}"'}
        return await caller.post(f"{V1}/cas-reports/{row['id']}/{action}", json=given, headers=headers)


async def owed(world: World, agency: str = "pp-chp") -> Any:
    (found,) = [each for each in (await world.get(agency, "/cas-reports"))["items"] if each["agency"] == "pp-chp"]
    return found


# -- opened by the worker ----------------------------------------------------------------------------------------


async def test_every_state_owes_one_report_a_half_year_however_many_workers_there_are(world: World) -> None:
    with clock.at(AT):
        one, two = Opener(world.runtime), Opener(world.runtime)
        assert sum(await together(one.turn(), two.turn())) == 32
        assert [await one.turn(), await two.turn(), await Opener(world.runtime).turn()] == [0, 0, 0]  # a restart, too
        reports = await world.rows(CasReport)
        assert {each.half_year for each in reports} == {"2026-H2"}
        assert len({each.agency for each in reports}) == len(await world.rows(Clock)) == 32
        clock.advance(timedelta(days=152))  # the 31st of December, noon
        assert await one.turn() == 0
        clock.advance(timedelta(days=1))
        assert [await one.turn(), await two.turn()] == [32, 0]
    assert {each.half_year for each in await world.rows(CasReport)} == {"2026-H2", "2027-H1"}


async def test_a_report_that_is_not_submitted_is_told_to_the_federal_procuraduria(world: World) -> None:
    with clock.at(AT):
        await world.register("pp-chp", "pp-fed")
        await Opener(world.runtime).turn()
        row = await owed(world)
        assert (row["due_at"], row["allowed_actions"]) == ("2027-01-01T06:00:00Z", ["submit"])
        clock.advance(timedelta(days=123))
        while await clocks.fire(world.runtime.database, fired):
            pass
        clock.advance(timedelta(days=31))
        while await clocks.fire(world.runtime.database, fired):
            pass
    assert [each.type for each in await world.sent("pp-chp")] == ["clock.warned", "clock.breached"]
    assert {each.type for each in await world.sent("pp-fed")} == {"clock.breached"}
    assert len(await world.sent("pp-fed")) == 32


async def test_a_report_names_every_centre_of_the_state_and_meets_the_clock(world: World) -> None:
    await sheltered(world)
    await Opener(world.runtime).turn()
    row = await owed(world)
    missing = await step(world, "pp-chp", row, "submit", report())
    assert (missing.status_code, missing.json()["rule"]) == (409, "D14-COMPLETE")
    assert CAS in missing.json()["detail"]
    visit = {"cas": CAS, "visited_on": "2026-10-05", "result": "DOES_NOT_MEET", "again_by": "2026-12-01"}
    for strange in (report(CAS, "pp-tam"), report(CAS, visits=[visit | {"cas": "cas-unknown"}])):
        assert (await step(world, "pp-chp", row, "submit", strange)).json()["rule"] == "D14-COMPLETE"
    done = await step(world, "pp-chp", row, "submit", report(CAS, visits=[visit]))
    assert (done.status_code, done.json()["status"], done.json()["visits"]) == (200, "submitted", [visit])
    met = await world.rows(Clock, Clock.resource_id == row["id"])
    assert [each.state for each in met] == [ClockState.MET]
    stale = await step(world, "pp-fed", row, "acknowledge")
    assert stale.status_code == 412
    taken = await step(world, "pp-fed", done.json(), "acknowledge")
    assert (taken.json()["status"], taken.json()["acknowledged_by"]) == ("acknowledged", "pp-fed")
    assert len((await world.get("pp-fed", "/cas-reports?limit=100"))["items"]) == 32
    assert [each["agency"] for each in (await world.get("pp-tam", "/cas-reports", state="MX-TAM"))["items"]] == [
        "pp-tam"
    ]
    await world.get("pp-tam", f"/cas-reports/{row['id']}", 404, state="MX-TAM")
    await world.get("dif-chp", "/cas-reports", 403)


# -- every cell ---------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("reports")
    async with World.open(migrated_sqlite("services.referral", run_folder, folder), folder) as made:
        await Opener(made.runtime).turn()
        yield made


@pytest.mark.asyncio(loop_scope="module")
async def test_every_step_is_taken_by_whom_it_is_and_from_where_it_starts(standing: World) -> None:
    row, whose = await owed(standing), {ReportAction.ACKNOWLEDGE: "pp-fed"}
    for status, action, agency in product(ReportStatus, ReportAction, ("pp-chp", "pp-fed", "pp-tam")):
        async with standing.runtime.database.work() as session:
            there = update(CasReport).where(col(CasReport.id) == row["id"])
            await session.exec(there.values(status=status, version=1))
        given = None if action is ReportAction.ACKNOWLEDGE else report()
        claims = {"state": "MX-TAM"} if agency == "pp-tam" else {}
        async with standing.agency(agency, **claims) as caller:
            path = f"{V1}/cas-reports/{row['id']}/{action}"
            answer = await caller.post(path, json=given, headers=key() | {"If-Match": '"v1"'})
        cell = f"{status} {action} {agency}: {answer.text}"
        if agency == "pp-tam":
            assert answer.status_code == 404, cell
        elif (status, action) in TRANSITIONS and agency == whose.get(action, "pp-chp"):
            assert (answer.status_code, answer.json()["status"]) == (200, TRANSITIONS[status, action]), cell
        else:
            assert answer.status_code == 409, cell
            allowed = rules.allowed(status, owes=agency == "pp-chp", federal=agency == "pp-fed")
            assert answer.json()["allowed_actions"] == allowed, cell
            law = "D14-WHO" if (status, action) in TRANSITIONS else None
            assert answer.json().get("rule") == law, cell
