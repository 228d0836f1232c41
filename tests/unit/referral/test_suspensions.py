"""The calendar of each authority: who suspends its days, who sees them, what becomes of the clocks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.referral.agencies.service import SYSTEM
from services.referral.calendar import service as calendar
from shared import clock, ids
from shared.catalogue import Text
from shared.clocks import service as clocks
from shared.clocks.models import Clock, Suspension
from shared.clocks.rules import Deadline, WorkingDays
from shared.clocks.sweeping import sweep
from tests.unit.referral.world import World

DECIDE = Deadline("D10", Text("x", "x"), "LRPCAP 24", True, due=WorkingDays(10), warn=WorkingDays(8), authority="COMAR")
DAYS = {"first": "2026-12-21", "last": "2027-01-01", "source": "DOF 14-12-2026"}


async def start(world: World, agency: str = "comar") -> str:
    async with world.runtime.database.work() as session:
        known = await clocks.calendar_of(session, DECIDE)
        made = clocks.started(DECIDE, case=ids.new("cas"), resource_id=ids.new("clm"), agency=agency, calendar=known)
        session.add(made)
        return made.id


async def sweep_all(world: World) -> None:
    while await sweep(world.runtime.database, SYSTEM):
        pass


async def due(world: World, clock_id: str) -> date:
    return date.fromisoformat((await world.get("comar", f"/clocks/{clock_id}"))["due_on"])


async def test_comar_suspends_its_days_and_takes_them_back(world: World) -> None:
    with clock.at(datetime(2026, 12, 11, 18, tzinfo=UTC)):
        clock_id = await start(world)
        assert await due(world, clock_id) == date(2026, 12, 28)  # 14-18, 21-24, 28
        made = (await world.post("comar", "/calendar-suspensions", DAYS, 201)).json()
        assert (made["authority"], made["state"], made["verified"], made["swept"]) == ("COMAR", None, True, False)
        assert made["allowed_actions"] == ["withdraw"]
        await sweep_all(world)
        assert await due(world, clock_id) == date(2027, 1, 8)  # 14-18 December, 4-8 January
        seen = await world.get("comar", f"/clocks/{clock_id}")
        (change,) = seen["changes"]
        assert (change["kind"], change["by"], change["reason"]) == ("recomputed", "comar", made["id"])
        clock.advance(timedelta(minutes=1))
        await sweep_all(world)
        assert (await world.get("unicef", f"/calendar-suspensions/{made['id']}"))["swept"]
        gone = (await world.post("comar", f"/calendar-suspensions/{made['id']}/withdraw", status=200)).json()
        assert (gone["withdrawn_by"], gone["allowed_actions"]) == ("comar", [])
        again = await world.post("comar", f"/calendar-suspensions/{made['id']}/withdraw", status=409)
        assert again.json()["allowed_actions"] == []
        await sweep_all(world)
        assert await due(world, clock_id) == date(2026, 12, 28)


@pytest.mark.parametrize(
    ("agency", "status"),
    [
        ("comar", 201), ("inm", 201), ("sre", 201), ("mp", 201), ("pp-fed", 201), ("pp-chp", 201), ("dif-chp", 201),
        ("inm-chp", 403), ("unicef", 403), ("cndh", 403),
    ],
)  # fmt: skip
async def test_each_authority_runs_its_own_calendar(world: World, agency: str, status: int) -> None:
    answer = await world.post(agency, "/calendar-suspensions", DAYS, status)
    if status == 201:
        made = answer.json()
        assert (made["authority"], made["recorded_by"]) == (agency.partition("-")[0].upper(), agency)
        assert made["state"] == ("MX-CHP" if agency in ("pp-chp", "dif-chp") else None)
        await world.post(
            "upm" if agency != "upm" else "comar", f"/calendar-suspensions/{made['id']}/withdraw", status=403
        )
        other = "comar" if agency != "comar" else "sre"
        await world.post(other, f"/calendar-suspensions/{made['id']}/withdraw", status=403)


@pytest.mark.parametrize(
    "wrong",
    [{"last": "2026-12-20"}, {"last": "2027-12-22"}, {"first": "21-12-2026"}, {"source": ""}, {"authority": "ALL"}],
)
async def test_what_is_no_span_of_days_is_refused(world: World, wrong: dict[str, Any]) -> None:
    assert (await world.post("comar", "/calendar-suspensions", DAYS | wrong)).status_code == 422


async def test_suspensions_are_listed_for_everybody(world: World) -> None:
    for agency, first in (("comar", "2026-12-21"), ("pp-chp", "2026-12-22"), ("sre", "2026-12-30")):
        await world.post(agency, "/calendar-suspensions", DAYS | {"first": first}, 201)

    async def found(query: str) -> list[str]:
        return [each["recorded_by"] for each in (await world.get("unicef", f"/calendar-suspensions?{query}"))["items"]]

    assert await found("limit=50") == ["sre", "pp-chp", "comar"]
    assert await found("authority=COMAR") == ["comar"]
    assert await found("state=MX-CHP") == ["pp-chp"]
    assert await found("on=2026-12-29") == ["pp-chp", "comar"]


async def test_what_ships_with_the_software_comes_once_and_says_that_nobody_has_verified_it(world: World) -> None:
    with clock.at(datetime(2026, 3, 27, 18, tzinfo=UTC)):
        for _ in range(2):
            async with world.runtime.database.work() as session:
                await calendar.load(world.runtime, session)
        rows = await world.rows(Suspension)
        assert len({row.id for row in rows}) == len(rows) > 10
        assert {(row.authority, row.recorded_by, row.verified) for row in rows} == {("ALL", "ruta", False)}
        clock_id = await start(world)
        assert await due(world, clock_id) == date(2026, 4, 14)  # 30, 31, 1; 6-10; 13, 14
        assert (await world.rows(Clock))[0].authority == "COMAR"
