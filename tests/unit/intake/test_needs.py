"""Food, health, rest and a call: given or declined, or a clock says that they are missing."""

from datetime import datetime, timedelta

import pytest

from services.intake.assistance.rules import BASIC_NEEDS, NEEDS, AssistanceCode, unmet
from shared import clock, ids
from shared.testing import key
from tests.unit.intake.world import ENCOUNTERS, Row, World, ago, assert_problem, cared_for, encounter

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def give(world: World, encounter_id: str, code: str, **more: object) -> Row:
    body = {"encounter_id": encounter_id, "code": code, "given_at": ago(minutes=10)} | more
    async with world.calling() as officer:
        answer = await officer.post("/v1/intake/assistance", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def needs_of(world: World, encounter_id: str) -> tuple[list[str], Row | None]:
    shown = (await world.get(f"{ENCOUNTERS}/{encounter_id}")).json()
    return shown["unmet_needs"], next((each for each in shown["clocks"] if each["rule"] == "NEEDS"), None)


@pytest.mark.parametrize("code", list(AssistanceCode))
async def test_four_needs_are_basic(code: AssistanceCode) -> None:
    assert (code in BASIC_NEEDS) == (code.value in {"FOOD", "HEALTH", "REST", "PHONE_CALL"})
    assert unmet([each for each in BASIC_NEEDS if each is not code]) == [code] * (code in BASIC_NEEDS)


async def test_the_time_for_basic_needs_is_configuration() -> None:
    assert (NEEDS.warn, NEEDS.due, NEEDS.verified) == (timedelta(hours=2), timedelta(hours=4), False)


async def test_whoever_has_everything_starts_no_clock(standing_world: World) -> None:
    made = await standing_world.met(encounter(assistance=cared_for()))
    assert (made["unmet_needs"], [each["rule"] for each in made["clocks"]]) == ([], ["D1", "D2", "VRH"])


async def test_the_last_need_stops_the_clock_when_it_was_met(standing_world: World) -> None:
    made = await standing_world.met(encounter(assistance=cared_for()[:1]))
    assert made["unmet_needs"] == ["HEALTH", "REST", "PHONE_CALL"]
    last = ago(minutes=4)
    await give(standing_world, made["id"], "REST", given_at=last)
    await give(standing_world, made["id"], "PHONE_CALL", declined=True)
    missing, running = await needs_of(standing_world, made["id"])
    assert running is not None
    assert (missing, running["state"]) == (["HEALTH"], "running")
    await give(standing_world, made["id"], "HEALTH", provider="salud-chp")
    missing, met = await needs_of(standing_world, made["id"])
    assert met is not None
    assert (missing, met["state"]) == ([], "met")
    assert datetime.fromisoformat(met["met_at"]) == datetime.fromisoformat(last)  # not when it was logged


async def test_other_help_meets_no_basic_need(standing_world: World) -> None:
    made = await standing_world.met()
    await give(standing_world, made["id"], "CLOTHING")
    assert (await needs_of(standing_world, made["id"]))[0] == ["FOOD", "HEALTH", "REST", "PHONE_CALL"]


async def test_of_a_meeting_recorded_days_later_no_clock_speaks(standing_world: World) -> None:
    made = await standing_world.met(encounter(occurred_at=ago(hours=5)))
    assert made["unmet_needs"] == ["FOOD", "HEALTH", "REST", "PHONE_CALL"]
    assert [each["rule"] for each in made["clocks"]] == ["D1", "D2", "VRH"]


async def test_an_unmet_need_breaches_and_help_that_comes_late_is_late(standing_world: World) -> None:
    start = clock.now()
    with clock.at(start):
        made = await standing_world.met(encounter(occurred_at=start.isoformat(), assistance=[]))
    with clock.at(start + timedelta(hours=5)):
        await standing_world.fire()
        for code in BASIC_NEEDS:
            await give(standing_world, made["id"], code.value)
        _, late = await needs_of(standing_world, made["id"])
    assert late is not None
    assert (late["state"], late["breached_at"]) == ("met", late["due_at"])


async def test_help_names_who_gave_it(standing_world: World) -> None:
    made = await standing_world.met()
    given = await give(standing_world, made["id"], "LEGAL", provider="unicef")
    (listed,) = (await standing_world.get(f"/v1/intake/assistance?encounter_id={made['id']}")).json()["items"]
    assert listed == given
    assert (given["provider"], given["agency"]) == ("unicef", "inm-chp")


async def test_help_belongs_to_an_encounter_that_the_officer_may_read(standing_world: World) -> None:
    made = await standing_world.met()
    body = {"encounter_id": made["id"], "code": "FOOD", "given_at": ago(minutes=1)}
    async with standing_world.calling(state="MX-OAX") as stranger:
        refused = await stranger.post("/v1/intake/assistance", json=body, headers=key())
        nobody = await stranger.post(
            "/v1/intake/assistance", json=body | {"encounter_id": ids.new("enc")}, headers=key()
        )
    assert_problem(refused, 404, "not_found")
    assert_problem(nobody, 404, "not_found")
