"""Referral says that a duty was done: the clocks stop. When nobody does it they speak, once."""

from datetime import datetime, timedelta

import pytest

from shared import clock, ids
from shared.testing import event_secret
from tests.unit.intake.world import (
    ENCOUNTERS,
    Row,
    World,
    again,
    ago,
    assert_problem,
    cared_for,
    duty_met,
    encounter,
    eventually,
    girl,
)


async def clocks_of(world: World, encounter_id: str) -> dict[str, Row]:
    shown = (await world.get(f"{ENCOUNTERS}/{encounter_id}")).json()
    return {each["rule"]: each for each in shown["clocks"]}


@pytest.mark.parametrize(("duty", "other"), [("D1", "D2"), ("D2", "D1")])
async def test_a_duty_that_was_done_stops_its_clock_and_no_other(world: World, duty: str, other: str) -> None:
    made = await world.met()
    met_at = clock.now()
    answer = await world.duty_met(duty, made["child_id"], met_at)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    clocks = await clocks_of(world, made["id"])
    assert (clocks[duty]["state"], clocks[duty]["breached_at"]) == ("met", None)
    assert datetime.fromisoformat(clocks[duty]["met_at"]) == met_at
    assert clocks[other]["state"] == "running"


async def test_a_duty_done_for_one_child_leaves_the_others_clocks(world: World) -> None:
    ours, other = await world.met(), await world.met()
    await world.duty_met("D1", ours["child_id"])
    assert (await clocks_of(world, ours["id"]))["D1"]["state"] == "met"
    assert (await clocks_of(world, other["id"]))["D1"]["state"] == "running"


async def test_a_duty_done_late_stays_marked_as_breached(world: World) -> None:
    made = await world.met(encounter(occurred_at=ago(hours=30)))
    await world.duty_met("D1", made["child_id"])
    late = (await clocks_of(world, made["id"]))["D1"]
    assert late["state"] == "met"
    assert late["breached_at"] == late["due_at"]


async def test_a_breach_that_was_told_is_still_met_afterwards(world: World) -> None:
    made = await world.met(encounter(occurred_at=ago(hours=30)))
    await world.fire()
    assert (await clocks_of(world, made["id"]))["D1"]["state"] == "breached"
    await world.duty_met("D1", made["child_id"])
    late = (await clocks_of(world, made["id"]))["D1"]
    assert (late["state"], late["breached_at"]) == ("met", late["due_at"])


async def test_word_that_comes_late_of_a_duty_done_in_time_is_no_breach(world: World) -> None:
    made = await world.met(encounter(occurred_at=ago(hours=30)))
    await world.duty_met("D1", made["child_id"], clock.now() - timedelta(hours=20))
    in_time = (await clocks_of(world, made["id"]))["D1"]
    assert (in_time["state"], in_time["breached_at"]) == ("met", None)


async def test_a_duty_done_before_a_later_encounter_leaves_that_ones_clock(world: World) -> None:
    first = await world.met(encounter(occurred_at=ago(hours=5)))
    second = await world.met(again(first["child_id"], occurred_at=ago(hours=1)))
    await world.duty_met("D1", first["child_id"], clock.now() - timedelta(hours=3))
    assert (await clocks_of(world, first["id"]))["D1"]["state"] == "met"
    assert (await clocks_of(world, second["id"]))["D1"]["state"] == "running"
    await world.duty_met("D1", first["child_id"])
    assert (await clocks_of(world, second["id"]))["D1"]["state"] == "met"


async def test_the_same_event_twice_has_one_effect(world: World) -> None:
    made = await world.met()
    message = duty_met("D1", made["child_id"], clock.now())
    assert [(await world.event(message)).status_code for _ in range(2)] == [200, 200]
    first = (await clocks_of(world, made["id"]))["D1"]
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert (await world.event(message)).status_code == 200
    assert (await clocks_of(world, made["id"]))["D1"] == first
    assert [row["event_id"] for row in await world.rows("inbox", order="1")] == [message["id"]]


async def test_one_event_id_has_one_body(world: World) -> None:
    made = await world.met()
    message = duty_met("D1", made["child_id"], clock.now())
    await world.event(message)
    answer = await world.event(duty_met("D2", made["child_id"], clock.now(), message["id"]))
    assert_problem(answer, 409, "conflict")
    assert (await clocks_of(world, made["id"]))["D2"]["state"] == "running"


async def test_only_referral_may_say_so(world: World) -> None:
    made = await world.met()
    message = duty_met("D1", made["child_id"], clock.now())
    assert_problem(await world.event(message, event_secret("consular", "intake")), 401, "unauthenticated")
    assert (await clocks_of(world, made["id"]))["D1"]["state"] == "running"
    assert await world.rows("inbox", order="1") == []


async def test_a_duty_to_a_child_that_nobody_met_is_taken_in_quietly(world: World) -> None:
    assert (await world.duty_met("D1", ids.new("chd"))).status_code == 200
    assert (await world.duty_met("D99", ids.new("chd"))).status_code == 200


async def test_an_event_that_says_too_little_is_refused_whole(world: World) -> None:
    message = duty_met("D1", ids.new("chd"), clock.now())
    del message["data"]["child_id"]
    answer = await world.event(message)
    assert 400 <= answer.status_code <= 500
    assert await world.rows("inbox", order="1") == []


# -- nobody does it ----------------------------------------------------------------------------------


def owed_no_permit(**changes: object) -> Row:
    """A Mexican child is met, who is owed the other duties only."""
    return encounter(kind="BETA_MET", child=girl(nationalities=["MEX"]), **changes)


async def test_a_clock_warns_once_and_breaches_once(world: World) -> None:
    start = clock.now()
    with clock.at(start):
        made = await world.met(encounter(occurred_at=start.isoformat()))
        spoken = []
        for minutes in (0, 59, 61, 62, 60 * 23, 60 * 24 + 1, 60 * 24 + 2, 60 * 48):
            with clock.at(start + timedelta(minutes=minutes)):
                spoken.append(await world.fire())
    assert spoken == [0, 0, 2, 0, 1, 3, 0, 0]  # basic needs breach after 4 hours; the permit has three days
    states = {name: each["state"] for name, each in (await clocks_of(world, made["id"])).items()}
    assert states == {"D1": "breached", "D2": "breached", "NEEDS": "breached", "VRH": "running"}
    events = [row for row in await world.rows("event", order="case_seq") if row["type"].startswith("clock.")]
    types = [row["type"] for row in events]
    assert (types[:3], sorted(types[3:])) == (
        ["clock.warned"] * 2 + ["clock.breached"], ["clock.breached"] * 2 + ["clock.warned"]
    )  # fmt: skip
    assert {row["case_key"] for row in events} == {made["child_id"]}
    assert [row["case_seq"] for row in events] == [2, 3, 4, 5, 6, 7]


async def test_referral_hears_which_clock_spoke_of_what(world: World) -> None:
    made = await world.met(encounter(occurred_at=ago(hours=2)))
    await world.deliver()
    await world.fire()
    await world.deliver()
    told = [event for event in world.referral.events if event["type"] == "clock.warned"]
    clocks = await clocks_of(world, made["id"])
    assert {event["data"]["rule"] for event in told} == {"D1", "D2", "NEEDS"}
    for event in told:
        own = clocks[event["data"]["rule"]]
        assert event["data"] | {
            "clock_id": own["id"], "resource_id": made["id"], "agency": "inm-chp", "rule": own["rule"]
        } == event["data"]  # fmt: skip
        assert datetime.fromisoformat(event["data"]["due_at"]) == datetime.fromisoformat(own["due_at"])


async def test_a_clock_that_was_stopped_says_nothing(world: World) -> None:
    made = await world.met(owed_no_permit(occurred_at=ago(hours=2), assistance=cared_for()))
    await world.duty_met("D1", made["child_id"])
    await world.duty_met("D2", made["child_id"])
    with clock.at(clock.now() + timedelta(days=3)):
        assert await world.fire() == 0


async def test_a_clock_found_after_its_time_breaches_without_a_warning(world: World) -> None:
    await world.met(owed_no_permit(occurred_at=ago(days=3)))
    await world.fire()
    assert [row["type"] for row in await world.rows("event", order="case_seq")][1:] == ["clock.breached"] * 2


async def test_the_worker_of_intake_does_all_of_this_by_itself(world: World) -> None:
    await world.met(owed_no_permit(occurred_at=ago(days=3)))
    async with world.working():

        async def told() -> bool:
            sealed = [row["seq"] for row in await world.rows("audit_entry")]
            return len(world.referral.events) == 3 and None not in sealed

        await eventually(told)
    types = [event["type"] for event in world.referral.events]
    assert types == ["encounter.recorded", "clock.breached", "clock.breached"]
