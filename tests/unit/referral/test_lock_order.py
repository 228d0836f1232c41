"""Everybody locks in one order, so that on PostgreSQL no two transactions can ever wait for each other."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.referral.clocks.service import fired
from services.referral.consents.expiry import Expiry
from shared import clock
from shared.clocks import service as clocks
from tests.unit.referral.consents_world import (
    OFFICER,
    asked,
    consented,
    disclosure,
    notice_to,
    override_in,
    with_intake,
    withdrawn,
)
from tests.unit.referral.lock_order import watched
from tests.unit.referral.protection_world import indication_in
from tests.unit.referral.test_transfers import arrival, departed
from tests.unit.referral.world import World, service_in, together

ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
BASIS = {"lawful_basis": "BEST_INTERESTS"}
WITHDRAWN = {"withdrawn_by": "PP_EN_SUPLENCIA", "officer": "pp-0001"}


async def with_parts(world: World) -> tuple[Any, Any, list[Any]]:
    """Return a case, a referral of it to UNICEF, and two parts of that, which IOM has accepted."""
    case = await world.channelled()
    await consented(world, case["id"], agencies=["unicef", "iom"])
    whole = await asked(world, case["id"])
    part = {"parent_id": whole["id"], "fields": ["child.languages"], **BASIS}
    return case, whole, [await asked(world, case["id"], "iom", "unicef", **part) for _ in range(2)]


def kept(case: Any, agency: str) -> dict[str, Any]:
    return {"case_id": case["id"], "agency": agency, "reason": "FEAR_OF_HARM", "officer": "pp-0001"}


@ON_POSTGRESQL
async def test_every_transaction_locks_in_the_same_order(world: World) -> None:
    async with with_intake(world):
        case, whole, parts = await with_parts(world)
        transfer = await departed(world)
        with watched(world.runtime.database) as late:
            await disclosure(world, whole)
            await disclosure(world, parts[0], "iom")
            await world.post(
                "pp-chp", f"/referrals/{parts[1]['id']}/disclosure/stop", {"reason": "MISUSE"} | OFFICER, 200
            )
            override = await world.post("pp-chp", "/overrides", override_in(case["id"]), 201, role="supervisor")
            await world.post("pp-chp", f"/overrides/{override.json()['id']}/revoke", OFFICER, 200)
            await world.post("pp-chp", "/withholdings", kept(case, "iom"), 201)  # with two services asked of it
            await world.post("unicef", f"/referrals/{whole['id']}/complete", {"with_parts": True}, 200)
            for consent in (await world.get("pp-chp", f"/consents?case_id={case['id']}"))["items"]:
                await withdrawn(world, consent)
            (notice,) = await notice_to(world, "unicef", case["id"])
            done = {"done": "ERASED", "officer": "u-1"}
            await world.post("unicef", f"/withdrawals/{notice['id']}/acknowledge", done, 200)
            await consented(world, case["id"])
            await asked(world, case["id"])
            await world.post("dif-tab", f"/transfers/{transfer['id']}/arrive", arrival(), 200)
            await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
            with clock.at(clock.now() + timedelta(days=301)):
                assert await Expiry(world.runtime).turn() == 1
                while await clocks.fire(world.runtime.database, fired):
                    pass
        assert late == []


Rival = Callable[[World, Any, Any, list[Any]], Awaitable[Any]]

RIVALS: dict[str, Rival] = {
    "withholding": lambda world, case, whole, parts: world.post("pp-chp", "/withholdings", kept(case, "iom")),
    "end of the whole": lambda world, case, whole, parts: world.post(
        "unicef", f"/referrals/{whole['id']}/complete", {"with_parts": True}
    ),
    "end of the part": lambda world, case, whole, parts: world.post("iom", f"/referrals/{parts[1]['id']}/complete", {}),
    "another part": lambda world, case, whole, parts: world.post(
        "unicef", "/referrals", service_in(case["id"], "icrc", parent_id=whole["id"], fields=["child.languages"])
    ),
    "indication": lambda world, case, whole, parts: world.post("dif-chp", "/indications", indication_in(case["id"])),
    "stop": lambda world, case, whole, parts: world.post(
        "pp-chp", f"/referrals/{parts[1]['id']}/disclosure/stop", {"reason": "MISUSE"} | OFFICER
    ),
}


@ON_POSTGRESQL
@pytest.mark.parametrize("rival", RIVALS)
async def test_a_reading_and_whoever_ends_it_both_get_their_answer(world: World, rival: str) -> None:
    async with with_intake(world):
        for _ in range(2):
            case, whole, parts = await with_parts(world)
            (consent,) = (await world.get("pp-chp", f"/consents?case_id={case['id']}"))["items"]
            answers = await together(
                reading(world, parts[1]), RIVALS[rival](world, case, whole, parts), reading(world, parts[1]),
                world.post("pp-chp", f"/consents/{consent['id']}/withdraw", WITHDRAWN), reading(world, parts[0]),
            )  # fmt: skip
            # a deadlock is a 503 of one of them, a second later
            assert all(each.status_code in (200, 201, 404, 409) for each in answers), [each.text for each in answers]


async def reading(world: World, referral: Any) -> Any:
    async with world.agency("iom") as caller:
        return await caller.get(f"/v1/referral/referrals/{referral['id']}/disclosure")
