"""Bodies bound to a foreign state: nothing of a child goes there but what was released for it (R16, R22)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.protection import permits, service
from services.referral.protection.models import Crossing, Permit, Release
from services.referral.protection.rules import Verdict
from services.referral.referrals.models import Referral
from shared import clock, ids
from shared.clocks.models import Clock
from shared.delivery.models import Delivery
from shared.delivery.parcels import Result
from shared.delivery.parcels import Verdict as Said
from shared.delivery.rules import Outcome
from tests.unit.referral.abroad_world import (
    ABROAD,
    HONDURAS,
    SALVADOR,
    Wire,
    crossed,
    crossing_in,
    deliver,
    granted,
    subscribed,
)
from tests.unit.referral.protection_world import ask_permit, indication_in, ready, tell
from tests.unit.referral.world import World, service_in, together


async def test_what_was_released_for_a_body_reaches_it_and_says_the_least(world: World) -> None:
    case, release_id = await crossed(world)
    wire = Wire()
    await deliver(world, wire)
    ((_, body),) = wire.seen
    (permit,) = await world.rows(Permit)
    assert permit.release_id == release_id
    for secret in (case["id"], case["child_id"], release_id, "HND", "opi-0417"):
        assert secret.encode() not in body
    (got,) = (await world.get(HONDURAS, "/crossings", **ABROAD))["items"]
    assert (got["state"], got["service"], got["pp"]["id"], got["dif"]["id"]) == (
        "MX-CHP", "FAMILY_TRACING", "pp-chp", "dif-chp",
    )  # fmt: skip
    for step, answer in (("acknowledge", None), ("acknowledge", None), ("accept", "accepted")):
        said = (await world.post(HONDURAS, f"/crossings/{got['id']}/{step}", None, 200, **ABROAD)).json()
        assert said["answer"] == answer
    again = (await world.post(HONDURAS, f"/crossings/{got['id']}/decline", None, 409, **ABROAD)).json()
    assert (again["code"], again["allowed_actions"]) == ("illegal_move", [])
    seen = await world.get("pp-chp", f"/releases/{release_id}")
    assert (seen["answer"], seen["recipient"], seen["acknowledged_at"] is not None) == ("accepted", HONDURAS, True)


@pytest.mark.parametrize(
    ("more", "status", "named"),
    [
        ({"recipient": "unicef"}, 422, "unknown"),
        ({"recipient": "nobody-at-all"}, 422, "unknown"),
        ({"nationality": "SLV"}, 422, "not_that_of_recipient"),
        ({"recipient": SALVADOR, "nationality": "SLV"}, 409, "R22-ABROAD"),
        ({"service": None}, 422, ""),
    ],
)
async def test_only_a_body_of_the_childs_own_states_may_be_told(
    one_world: World, more: dict[str, Any], status: int, named: str
) -> None:
    case = await ready(one_world)
    refused = (await one_world.post("inm-chp", "/releases", crossing_in(case["id"], **more), status)).json()
    assert named in str(refused)
    assert status == 422 or (refused["rule"], bool(refused["source"])) == ("R22-ABROAD", True)


async def test_the_state_of_residence_may_be_told_too_but_not_its_consulate(one_world: World) -> None:
    case = await ready(one_world, nationalities=["NIC"], residence="HND")
    made = (await one_world.post("inm-chp", "/releases", crossing_in(case["id"]), 201)).json()
    assert made["recipient"] == HONDURAS
    plain = crossing_in(case["id"], recipient=None, service=None)
    assert "NATIONALITY_UNKNOWN" in (await one_world.post("inm-chp", "/releases", plain, 409)).json()["detail"]


async def test_nothing_is_released_to_a_body_that_nothing_could_reach(one_world: World) -> None:
    case = await ready(one_world, nationalities=["GTM"])
    body = crossing_in(case["id"], recipient="child-protection-gtm", nationality="GTM")
    release = (await one_world.post("inm-chp", "/releases", body, 201)).json()
    await one_world.post("pp-chp", f"/releases/{release['id']}/concur", {"officer": "o-1"}, 200)
    refused = await one_world.post("inm-chp", f"/releases/{release['id']}/release", {"officer": "o-1"}, 409)
    assert refused.json()["code"] == "conflict"


async def test_a_referral_and_a_transfer_to_it_are_answered_as_to_nobody(one_world: World) -> None:
    """Whatever the guard says: so the answer tells nothing of the child."""
    case = await ready(one_world)
    transfer = {
        "case_id": case["id"], "kind": "CUSTODY", "reason": "SAFETY", "lawful_basis": "BEST_INTERESTS",
        "fields": ["status"], "officer": "dif-0031",
    }  # fmt: skip
    asked = (("pp-chp", "/referrals", service_in(case["id"])), ("dif-chp", "/transfers", transfer))
    for agency, path, body in asked:
        answers = [await one_world.post(agency, path, body | {"recipient": who}, 422) for who in (HONDURAS, "nobody")]
        first, second = ({k: v for k, v in each.json().items() if k != "request_id"} for each in answers)
        assert first == second
        assert [each["pointer"] for each in first["errors"]] == ["/recipient"]
    assert not [each for each in await one_world.rows(Referral) if each.recipient == HONDURAS]


async def test_an_indication_stops_it_and_what_it_received_stays_as_it_was(world: World) -> None:
    case, release_id = await crossed(world)
    wire = Wire()
    await deliver(world, wire)
    (before,) = (await world.get(HONDURAS, "/crossings", **ABROAD))["items"]
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    assert (await world.get("pp-chp", f"/releases/{release_id}"))["state"] == "stopped"
    assert (await world.get(HONDURAS, "/crossings", **ABROAD))["items"] == [before]
    told = (await world.post(HONDURAS, f"/crossings/{before['id']}/acknowledge", None, 200, **ABROAD)).json()
    assert told["acknowledged_at"] is not None
    assert len(wire.seen) == 1


async def test_an_indication_before_the_send_leaves_no_trace(world: World) -> None:
    case, _ = await crossed(world)
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    wire = Wire()
    await deliver(world, wire)
    assert wire.seen == []
    (crossing,) = await world.rows(Crossing)
    absent = ids.opaque("crs")
    for method, path in (("get", ""), ("post", "/acknowledge"), ("post", "/accept"), ("post", "/decline")):
        seen = []
        for each in (crossing.id, absent):
            call = world.get if method == "get" else world.post
            found: Any = await call(HONDURAS, f"/crossings/{each}{path}", status=404, **ABROAD)
            seen.append((found if method == "get" else found.json()) | {"request_id": None})
        assert seen[0] == seen[1]
    for name in ("crossings", "deliveries", "events"):
        assert (await world.get(HONDURAS, f"/{name}", **ABROAD))["items"] == []


async def test_a_retry_asks_again(world: World) -> None:
    case, _ = await crossed(world)
    wire = Wire(Result(Outcome.REFUSED, 500))
    await deliver(world, wire)
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    await deliver(world, wire, after=3600)
    assert len(wire.seen) == 1
    states = [each.state.value for each in await world.rows(Delivery) if each.gate is not None]
    assert states == ["cancelled"]


async def test_its_feed_opens_under_a_permit_only_and_nobody_elses_feed_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.delivery.events.service.HELD", 0.0)
    monkeypatch.setattr("shared.delivery.events.service.ASKING", 20.0)  # a slow machine asks as long as it must
    monkeypatch.setattr("services.referral.protection.rules.PERMIT_LIFE", timedelta(seconds=20))
    case = await ready(world)
    await subscribed(world, channel="pull", url=None)
    await granted(world, case)
    (event,) = (await world.get(HONDURAS, "/events", **ABROAD))["items"]
    assert event["type"] == "crossing.sent"
    assert len(await world.rows(Permit)) == 1
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    (kept,) = (await world.get(HONDURAS, "/events", **ABROAD))["items"]  # what it got, it keeps
    assert kept | {"cursor": ""} == event | {"cursor": ""}


async def test_each_path_has_releases_of_its_own(world: World) -> None:
    """The consular service is given no permit for what goes to a body, nor this service for a consulate's."""
    _, release_id = await crossed(world)
    assert (await ask_permit(world, release_id))["verdict"] == "closed"
    gate = permits.gate(world.runtime.database)
    assert (await gate(release_id)).verdict is Said.OPEN
    assert (await gate(ids.opaque("rel"))).verdict is Said.CLOSED


async def test_unknown_facts_wait_and_are_somebodys_task(world: World) -> None:
    case, release_id = await crossed(world)
    gate = permits.gate(world.runtime.database)
    await tell(world, case["child_id"], version=2, relatives=["chd_" + "0" * 32])
    assert (await gate(release_id)).verdict is Said.WAIT
    (clock_,) = await world.rows(Clock, Clock.rule == "GATE_WAITS")
    assert (clock_.agency, clock_.state.value, clock_.resource_id) == ("inm-chp", "running", release_id)
    sister = await world.encounter("chd_" + "0" * 32)
    await tell(world, sister)
    assert (await gate(release_id)).verdict is Said.OPEN
    (clock_,) = await world.rows(Clock, Clock.rule == "GATE_WAITS")
    assert clock_.state.value == "met"


async def test_a_gate_that_breaks_is_shut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, release_id = await crossed(world)

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    async def slow(*_: Any, **__: Any) -> Any:
        await asyncio.sleep(9)

    for fault in (broken, slow):
        monkeypatch.setattr("services.referral.protection.permits.ask", fault)
        assert (await permits.gate(world.runtime.database)(release_id)).verdict is Said.WAIT


async def test_the_seam_for_every_other_path(world: World) -> None:
    """Disclosures and exports ask it: may anything about this child reach that agency?"""
    case, _ = await crossed(world)

    async def asked() -> dict[str, Verdict]:
        async with world.runtime.database.work() as session:
            row = await cases.find(session, SYSTEM, case["id"], lock=True)
            names = ("unicef", HONDURAS, SALVADOR, "con-hnd-tapachula", "nobody")
            return {name: await service.may_reach(session, row, name) for name in names}

    shut = dict.fromkeys((SALVADOR, "con-hnd-tapachula", "nobody"), Verdict.CLOSED)
    assert await asked() == shut | {"unicef": Verdict.OPEN, HONDURAS: Verdict.OPEN}
    await world.post("pp-chp", "/indications", indication_in(case["id"]), 201)
    assert await asked() == shut | {"unicef": Verdict.OPEN, HONDURAS: Verdict.CLOSED}


async def test_of_a_send_abroad_and_an_indication_at_once_the_indication_always_wins(world: World) -> None:
    """However they meet: the permit is named, or it is refused. Never open and unnamed."""
    await subscribed(world)
    gate = permits.gate(world.runtime.database)
    for _ in range(6):
        case = await ready(world)
        release_id = await granted(world, case)

        async def delayed(work: Any, by: float) -> Any:
            await asyncio.sleep(by)
            return await work

        asking = [delayed(gate(release_id), 0.002 * number) for number in range(4)]
        with clock.at(clock.now()):  # a slow machine names what it had permitted, too
            told, *answers = await together(
                delayed(world.post("pp-chp", "/indications", indication_in(case["id"]), 201), 0.003), *asking
            )
        given = await world.rows(Permit, Permit.release_id == release_id)
        assert {each.id for each in given} == set(told.json()["open_permits"])
        assert len([each for each in answers if each.verdict is Said.OPEN]) == len(given)
        assert (await gate(release_id)).verdict is Said.CLOSED


async def test_a_notice_and_a_request_abroad_stand_side_by_side(one_world: World) -> None:
    case = await ready(one_world)
    await one_world.post("inm-chp", "/releases", crossing_in(case["id"]), 201)
    await one_world.post("inm-chp", "/releases", crossing_in(case["id"]), 409)
    plain = crossing_in(case["id"], recipient=None, service=None)
    await one_world.post("inm-chp", "/releases", plain, 201)
    assert len(await one_world.rows(Release, Release.case_id == case["id"])) == 2


async def test_a_child_whom_intake_has_not_screened_waits_whatever_the_officer_says(one_world: World) -> None:
    case = await ready(one_world, screened_at=None)
    refused = (await one_world.post("inm-chp", "/releases", crossing_in(case["id"]), 409)).json()
    assert "NOT_SCREENED" in refused["detail"]
    await tell(one_world, case["child_id"], version=2, screened_at=(clock.now() - timedelta(hours=1)).isoformat())
    await one_world.post("inm-chp", "/releases", crossing_in(case["id"]), 201)
