"""The guard in the database: indications win, permits are named, nothing leaves on what is unknown."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.referral.protection.models import Indication, Permit, Release
from shared import clock, ids
from shared.audit import AuditEntry
from shared.delivery.models import Event
from tests.unit.referral.protection_world import (
    as_service,
    ask_permit,
    indication_in,
    ready,
    release_in,
    released,
    tell,
)
from tests.unit.referral.world import World, together


async def test_a_release_takes_two_authorities_and_tells_consular_the_least(world: World) -> None:
    case, release_id = await released(world)
    (event,) = await world.sent("service:consular")
    assert event.type == "release.granted"
    assert event.case_key == release_id
    assert set(event.data) == {"release_id", "nationality", "state", "pp", "dif"}
    assert case["id"] not in str(event.data)
    assert case["child_id"] not in str(event.data)
    shown = await world.get("pp-chp", f"/releases/{release_id}")
    assert (shown["state"], shown["concurred_by"], shown["released_by"]) == ("released", "pp-chp/o-1", "inm-chp/o-1")
    assert shown["obstacles"] == []
    assert shown["allowed_actions"] == []


async def test_without_facts_nothing_is_released(world: World) -> None:
    case = await world.channelled()
    refused = (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()
    assert refused["code"] == "refused_by_law"
    assert "FACTS_UNKNOWN" in refused["detail"]
    assert await world.rows(Release) == []


@pytest.mark.parametrize(
    ("known", "act", "rule", "obstacle"),
    [
        ({"nationalities": ["MEX"]}, {"nationality": "MEX"}, "R20", "MEXICAN"),
        ({"nationalities": ["HND", "MEX"]}, {}, "R20", "MEXICAN"),
        ({"stateless_doubt": True}, {}, "R20", "STATELESS_DOUBT"),
        ({"nationalities": []}, {}, "GUARD", "NATIONALITY_UNKNOWN"),
        ({}, {"objects": True}, "GUARD", "CHILD_OBJECTS"),
        ({}, {"told_in": "mam"}, "GUARD", "NOT_TOLD_IN_OWN_LANGUAGE"),
        ({"relatives": ["chd_" + "0" * 32]}, {}, "GUARD", "RELATIVE_UNKNOWN"),
    ],
)
async def test_the_law_refuses_by_name(
    world: World, known: dict[str, Any], act: dict[str, Any], rule: str, obstacle: str
) -> None:
    case = await ready(world, **known)
    refused = (await world.post("inm-chp", "/releases", release_in(case["id"], **act), 409)).json()
    assert (refused["rule"], obstacle in refused["detail"]) == (rule, True)
    assert refused["source"]
    assert rule != "R20" or refused["source"] == "Ley de Migración, art. 112, fr. V"


async def test_only_the_procuraduria_concurs_and_only_inm_releases(world: World) -> None:
    case = await ready(world)
    release = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    path, step = f"/releases/{release['id']}", {"officer": "o-1"}
    assert release["allowed_actions"] == ["withdraw"]
    refused = (await world.post("inm-chp", f"{path}/concur", step, 409)).json()
    assert (refused["code"], refused["allowed_actions"]) == ("illegal_move", ["withdraw"])
    await world.post("pp-chp", f"{path}/release", step, 409)
    await world.post("pp-chp", f"{path}/concur", step, 200)
    await world.post("pp-chp", f"{path}/release", step, 409)
    await world.post("inm-chp", f"{path}/release", step, 200)


async def test_an_indication_closes_the_guard_tells_comar_and_stops_the_release(world: World) -> None:
    case, release_id = await released(world)
    await world.register("comar")
    body = indication_in(case["id"], note="Dice que lo buscan")
    told = (await world.post("dif-chp", "/indications", body, 201)).json()
    assert told["open_permits"] == []
    assert told["verification_referral_id"] is None
    (referral,) = (await world.get("comar", "/referrals"))["items"]
    assert (referral["id"], referral["kind"], referral["state"]) == (told["comar_referral_id"], "COMAR_NOTICE", "sent")
    assert [each["rule"] for each in (await world.get("comar", "/clocks"))["items"]] == ["ACK_COMAR"]
    assert [event.type for event in await world.sent("comar")] == ["referral.sent"]
    assert (await world.get("inm-chp", f"/releases/{release_id}"))["state"] == "stopped"
    assert (await ask_permit(world, release_id))["verdict"] == "closed"
    (row,) = await world.rows(Indication)
    assert b"buscan" not in row.note
    assert "buscan" not in repr([each.details for each in await world.rows(AuditEntry)])
    assert "withdraw" not in repr([each.type for each in await world.rows(Event)])
    refused = (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()
    assert (refused["rule"], refused["source"], "GUARD_CLOSED" in refused["detail"]) == ("R16", "LRPCAP, art. 21", True)


async def test_a_second_indication_opens_no_second_notice_to_comar(world: World) -> None:
    case = await ready(world)
    first = (await world.post("pp-chp", "/indications", indication_in(case["id"]), 201)).json()
    second = (await world.post("inm-chp", "/indications", indication_in(case["id"], code="PERSECUTION"), 201)).json()
    assert first["comar_referral_id"] == second["comar_referral_id"]


async def test_a_permit_that_was_open_is_named_and_opens_a_task_for_the_procuraduria(world: World) -> None:
    case, release_id = await released(world)
    with clock.at(clock.now()):
        permit = await ask_permit(world, release_id)
        clock.advance(timedelta(seconds=1.9))
        told = (await world.post("pp-chp", "/indications", indication_in(case["id"]), 201)).json()
    assert told["open_permits"] == [permit["permit_id"]]
    task = await world.get("pp-chp", f"/referrals/{told['verification_referral_id']}")
    assert (task["kind"], task["reason"], task["recipient"]) == ("PP_VERIFY", "PERMIT_OPEN", "pp-chp")


async def test_a_permit_lives_two_seconds(world: World) -> None:
    case, release_id = await released(world)
    with clock.at(clock.now()):
        permit = await ask_permit(world, release_id)
        assert permit["expires_at"] == (clock.now() + timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
        clock.advance(timedelta(seconds=2))
        told = (await world.post("pp-chp", "/indications", indication_in(case["id"]), 201)).json()
    assert told["open_permits"] == []


async def test_what_protects_one_child_protects_its_siblings_both_ways(world: World) -> None:
    first, release_id = await released(world)
    sister = await world.encounter()
    await tell(world, sister, relatives=[first["child_id"]])
    sisters_case = await world.file(sister)
    with clock.at(clock.now()):
        assert (await ask_permit(world, release_id))["verdict"] == "open"
        told = (await world.post("pp-chp", "/indications", indication_in(sisters_case["id"]), 201)).json()
    assert len(told["open_permits"]) == 1
    assert (await ask_permit(world, release_id))["verdict"] == "closed"


async def test_an_unknown_release_is_closed_and_leaves_no_permit(world: World) -> None:
    assert (await ask_permit(world, ids.opaque("rel")))["verdict"] == "closed"
    assert await world.rows(Permit) == []


@pytest.mark.parametrize("name", ["intake", "consular"])
async def test_internal_routes_take_only_the_service_that_they_are_for(world: World, name: str) -> None:
    answer = await as_service(
        world, name, "POST", "/internal/permits", {"release_id": ids.opaque("rel")}, "other:scope"
    )
    assert answer.status_code == 403
    partner = await world.post("inm-chp", "/../../internal/permits", {"release_id": ids.opaque("rel")})
    assert partner.status_code in (403, 404)


@pytest.mark.parametrize("agency", ["dif-chp", "comar", "unicef", "inm-tam", "pp-tam"])
async def test_nobody_else_learns_that_there_is_a_release(world: World, agency: str) -> None:
    case, release_id = await released(world)
    state = "MX-TAM" if agency.endswith("tam") else "MX-CHP"
    absent = ids.opaque("rel")
    async with world.agency(agency, state) as caller:
        answers = [await caller.get(f"/v1/referral/releases/{each}") for each in (release_id, absent)]
        listed = await caller.get("/v1/referral/releases")
    assert {answer.status_code for answer in answers} in ({404}, {403})
    first, second = ({k: v for k, v in each.json().items() if k != "request_id"} for each in answers)
    assert first == second
    assert listed.status_code == 403 or listed.json()["items"] == []
    assert case["id"]


async def test_an_agency_outside_the_case_cannot_indicate_and_learns_nothing(world: World) -> None:
    case = await ready(world)
    hidden = await world.post("unicef", "/indications", indication_in(case["id"]), 404)
    absent = await world.post("unicef", "/indications", indication_in(ids.new("cas")), 404)
    assert hidden.json() | {"request_id": ""} == absent.json() | {"request_id": ""}


async def test_of_a_permit_and_an_indication_at_once_the_indication_always_wins(world: World) -> None:
    """However they meet: the permit is named, or it is refused. Never open and unnamed."""
    for _ in range(10):
        case, release_id = await released(world)

        async def delayed(work: Any, by: float) -> Any:
            await asyncio.sleep(by)
            return await work

        permits = [delayed(ask_permit(world, release_id), 0.002 * number) for number in range(4)]
        with clock.at(clock.now()):  # a slow machine names what it had permitted, too
            told, *answers = await together(
                delayed(world.post("pp-chp", "/indications", indication_in(case["id"]), 201), 0.003), *permits
            )
        named = set(told.json()["open_permits"])
        opened = {each["permit_id"] for each in answers if each["verdict"] == "open"}
        assert opened == named
        assert (await ask_permit(world, release_id))["verdict"] == "closed"


async def test_inm_learns_that_the_guard_is_closed_and_the_procuraduria_why(world: World) -> None:
    case, release_id = await released(world)
    await world.post("dif-chp", "/indications", indication_in(case["id"], note="Teme volver"), 201)
    for agency, obstacle in (("inm-chp", "GUARD_CLOSED"), ("pp-chp", "INDICATION")):
        assert (await world.get(agency, f"/releases/{release_id}"))["obstacles"] == [obstacle]
    refused = (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()
    assert "GUARD_CLOSED" in refused["detail"]
    assert "INDICATION" not in refused["detail"]
    (indication,) = (await world.get("pp-chp", f"/indications?case_id={case['id']}"))["items"]
    assert (indication["code"], indication["note"], indication["agency"]) == (
        "FEAR_OF_RETURN", "Teme volver", "dif-chp",
    )  # fmt: skip
    for agency in ("inm-chp", "dif-chp", "comar"):
        await world.get(agency, f"/indications?case_id={case['id']}", 403)


async def test_a_child_has_one_notice_at_a_time(world: World) -> None:
    case = await ready(world)
    first = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    assert (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()["code"] == "conflict"
    await world.post("inm-chp", f"/releases/{first['id']}/withdraw", {"officer": "o-1"}, 200)
    await world.post("inm-chp", "/releases", release_in(case["id"]), 201)


async def test_the_notice_names_the_dif_that_took_the_child_in(world: World) -> None:
    child = await world.encounter()
    notice, handover = [await world.opened(child, kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
    await world.post("pp-chp", f"/referrals/{notice['id']}/accept", status=200)
    await world.post("dif-chp", f"/referrals/{handover['id']}/decline", {"reason": "NO_CAPACITY"}, 200)
    national = await world.opened(child, "DIF_HANDOVER")
    await world.post("dif-nacional", f"/referrals/{national['id']}/accept", status=200)
    case = await world.file(child)
    await world.post("inm-chp", "/actas", {"case_id": case["id"], "dif_recipient": "Ana", "place": "Tapachula"}, 201)
    await tell(world, child)
    release = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
        await world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
    (event,) = await world.sent("service:consular")
    assert event.data["dif"]["id"] == "dif-nacional"
