"""Intake learns how a case stands: closed, begun again, or another state's. By that it says who reads and how long."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.referral.cases_world import OFFICER, absence, opened
from tests.unit.referral.test_case_route import closed
from tests.unit.referral.test_transfers import arrival, departed, step
from tests.unit.referral.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("told")) as world:
        yield world


async def told(world: World, child_id: str) -> list[Any]:
    """What intake was told of a child's case, in the order of its events."""
    events = [each for each in await world.sent("service:intake") if each.type == "case.moved"]
    assert all(each.case_key == each.data["child_id"] for each in events)
    return [each.data for each in events if each.data["child_id"] == child_id]


async def test_a_closing_and_a_new_beginning_are_told(standing: World) -> None:
    case = await closed(standing)
    (first,) = await told(standing, case["child_id"])
    assert (first["state"], first["closed_at"] is not None) == ("MX-CHP", True)
    await standing.post("pp-chp", f"/cases/{case['id']}/reopen", OFFICER | {"reason": "NEW_FACTS"}, 200)
    *_, second = await told(standing, case["child_id"])
    assert (second["state"], second["closed_at"]) == ("MX-CHP", None)
    assert second["version"] > first["version"]


async def test_a_meeting_that_opens_a_closed_case_again_is_told(standing: World) -> None:
    case = await closed(standing)
    await standing.encounter(case["child_id"])
    assert [each["closed_at"] is None for each in await told(standing, case["child_id"])] == [False, True]


async def test_a_territory_is_told_when_the_arrival_is_confirmed_and_custody_is_none(standing: World) -> None:
    made = await departed(standing, "pp-chp", kind="TERRITORY", recipient="pp-tab", officer="pp-0001")
    assert await told(standing, made["child_id"]) == []
    await step(standing, made, "pp-tab", "arrive", arrival())
    (fact,) = await told(standing, made["child_id"])
    assert (fact["state"], fact["closed_at"]) == ("MX-TAB", None)
    custody = await departed(standing)
    await step(standing, custody, "dif-tab", "arrive", arrival())
    assert await told(standing, custody["child_id"]) == []


async def test_a_child_who_was_found_elsewhere_is_told(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}/absences"
    row = (await standing.post("dif-chp", base, absence(), 201)).json()
    await standing.post(
        "pp-chp", f"{base}/{row['id']}/find", OFFICER | {"how": "FOUND_BY_AUTHORITY", "state": "MX-OAX"}
    )
    facts = await told(standing, case["child_id"])
    assert [each["state"] for each in facts] == ["MX-OAX"]
