"""How a closed guard opens again, and who looks at what stands (R17)."""

from datetime import timedelta
from typing import Any

import pytest

from services.referral.cases.rules import Bar
from services.referral.protection.models import Guard, Indication, Lift, Review
from services.referral.referrals.models import Referral
from shared import clock, ids
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from shared.delivery.models import Event
from tests.unit.referral.abroad_world import ABROAD, HONDURAS, Wire, crossed, crossing_in, deliver
from tests.unit.referral.cases_world import put
from tests.unit.referral.protection_world import ask_permit, indication_in, ready, release_in, tell
from tests.unit.referral.world import World

SECOND = {"evidence": "COMAR/2026/17", "reasons": "Se comparte la valoración", "officer": "comar-7"}


def lift_in(case_id: str, **more: Any) -> dict[str, Any]:
    return {
        "case_id": case_id, "ground": "JOINT", "purpose": "CONSULAR_NOTICE", "recipients": ["HND"],
        "evidence": "PP/2026/0417", "reasons": "El riesgo cesó", "officer": "pp-0001",
    } | more  # fmt: skip


def consent() -> dict[str, Any]:
    return {"ground": "CONSENT", "consent_by": "PP_EN_SUPLENCIA", "consent_at": clock.now().isoformat()}


async def barred(world: World, **more: Any) -> Any:
    """Return a case whose guard an indication has closed."""
    case = await ready(world)
    await world.post("dif-chp", "/indications", indication_in(case["id"], **more), 201)
    return case


async def lifted(world: World, case: Any, **more: Any) -> str:
    """Return a live lift."""
    made = (await world.post("pp-chp", "/lifts", lift_in(case["id"], **more), 201)).json()
    second = "pp-chp" if made["ground"] == "CONSENT" else "comar"
    await world.post(second, f"/lifts/{made['id']}/concur", SECOND, 200)
    return str(made["id"])


async def test_the_procuraduria_and_comar_lift_together_for_one_purpose(world: World) -> None:
    case = await barred(world)
    made = (await world.post("pp-chp", "/lifts", lift_in(case["id"]), 201)).json()
    assert made["allowed_actions"] == ["withdraw"]
    assert "GUARD_CLOSED" in (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()["detail"]
    await world.post("pp-chp", f"/lifts/{made['id']}/concur", SECOND, 409)
    done = (await world.post("comar", f"/lifts/{made['id']}/concur", SECOND, 200)).json()
    assert (done["state"], done["decided_by"], done["reasons"]) == ("live", "comar/comar-7", "El riesgo cesó")
    await world.post("inm-chp", "/releases", release_in(case["id"]), 201)
    abroad = (await world.post("inm-chp", "/releases", crossing_in(case["id"]), 409)).json()
    assert (abroad["rule"], "GUARD_CLOSED" in abroad["detail"]) == ("R16", True)


async def test_while_a_claim_stands_only_express_consent_lifts(world: World) -> None:
    case = await barred(world)
    joint = await lifted(world, case)
    await put(world, case["id"], bars=[Bar.CLAIM_PENDING])
    refused = (await world.post("pp-chp", "/lifts", lift_in(case["id"]), 409)).json()
    assert (refused["rule"], refused["source"].startswith("LRPCAP, art. 21")) == ("R17", True)
    shut = (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()
    assert "GUARD_CLOSED" in shut["detail"]  # what both had lifted before holds no longer
    assert (await world.get("pp-chp", f"/lifts/{joint}"))["state"] == "live"
    await lifted(world, case, **consent())
    await world.post("inm-chp", "/releases", release_in(case["id"]), 201)


async def test_a_claim_bars_by_itself_and_what_waits_is_not_concurred_in(world: World) -> None:
    case = await ready(world)
    await put(world, case["id"], bars=[Bar.APPEAL_PENDING])
    refused = (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()
    assert (refused["rule"], "GUARD_CLOSED" in refused["detail"]) == ("R16", True)
    other = await barred(world)
    made = (await world.post("pp-chp", "/lifts", lift_in(other["id"]), 201)).json()
    await put(world, other["id"], bars=[Bar.CLAIM_PENDING])
    assert (await world.post("comar", f"/lifts/{made['id']}/concur", SECOND, 409)).json()["rule"] == "R17"


async def test_a_lift_ends_at_the_next_indication_and_what_it_let_through_stops(world: World) -> None:
    case = await barred(world)
    lift = await lifted(world, case)
    release = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
        await world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
    assert (await ask_permit(world, release["id"]))["verdict"] == "open"
    await world.post("dif-chp", "/indications", indication_in(case["id"], code="PERSECUTION"), 201)
    found = await world.get("pp-chp", f"/lifts/{lift}")
    assert (found["state"], found["ended_by"], found["allowed_actions"]) == ("ended", None, [])
    assert (await ask_permit(world, release["id"]))["verdict"] == "closed"


@pytest.mark.parametrize("who", ["pp-chp", "comar"])
async def test_either_authority_ends_a_lift_and_its_releases_stop(world: World, who: str) -> None:
    case, release_id = await crossed(world)
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    lift = await lifted(world, case, purpose="CROSS_BORDER", recipients=[HONDURAS])
    again = (await world.post("inm-chp", "/releases", crossing_in(case["id"]), 201)).json()
    for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
        await world.post(agency, f"/releases/{again['id']}/{action}", {"officer": "o-1"}, 200)
    await world.post(who, f"/lifts/{lift}/end", SECOND, 200)
    wire = Wire()
    await deliver(world, wire)
    assert wire.seen == []
    states = {(await world.get("pp-chp", f"/releases/{each}"))["state"] for each in (release_id, again["id"])}
    assert states == {"stopped"}
    assert (await world.get(HONDURAS, "/crossings", **ABROAD))["items"] == []


async def test_a_lift_is_for_the_procuraduria_and_comar_alone_and_its_reasons_are_sealed(world: World) -> None:
    case = await barred(world)
    lift = await lifted(world, case)
    assert [each["id"] for each in (await world.get("comar", "/lifts"))["items"]] == [lift]
    for agency in ("inm-chp", "dif-chp", "unicef"):
        await world.get(agency, f"/lifts/{lift}", 403)
    assert (await world.get("pp-tam", "/lifts", state="MX-TAM"))["items"] == []
    await world.get("pp-tam", f"/lifts/{lift}", 404, state="MX-TAM")
    (row,) = await world.rows(Lift)
    assert b"riesgo" not in row.reasons
    assert b"comparte" not in row.decision_reasons
    entries = repr([(each.action, each.details) for each in await world.rows(AuditEntry)])
    assert "riesgo" not in entries
    assert "lift" not in repr([each.type for each in await world.rows(Event)])


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"recipients": ["MEX"]}, 422),
        ({"recipients": ["XXX"]}, 422),
        ({"recipients": [HONDURAS]}, 422),
        ({"recipients": []}, 422),
        ({"purpose": "CROSS_BORDER", "recipients": ["unicef"]}, 422),
        ({"purpose": "CROSS_BORDER", "recipients": ["nobody"]}, 422),
        ({"consent_by": "PP_EN_SUPLENCIA"}, 422),
        ({"ground": "CONSENT"}, 422),
        ({"ground": "CONSENT", "consent_by": "LEGAL_REPRESENTATIVE", "consent_at": "2026-01-05T10:00:00Z"}, 409),
    ],
)
async def test_a_lift_names_who_consents_and_whom_it_is_for(
    one_world: World, more: dict[str, Any], status: int
) -> None:
    case = await barred(one_world)
    refused = (await one_world.post("pp-chp", "/lifts", lift_in(case["id"], **more), status)).json()
    assert status == 422 or refused["rule"] == "R17"


async def test_there_must_be_something_to_lift_and_two_people_to_do_it(one_world: World) -> None:
    case = await ready(one_world)
    assert (await one_world.post("pp-chp", "/lifts", lift_in(case["id"]), 409)).json()["code"] == "conflict"
    await one_world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    for more, second in (({}, "comar"), (consent(), "pp-chp")):
        made = (await one_world.post("pp-chp", "/lifts", lift_in(case["id"], **more), 201)).json()
        same = await one_world.post(second, f"/lifts/{made['id']}/concur", SECOND | {"officer": "PP-0001"}, 409)
        assert same.json()["rule"] == "R17"


async def test_a_relatives_joint_lift_opens_nothing_here_but_its_consent_does(one_world: World) -> None:
    case = await ready(one_world)
    sister = await one_world.encounter()
    await tell(one_world, sister, relatives=[case["child_id"]])
    sisters = await one_world.file(sister)
    await one_world.post("pp-chp", "/indications", indication_in(sisters["id"]), 201)
    for more, status in (({}, 409), (consent(), 201)):
        await lifted(one_world, sisters, **more)
        await one_world.post("inm-chp", "/releases", release_in(case["id"]), status)


# -- reviews ---------------------------------------------------------------------------------------------


async def test_a_bar_is_reviewed_at_a_set_date_again_and_again(world: World) -> None:
    case = await barred(world)
    (review,) = (await world.get("pp-chp", "/reviews"))["items"]
    assert (review["subject"], review["subject_id"], review["allowed_actions"]) == ("BAR", case["id"], ["decide"])
    (running,) = await world.rows(Clock, Clock.rule == "REVIEW_BAR")
    assert (running.agency, running.due_at - running.started_at) == ("pp-chp", timedelta(days=90))
    body = {"outcome": "KEEP", "reasons": "El riesgo persiste", "officer": "pp-0001"}
    refused = (await world.post("pp-chp", f"/reviews/{review['id']}/decide", body | {"outcome": "END"}, 409)).json()
    assert refused["allowed_actions"] == ["KEEP", "PROPOSE_LIFT"]
    done = (await world.post("pp-chp", f"/reviews/{review['id']}/decide", body, 200)).json()
    assert (done["state"], done["outcome"], done["decided_by"]) == ("done", "KEEP", "pp-chp/pp-0001")
    await world.post("pp-chp", f"/reviews/{review['id']}/decide", body, 409)
    rows = await world.rows(Review)
    assert sorted(each.state.value for each in rows) == ["done", "due"]
    assert not any(each.reasons and b"riesgo" in each.reasons for each in rows)
    (guard,) = await world.rows(Guard, Guard.child_id == case["child_id"])
    assert guard.blocked_at is not None
    for agency in ("inm-chp", "dif-chp", "comar"):
        await world.get(agency, "/reviews", 403)


async def test_a_review_ends_a_release_or_a_lift(world: World) -> None:
    case, release_id = await crossed(world)
    (review,) = (await world.get("pp-chp", "/reviews"))["items"]
    body = {"outcome": "END", "reasons": "Ya no hace falta", "officer": "pp-0001"}
    await world.post("pp-chp", f"/reviews/{review['id']}/decide", body, 200)
    assert (await world.get("pp-chp", f"/releases/{release_id}"))["state"] == "stopped"
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    lift = await lifted(world, case)
    found = next(each for each in (await world.get("pp-chp", "/reviews"))["items"] if each["subject"] == "LIFT")
    await world.post("pp-chp", f"/reviews/{found['id']}/decide", body, 200)
    assert (await world.get("comar", f"/lifts/{lift}"))["state"] == "ended"
    clocks = {each.rule: each.state.value for each in await world.rows(Clock) if each.rule.startswith("REVIEW")}
    assert clocks == {"REVIEW_RELEASE": "met", "REVIEW_BAR": "running", "REVIEW_LIFT": "met"}


# -- indications -----------------------------------------------------------------------------------------


async def test_an_indication_entered_in_error_is_marked_once_and_opens_nothing(world: World) -> None:
    case = await barred(world, note="Teme volver")
    (said,) = (await world.get("pp-chp", f"/indications?case_id={case['id']}"))["items"]
    body = {"reason": "WRONG_CHILD", "note": "Era su primo", "officer": "pp-0001"}
    await world.post("pp-tam", f"/indications/{said['id']}/correct", body, 404, state="MX-TAM")
    await world.post("dif-chp", f"/indications/{said['id']}/correct", body, 403)
    done = (await world.post("pp-chp", f"/indications/{said['id']}/correct", body, 200)).json()
    assert (done["correction"], done["correction_note"], done["note"]) == ("WRONG_CHILD", "Era su primo", "Teme volver")
    again = (await world.post("pp-chp", f"/indications/{said['id']}/correct", body, 409)).json()
    assert (again["rule"], bool(again["source"])) == ("R15-CORRECTED", True)
    (row,) = await world.rows(Indication)
    assert b"primo" not in row.correction_note
    assert "GUARD_CLOSED" in (await world.post("inm-chp", "/releases", release_in(case["id"]), 409)).json()["detail"]


async def test_trafficking_tells_the_public_prosecution_too(world: World) -> None:
    case = await ready(world)
    told = (await world.post("dif-chp", "/indications", indication_in(case["id"], code="TRAFFICKING"), 201)).json()
    (notice,) = await world.rows(Referral, Referral.kind == "MP_NOTICE")
    assert (notice.id, notice.state.value) == (told["mp_referral_id"], "sent")
    assert [each.resource_id for each in await world.rows(Clock, Clock.rule == "ACK_MP")] == [notice.id]
    assert "iom" in told["assistance"]
    assert (await world.get("iom", "/referrals"))["items"] == []  # nobody is told by itself
    other = (await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)).json()
    assert (other["mp_referral_id"], other["assistance"]) == (None, [])
    assert "traffick" not in repr([(each.type, each.data) for each in await world.rows(Event)]).lower()


# -- no silent limbo -------------------------------------------------------------------------------------


async def limbo(world: World, case_id: str) -> dict[str, str]:
    found = await world.rows(Clock, Clock.resource_id == case_id)
    return {f"{each.rule}/{each.agency}": each.state.value for each in found if each.rule.startswith("NOTICE")}


@pytest.mark.parametrize("end", ["released", "barred"])
async def test_a_foreign_childs_notice_is_owed_until_it_is_released_or_barred(world: World, end: str) -> None:
    case = await ready(world)
    owed = {"NOTICE_INM/inm-chp": "running", "NOTICE_PP/pp-chp": "running"}
    assert await limbo(world, case["id"]) == owed
    if end == "barred":
        await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    else:
        release = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
        for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
            assert await limbo(world, case["id"]) == owed
            await world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
    assert await limbo(world, case["id"]) == dict.fromkeys(owed, "met")
    await tell(world, case["child_id"], version=2)
    assert await limbo(world, case["id"]) == dict.fromkeys(owed, "met")


@pytest.mark.parametrize("facts", [{"nationalities": ["HND", "MEX"]}, {"stateless_doubt": True}])
async def test_nobody_owes_a_notice_of_a_mexican_or_perhaps_stateless_child(
    one_world: World, facts: dict[str, Any]
) -> None:
    case = await ready(one_world)
    await tell(one_world, case["child_id"], version=2, **facts)
    assert set((await limbo(one_world, case["id"])).values()) == {"cancelled"}
    await tell(one_world, case["child_id"], version=3)
    assert set((await limbo(one_world, case["id"])).values()) == {"running"}


async def test_facts_that_came_before_the_case_are_owed_by_then(one_world: World) -> None:
    child = ids.new("chd")
    await tell(one_world, child)
    await one_world.encounter(child)
    assert set((await limbo(one_world, (await one_world.file(child))["id"])).values()) == {"running"}
