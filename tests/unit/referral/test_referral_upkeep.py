"""What the system does by itself: requests that nobody answers expire, what did not arrive goes back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from services.referral.referrals.deadlines import LAPSE
from services.referral.referrals.upkeep import Upkeep
from shared import clock
from shared.db import run
from shared.delivery.models import Delivery
from shared.delivery.rules import DeliveryState
from tests.unit.referral.world import World, together


@pytest.fixture
async def case_id(world: World) -> str:
    file = await world.file(await world.encounter())
    return str(file["id"])


async def state(world: World, referral: str) -> Any:
    return (await world.get("pp-fed", f"/referrals/{referral}"))["state"]


async def test_a_request_that_nobody_answers_expires_after_its_breach_and_what_the_law_orders_never(
    world: World, case_id: str
) -> None:
    asked, received, taken, refused = [await world.service(case_id, risk="HIGH") for _ in range(4)]
    await world.post("unicef", f"/referrals/{received['id']}/receive", status=200)
    await world.post("unicef", f"/referrals/{taken['id']}/accept", status=200)
    await world.post("unicef", f"/referrals/{refused['id']}/decline", {"reason": "SAFETY"}, 200)
    upkeep = Upkeep(world.runtime)
    with clock.at(clock.now() + timedelta(days=1) + LAPSE - timedelta(minutes=1)):
        await world.get("unicef", f"/referrals/{asked['id']}")
        await upkeep.turn()
        assert await state(world, received["id"]) == "received"
    with clock.at(clock.now() + timedelta(days=1) + LAPSE):
        assert sum(await together(upkeep.turn(), Upkeep(world.runtime).turn())) >= 2
        assert [await state(world, each["id"]) for each in (asked, received, taken, refused)] == [
            "expired", "expired", "accepted", "undeliverable",
        ]  # fmt: skip
        kinds = await world.get("pp-chp", "/referrals?limit=100")
        assert {each["state"] for each in kinds["items"] if each["mandatory"]} == {"undeliverable"}
        seen = await world.get("pp-chp", f"/referrals/{asked['id']}")
        assert (seen["next"], seen["allowed_actions"]) == ("sender", ["enter_in_error"])


async def test_what_an_agency_without_an_address_has_not_read_by_its_time_goes_back_and_is_still_its_to_take(
    world: World, case_id: str
) -> None:
    unread, read = [await world.service(case_id) for _ in range(2)]
    await world.get("unicef", f"/referrals/{read['id']}")
    with clock.at(clock.now() + timedelta(days=1)):
        await Upkeep(world.runtime).turn()
        assert [await state(world, each["id"]) for each in (unread, read)] == ["undeliverable", "sent"]
        seen = await world.get("pp-chp", f"/referrals/{unread['id']}")
        assert (seen["next"], seen["closed_at"]) == ("sender", None)
        await world.post("unicef", f"/referrals/{unread['id']}/accept", status=200)


@pytest.mark.parametrize(("given_up", "expected"), [("parked", "undeliverable"), ("skipped", "undeliverable")])
async def test_what_the_engine_has_given_up_goes_back_at_once(
    world: World, case_id: str, given_up: str, expected: str
) -> None:
    await world.register("unicef")
    lost, owed = [await world.service(case_id) for _ in range(2)]
    (event,) = [each for each in await world.sent("unicef") if each.subject == lost["id"]]
    async with world.runtime.database.work() as session:
        mine = update(Delivery).where(col(Delivery.event_id) == event.id)
        await run(session, mine.values(state=DeliveryState(given_up)))
    await Upkeep(world.runtime).turn()
    assert [await state(world, each["id"]) for each in (lost, owed)] == [expected, "sent"]


async def test_it_looks_at_most_every_15_seconds_whatever_the_clock_does(world: World, case_id: str) -> None:
    upkeep = Upkeep(world.runtime)
    assert await upkeep.turn() == 0
    await world.service(case_id)
    with clock.at(clock.now() - timedelta(days=1)):
        await upkeep.turn()  # put back: it does not wait for a day
    with clock.at(clock.now() + timedelta(days=2)):
        assert await upkeep.turn() > 0
