"""A consent or an override whose time is over ends as a withdrawn one does: whoever read under it is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col

from services.referral.consents.expiry import Expiry
from shared import clock
from shared.clocks.models import Clock
from tests.unit.referral.consents_world import (
    LISTED,
    OFFICER,
    asked,
    consent_in,
    consented,
    disclosure,
    notice_to,
    override_in,
    shared,
    with_intake,
    withdrawn,
)
from tests.unit.referral.world import World

STANDING = pytest.mark.asyncio(loop_scope="module")
SUPERVISOR = {"role": "supervisor"}
AFTER = timedelta(days=301)  # longer than a consent of these tests


@pytest_asyncio.fixture(loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[World]:
    async with with_intake(one_world):
        yield one_world


async def expire(world: World) -> int:
    return await Expiry(world.runtime).turn()


async def states(world: World, case_id: str) -> dict[str, str]:
    return {each.rule: each.state for each in await world.rows(Clock, col(Clock.case_key) == case_id)}


async def test_a_consent_that_expires_tells_whoever_read_under_it(world: World) -> None:
    await world.register("unicef")
    async with with_intake(world):
        case, consent, referral = await shared(world)
        await disclosure(world, referral)
    assert await expire(world) == 0
    with clock.at(clock.now() + AFTER):
        assert (await world.get("pp-chp", f"/consents/{consent['id']}"))["live"] is False
        assert await expire(world) == 1
        assert await Expiry(world.runtime).turn() == 0  # another worker finds nothing to do
        seen = await world.get("pp-chp", f"/consents/{consent['id']}")
        (notice,) = await notice_to(world, "unicef", case["id"])
    assert (seen["state"], seen["allowed_actions"], seen["ended_at"]) == ("EXPIRED", [], None)
    assert (notice["state"], notice["fields"], notice["referrals"]) == ("OPEN", sorted(LISTED), [referral["id"]])
    (event,) = [each for each in await world.sent("unicef") if each.type == "consent.withdrawn"]
    assert event.data == {"withdrawal_notice_id": notice["id"]}
    assert {name: state for name, state in (await states(world, case["id"])).items() if "CONSENT" in name} == {
        "CONSENT_REVIEW": "cancelled"
    }


@STANDING
async def test_what_a_later_consent_covers_rests_on_that_and_is_told_of_when_it_ends(desk: World) -> None:
    case, first, referral = await shared(desk)
    await disclosure(desk, referral)
    with clock.at(clock.now() + timedelta(days=299)):
        second = await consented(desk, case["id"], fields=["child.languages"])
    with clock.at(clock.now() + AFTER):
        assert await expire(desk) >= 1
        (notice,) = await notice_to(desk, "unicef", case["id"])
        assert notice["fields"] == ["identity.given_names"]
        await withdrawn(desk, second)
        told = [each["fields"] for each in await notice_to(desk, "unicef", case["id"])]
    assert sorted(told) == [["child.languages"], ["identity.given_names"]]  # read under the first, and now on nothing
    history = (await desk.get("pp-chp", f"/consents?case_id={case['id']}"))["items"]
    assert {each["id"]: each["state"] for each in history} == {first["id"]: "EXPIRED", second["id"]: "WITHDRAWN"}


@STANDING
async def test_what_was_read_on_another_consent_is_not_taken_back(desk: World) -> None:
    case = await desk.channelled()
    names = await consented(desk, case["id"], fields=["identity.given_names"])
    await consented(desk, case["id"], fields=["child.languages"])
    referral = await asked(desk, case["id"])
    assert len((await disclosure(desk, referral))["fields"]) == 2
    await withdrawn(desk, names)
    (notice,) = await notice_to(desk, "unicef", case["id"])
    assert notice["fields"] == ["identity.given_names"]


@STANDING
async def test_an_override_that_nobody_reviewed_ends_and_is_still_to_be_reviewed(desk: World) -> None:
    made: list[Any] = []
    for judgement in ("uphold", "revoke"):
        case = await desk.channelled()
        body = override_in(case["id"])
        override = (await desk.post("pp-chp", "/overrides", body, 201, **SUPERVISOR)).json()
        await disclosure(desk, await asked(desk, case["id"]))
        made.append((case, override, judgement))
    with clock.at(clock.now() + timedelta(days=3, seconds=1)):
        assert await expire(desk) >= 2
        for case, override, judgement in made:
            (seen,) = (await desk.get("pp-chp", f"/overrides?case_id={case['id']}"))["items"]
            assert (seen["state"], seen["live"], seen["allowed_actions"]) == ("LAPSED", False, ["uphold", "revoke"])
            assert len(await notice_to(desk, "unicef", case["id"])) == 1
            path = f"/overrides/{override['id']}/{judgement}"
            after = (await desk.post("pp-chp", path, OFFICER, 200)).json()
            expected = "EXPIRED" if judgement == "uphold" else "REVOKED"
            assert (after["state"], after["live"], after["allowed_actions"]) == (expected, False, [])
            assert (await states(desk, case["id"]))["OVERRIDE_REVIEW"] == "met"
            assert len(await notice_to(desk, "unicef", case["id"])) == 1  # it was told


@STANDING
async def test_an_override_that_was_upheld_ends_at_its_date(desk: World) -> None:
    case = await desk.channelled()
    override = (await desk.post("pp-chp", "/overrides", override_in(case["id"]), 201, **SUPERVISOR)).json()
    await desk.post("pp-chp", f"/overrides/{override['id']}/uphold", OFFICER, 200)
    await disclosure(desk, await asked(desk, case["id"]))
    with clock.at(clock.now() + timedelta(days=4)):
        await expire(desk)
        assert await notice_to(desk, "unicef", case["id"]) == []
    with clock.at(clock.now() + timedelta(days=91)):
        await expire(desk)
        (seen,) = (await desk.get("pp-chp", f"/overrides?case_id={case['id']}"))["items"]
        assert (seen["state"], seen["live"], seen["allowed_actions"]) == ("EXPIRED", False, [])
        assert len(await notice_to(desk, "unicef", case["id"])) == 1


@STANDING
async def test_nothing_expires_before_its_time_and_a_withdrawn_one_never(desk: World) -> None:
    case = await desk.channelled()
    stands = await consented(desk, case["id"])
    gone = await consented(desk, case["id"], expires_at=consent_in(case["id"])["expires_at"])
    await withdrawn(desk, gone)
    with clock.at(clock.now() + timedelta(days=299)):
        await expire(desk)
        found = (await desk.get("pp-chp", f"/consents?case_id={case['id']}"))["items"]
    assert {each["id"]: each["state"] for each in found} == {stands["id"]: "ACTIVE", gone["id"]: "WITHDRAWN"}
