"""Overrides: a supervisor shares without consent, for a coded reason, and another officer reviews it in time (R28)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared import clock
from tests.unit.referral.consents_world import (
    LISTED,
    OFFICER,
    asked,
    disclosure,
    notice_to,
    override_in,
    with_intake,
)
from tests.unit.referral.world import World, service_in

STANDING = pytest.mark.asyncio(loop_scope="module")
SUPERVISOR = {"role": "supervisor"}


@pytest_asyncio.fixture(loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[World]:
    async with with_intake(one_world):
        yield one_world


@STANDING
async def test_a_supervisor_shares_without_consent_until_another_officer_has_judged(desk: World) -> None:
    case = await desk.channelled()
    refused = (await desk.post("pp-chp", "/overrides", override_in(case["id"]), 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("R28-OVERRIDE", ["record_consent"])
    made = (await desk.post("pp-chp", "/overrides", override_in(case["id"], note="Urge"), 201, **SUPERVISOR)).json()
    assert (made["state"], made["live"], made["note"]) == ("PENDING", True, "Urge")
    referral = await asked(desk, case["id"])
    await disclosure(desk, referral)
    same = (await desk.post("pp-chp", f"/overrides/{made['id']}/uphold", {"officer": "pp-0009"}, 409)).json()
    assert same["rule"] == "R28-OVERRIDE"
    gone = (await desk.post("pp-chp", f"/overrides/{made['id']}/revoke", OFFICER, 200)).json()
    assert (gone["state"], gone["live"], gone["reviewed_by"]) == ("REVOKED", False, "pp-chp/pp-0001")
    await disclosure(desk, referral, status=409)
    assert [each["agency"] for each in await notice_to(desk, "unicef", case["id"])] == ["unicef"]
    assert (await desk.get("pp-chp", f"/overrides?case_id={case['id']}&state=REVOKED"))["items"][0]["id"] == made["id"]


@STANDING
async def test_an_override_that_nobody_reviewed_in_time_ends_and_one_upheld_goes_on(desk: World) -> None:
    case = await desk.channelled()
    made = (await desk.post("dif-chp", "/overrides", override_in(case["id"]), 201, **SUPERVISOR)).json()
    body = service_in(case["id"], lawful_basis="CONSENT", fields=LISTED)
    with clock.at(clock.now() + timedelta(days=3, seconds=1)):
        await desk.post("pp-chp", "/referrals", body, 409)
        await desk.post("dif-chp", f"/overrides/{made['id']}/uphold", OFFICER, 403)
        upheld = (await desk.post("pp-chp", f"/overrides/{made['id']}/uphold", OFFICER, 200)).json()
        assert (upheld["state"], upheld["live"], upheld["allowed_actions"]) == ("EXPIRED", False, [])  # too late
        await desk.post("pp-chp", "/referrals", body, 409)
    in_time = (await desk.post("dif-chp", "/overrides", override_in(case["id"]), 201, **SUPERVISOR)).json()
    upheld = (await desk.post("pp-chp", f"/overrides/{in_time['id']}/uphold", OFFICER, 200)).json()
    assert (upheld["state"], upheld["live"], upheld["allowed_actions"]) == ("UPHELD", True, ["revoke"])
    with clock.at(clock.now() + timedelta(days=3, seconds=1)):
        await desk.post("pp-chp", "/referrals", body, 201)
