"""The guard goes by the facts that it has heard: newer ones close it, and what is not known is no."""

from typing import Any

import pytest
from sqlmodel import col

from services.referral.protection import facts
from services.referral.protection.models import Guard
from shared import clock
from shared.errors import Unavailable
from tests.unit.referral.protection_world import (
    ask_permit,
    facts_of,
    indication_in,
    ready,
    released,
    tell,
)
from tests.unit.referral.world import World, fact


async def test_newer_facts_that_have_not_arrived_are_unknown_again(world: World) -> None:
    case, release_id = await released(world)
    assert (await ask_permit(world, release_id))["verdict"] == "open"
    await world.event("encounter.recorded", fact(case["child_id"], facts_version=2))
    assert (await ask_permit(world, release_id))["verdict"] == "wait"
    await tell(world, case["child_id"], version=2)
    assert (await ask_permit(world, release_id))["verdict"] == "open"


async def test_a_correction_that_makes_the_child_mexican_closes_the_guard(world: World) -> None:
    case, release_id = await released(world)
    await tell(world, case["child_id"], version=2, nationalities=["HND", "MEX"])
    assert (await ask_permit(world, release_id))["verdict"] == "closed"


async def test_what_protects_a_relative_of_another_record_of_the_child_protects_the_child(world: World) -> None:
    case, release_id = await released(world)
    brother = await ready(world)
    other_record = await world.encounter()
    await tell(world, other_record, relatives=[brother["child_id"]])
    await tell(world, case["child_id"], version=2, relatives=[other_record])  # intake: linked records are relatives
    with clock.at(clock.now()):
        permit = await ask_permit(world, release_id)
        assert permit["verdict"] == "open"
        told = await world.post("dif-chp", "/indications", indication_in(brother["id"]), 201)
    assert told.json()["open_permits"] == [permit["permit_id"]]
    assert (await ask_permit(world, release_id))["verdict"] == "closed"


async def test_older_facts_change_nothing(world: World) -> None:
    case = await ready(world, version=3)
    await tell(world, case["child_id"], version=2, nationalities=["SLV"])
    (guard,) = [row for row in await world.rows(Guard) if row.child_id == case["child_id"]]
    assert (guard.facts_version, guard.nationalities) == (3, ["HND"])


async def test_the_worker_fetches_announced_facts_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    child_id = await world.encounter()
    asked: list[str] = []

    async def call(service: str, method: str, path: str, *_: Any, scope: str) -> tuple[int, dict[str, Any]]:
        asked.append(f"{service} {method} {path} {scope}")
        return 200, facts_of(child_id)

    monkeypatch.setattr(world.runtime.peers, "call", call)
    assert await facts.fetch(world.runtime) == 1
    assert await facts.fetch(world.runtime) == 0
    assert asked == [f"intake GET /internal/children/{child_id}/facts?screening=true facts:read"]
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child_id)
    assert guard.nationalities == ["HND"]


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}),
        (200, {}),
        (200, {"child_id": "chd_" + "1" * 32}),
        (200, facts_of("chd_" + "1" * 32)),
        (200, facts_of("chd_" + "1" * 32) | {"nationalities": "HND"}),
        None,
    ],
)
async def test_a_wrong_answer_about_facts_is_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, dict[str, Any]] | None
) -> None:
    child_id = await world.encounter()

    async def call(*_: Any, **__: Any) -> tuple[int, dict[str, Any]]:
        if answer is None:
            raise Unavailable
        return answer

    monkeypatch.setattr(world.runtime.peers, "call", call)
    assert await facts.fetch(world.runtime) == 0
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child_id)
    assert guard.facts_version == 0


async def test_facts_that_are_announced_again_are_fetched_again(world: World) -> None:
    child = await world.encounter()
    await tell(world, child, version=3)
    answer = await world.event("facts.changed", {"child_id": child, "facts_version": 3})
    assert answer.status_code == 200
    (guard,) = await world.rows(Guard, Guard.child_id == child)
    assert (guard.facts_version, guard.announced_version) == (2, 3)
