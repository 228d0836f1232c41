"""Withholding: a case is kept from an agency or a class, whatever its role (R29)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.referral.protection import permits
from services.referral.protection.rules import Verdict
from tests.unit.referral.abroad_world import HONDURAS, crossed, crossing_in
from tests.unit.referral.consents_world import (
    OFFICER,
    disclosure,
    override_in,
    shared,
    with_intake,
)
from tests.unit.referral.directory_world import CAS
from tests.unit.referral.measures_world import PP, SIGNED, admission, determined, item, ordered, plan, shelter
from tests.unit.referral.protection_world import ready, release_in
from tests.unit.referral.world import World, service_in

STANDING = pytest.mark.asyncio(loop_scope="module")
SUPERVISOR = {"role": "supervisor"}


@pytest_asyncio.fixture(loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[World]:
    async with with_intake(one_world):
        yield one_world


def withhold_in(case_id: str, agency: str | None = "unicef", **more: Any) -> dict[str, Any]:
    return {"case_id": case_id, "agency": agency, "reason": "FEAR_OF_HARM", "officer": "pp-0001"} | more


async def test_from_whom_a_case_is_kept_there_is_no_such_case(world: World) -> None:
    async with with_intake(world):
        case, _, referral = await shared(world)
        await disclosure(world, referral)
        await world.get("unicef", f"/cases/{case['id']}")
        made = (await world.post("pp-chp", "/withholdings", withhold_in(case["id"]), 201)).json()
        assert (made["whom"], made["allowed_actions"]) == ("unicef", ["end"])
        for path in (f"/cases/{case['id']}", f"/cases/{case['id']}/timeline", f"/referrals/{referral['id']}",
                     f"/referrals/{referral['id']}/disclosure"):  # fmt: skip
            await world.get("unicef", path, 404)
        assert (await world.get("unicef", "/disclosures"))["items"] == []
        assert (await world.get("pp-chp", f"/referrals/{referral['id']}"))["state"] == "withdrawn"
        body = service_in(case["id"], lawful_basis="BEST_INTERESTS")
        refused = (await world.post("pp-chp", "/referrals", body, 409)).json()
        assert refused["rule"] == "R29"
        override = await world.post("pp-chp", "/overrides", override_in(case["id"]), 409, **SUPERVISOR)
        assert override.json()["rule"] == "R29"
        await world.post("pp-chp", f"/withholdings/{made['id']}/end", OFFICER, 200)
        await world.get("unicef", f"/cases/{case['id']}")
        await world.post("pp-chp", f"/withholdings/{made['id']}/end", OFFICER, 409)


@STANDING
async def test_a_class_is_kept_out_whole_and_the_list_is_the_procuradurias(desk: World) -> None:
    case = await desk.channelled()
    body = withhold_in(case["id"], None, recipient_class="INTERNATIONAL")
    await desk.post("pp-chp", "/withholdings", body, 201)
    await desk.post("pp-chp", "/withholdings", body, 409)
    for agency in ("unicef", "iom", "icrc"):
        asking = service_in(case["id"], agency)
        assert (await desk.post("pp-chp", "/referrals", asking, 409)).json()["rule"] == "R29"
    await desk.post("pp-chp", "/referrals", service_in(case["id"], "unhcr"), 201)
    assert len((await desk.get("pp-chp", f"/withholdings?case_id={case['id']}"))["items"]) == 1
    await desk.get("dif-chp", "/withholdings", 403)
    assert (await desk.get("pp-tam", "/withholdings", state="MX-TAM"))["items"] == []


@STANDING
async def test_what_the_law_orders_still_goes_where_a_case_is_kept_from_without_identity(desk: World) -> None:
    case = await desk.channelled()
    await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], "comar"), 201)
    body = {"case_id": case["id"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
    await desk.post("pp-chp", "/indications", body, 201)
    notice = next(each for each in (await desk.get("comar", "/referrals"))["items"] if each["case_id"] == case["id"])
    await desk.post("comar", f"/referrals/{notice['id']}/receive", status=200)
    refused = await disclosure(desk, notice, "comar", 409)
    assert refused["rule"] == "R29-DISCLOSURE"
    await desk.get("comar", f"/cases/{case['id']}", 404)


@STANDING
@pytest.mark.parametrize("whom", ["pp-chp", "dif-chp"])
async def test_who_must_know_by_law_is_kept_out_of_nothing(desk: World, whom: str) -> None:
    case = await desk.channelled()
    refused = (await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], whom), 409)).json()
    assert refused["rule"] == "R29-WITHHELD"
    body = withhold_in(case["id"], None, recipient_class="AUTHORITIES")
    assert (await desk.post("pp-chp", "/withholdings", body, 409)).json()["rule"] == "R29-WITHHELD"


@STANDING
async def test_inm_is_kept_out_once_the_child_is_channelled(desk: World) -> None:
    child = await desk.encounter()
    early = await desk.file(child)
    refused = (await desk.post("pp-chp", "/withholdings", withhold_in(early["id"], "inm-chp"), 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("R29-WITHHELD", ["issue_acta"])
    case = await desk.channelled()
    await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], "inm-chp"), 201)
    await desk.get("inm-chp", f"/cases/{case['id']}", 404)
    assert case["id"] not in {each["id"] for each in (await desk.get("inm-chp", "/cases?limit=100"))["items"]}


@STANDING
async def test_no_transfer_goes_where_a_case_is_kept_from(desk: World) -> None:
    case = await desk.channelled()
    await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], "dif-tab"), 201)
    body = {
        "case_id": case["id"], "kind": "CUSTODY", "recipient": "dif-tab", "reason": "FAMILY_UNITY",
        "lawful_basis": "BEST_INTERESTS", "fields": ["status"], "officer": "dif-0031",
    }  # fmt: skip
    assert (await desk.post("dif-chp", "/transfers", body, 409)).json()["rule"] == "R29"
    moving = (await desk.post("dif-chp", "/transfers", body | {"recipient": "dif-tam"}, 201)).json()
    await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], "dif-tam"), 409)
    await desk.post("dif-chp", f"/transfers/{moving['id']}/withdraw", {"reason": "CHILD_IS_BACK", "officer": "d-1"})


@STANDING
async def test_a_case_is_kept_from_no_centre_that_has_the_child_and_none_that_it_is_kept_from_takes_it(
    desk: World,
) -> None:
    await shelter(desk)
    case = await desk.channelled()
    ordered_ = await ordered(desk, case["id"])
    kept = (await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], CAS), 201)).json()
    body = admission(case["id"], ordered_["id"])
    assert (await desk.post("dif-chp", "/admissions", body, 409)).json()["rule"] == "R29"
    await desk.post("pp-chp", f"/withholdings/{kept['id']}/end", OFFICER, 200)
    await desk.post("dif-chp", "/admissions", body, 201)
    refused = (await desk.post("pp-chp", "/withholdings", withhold_in(case["id"], CAS), 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("R29-WITHHELD", ["discharge"])


@STANDING
async def test_no_plan_is_signed_that_gives_an_item_to_whom_the_case_is_kept_from(desk: World) -> None:
    case = await determined(desk)
    made = (await desk.post("pp-chp", "/plans", plan(case["id"], item(), item(agency="unicef")), 201)).json()
    kept = (await desk.post("pp-chp", "/withholdings", withhold_in(case["id"]), 201)).json()
    refused = (await desk.post("pp-chp", f"/plans/{made['id']}/sign", SIGNED, 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("R29", ["discard"])
    await desk.post("pp-chp", f"/withholdings/{kept['id']}/end", PP, 200)
    signed = (await desk.post("pp-chp", f"/plans/{made['id']}/sign", SIGNED, 200)).json()
    assert [each["agency"] for each in signed["items"]].count("unicef") == 1
    assert len((await desk.get("unicef", f"/plan-items?case_id={case['id']}"))["items"]) == 1
    await desk.post("pp-chp", "/withholdings", withhold_in(case["id"]), 201)
    assert (await desk.get("unicef", f"/plan-items?case_id={case['id']}"))["items"] == []


async def test_nothing_goes_to_a_body_abroad_that_a_case_is_kept_from_and_the_laws_notice_does(world: World) -> None:
    case, release_id = await crossed(world)
    made = (await world.post("pp-chp", "/withholdings", withhold_in(case["id"], HONDURAS), 201)).json()
    async with world.runtime.database.work() as session:
        assert (await permits.ask(session, release_id, abroad=True)).verdict is Verdict.CLOSED
    for agency, told in (("pp-chp", "WITHHELD"), ("inm-chp", "GUARD_CLOSED")):
        assert (await world.get(agency, f"/releases/{release_id}"))["obstacles"] == [told]
    await world.post("inm-chp", "/releases", release_in(case["id"]), 201)  # LM 112-V: the consulate's
    other = await ready(world)
    await world.post("pp-chp", "/withholdings", withhold_in(other["id"], None, recipient_class="ABROAD"), 201)
    refused = (await world.post("inm-chp", "/releases", crossing_in(other["id"]), 409)).json()
    assert (refused["rule"], "GUARD_CLOSED" in refused["detail"]) == ("R16", True)
    await world.post("pp-chp", f"/withholdings/{made['id']}/end", OFFICER, 200)
    assert (await world.get("pp-chp", f"/releases/{release_id}"))["obstacles"] == []
