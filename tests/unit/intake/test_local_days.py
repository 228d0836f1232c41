"""Ages and days are counted where they happen, not in UTC."""

from datetime import datetime

import pytest

from shared import clock
from shared.zones import local_day
from tests.unit.intake.world import World, assert_problem, encounter, girl

NOON = datetime.fromisoformat("2026-05-02T18:00:00+00:00")


@pytest.mark.parametrize(
    ("state", "zone_of_the_hour"),
    [("MX-CHP", "-06:00"), ("MX-BCN", "-07:00"), ("MX-SON", "-07:00"), ("MX-ROO", "-05:00")],
)
async def test_at_2330_on_the_eve_of_the_18th_birthday_a_girl_is_17(
    world: World, state: str, zone_of_the_hour: str
) -> None:
    eve, birthday = f"2026-05-01T23:30:00{zone_of_the_hour}", f"2026-05-02T00:00:00{zone_of_the_hour}"
    child = girl(birth_date="2008-05-02")
    place = {"place": {"state": state}, "child": child}
    with clock.at(NOON):
        made = await world.met(encounter(occurred_at=eve, **place), state=state)
        refused = await world.post(encounter(occurred_at=birthday, **place), state=state)
    assert (made["age_group"], made["age_presumed"]) == ("ADOLESCENT", False)
    assert assert_problem(refused, 409, "refused_by_law")["rule"] == "LM3-XVI"
    assert str((await world.rows("encounter"))[0]["local_day"]) == "2026-05-01"


@pytest.mark.parametrize(
    ("state", "day"),
    [("MX-ROO", "2026-05-02"), ("MX-CHP", "2026-05-01"), ("MX-SIN", "2026-05-01"), ("MX-BCN", "2026-05-01")],
)
def test_one_moment_falls_on_each_states_own_day(state: str, day: str) -> None:
    assert str(local_day(datetime.fromisoformat("2026-05-02T05:30:00+00:00"), state)) == day
