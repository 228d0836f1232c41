"""Two officers at the same moment: of two steps one happens, and the other is told why not."""

from typing import Any

import pytest

from tests.unit.referral.test_transfers import arrival, departed
from tests.unit.referral.world import World, together


async def accepted_twice(world: World, times: int) -> None:
    case = await world.file(await world.encounter())
    for _ in range(times):
        path = f"/referrals/{(await world.service(case['id']))['id']}/accept"
        answers = await together(*(world.post("unicef", path, client_id=f"unicef-{n}") for n in "ab"))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert [answer.json()["code"] for answer in answers if answer.status_code == 409] == ["illegal_move"]


async def test_of_two_officers_who_accept_one_referral_one_does(world: World) -> None:
    await accepted_twice(world, 20)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_of_two_officers_who_accept_one_referral_one_does_a_thousand_times(world: World) -> None:
    await accepted_twice(world, 1000)


async def test_of_acceptance_and_withdrawal_both_happen_in_one_order_or_one_is_refused(world: World) -> None:
    case = await world.file(await world.encounter())
    for _ in range(15):
        path = f"/referrals/{(await world.service(case['id']))['id']}"
        accept, withdraw = await together(
            world.post("unicef", f"{path}/accept"), world.post("pp-chp", f"{path}/withdraw", {})
        )
        assert withdraw.status_code == 200  # what was accepted may be withdrawn, too
        assert accept.status_code in (200, 409)
        seen: Any = await world.get("pp-chp", path)
        assert (seen["state"], seen["accepted_at"] is not None) == ("withdrawn", accept.status_code == 200)


async def test_of_arrival_and_withdrawal_one_happens(world: World) -> None:
    for _ in range(5):
        transfer = await departed(world)
        path, back = f"/transfers/{transfer['id']}", {"officer": "dif-1", "reason": "CHILD_IS_BACK"}
        answers = await together(
            world.post("dif-tab", f"{path}/arrive", arrival()), world.post("dif-chp", f"{path}/withdraw", back)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        seen = await world.get("pp-fed", path)
        assert seen["state"] == ("arrived" if answers[0].status_code == 200 else "withdrawn")
        case = await world.get("pp-fed", f"/cases/{transfer['case_id']}")
        assert (case["dif"], case["status"]) == (
            "dif-tab" if seen["state"] == "arrived" else "dif-chp", "CHANNELLED",
        )  # fmt: skip
