"""Assisted returns over the API, on either database: each gate of R21 refused by its rule, and the lawful way."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from services.referral.cases.models import Case
from services.referral.cases.rules import Bar, Gate
from services.referral.plans.models import Plan
from services.referral.protection.models import Guard
from services.referral.returns.models import AssistedReturn
from shared import clock
from shared.clocks.models import Clock
from shared.delivery.models import Event
from tests.unit.referral.cases_world import lift, put
from tests.unit.referral.protection_world import indication_in
from tests.unit.referral.refuge_world import (
    INM,
    PP,
    assessment,
    file,
    move,
    now,
    plan_in,
    planned,
    point,
    point_in,
    propose,
    returnable,
)
from tests.unit.referral.test_lifts import consent, lifted
from tests.unit.referral.test_refuge import bars, refused
from tests.unit.referral.world import World


async def test_a_child_returns_with_everything_that_the_law_asks_for(world: World) -> None:
    with clock.at(clock.now()):
        case = await returnable(world)
        return_id = await planned(world, case["id"], await point(world))
        (row,) = await world.rows(AssistedReturn)
        assert "Ficticia" not in repr((row.escort, row.view))
        seen = await world.get("inm-chp", f"/returns/{return_id}")
        assert (seen["obstacles"], seen["escort"], seen["view"], seen["finding"]) == (
            [],
            "Ficticia Acompañante",
            None,
            None,
        )
        assert (await world.get("pp-chp", f"/returns/{return_id}"))["view"] == "Dice que quiere quedarse."
        clock.advance(timedelta(hours=30))
        departed = await move(world, "inm-chp", return_id, "depart", INM)
        assert departed["allowed_actions"] == ["receive", "fail"]
        early = INM | {"received_at": "2026-01-01T00:00:00Z", "authority": "Autoridad Ejemplo"}
        await move(world, "inm-chp", return_id, "receive", early, 422)
        clock.advance(timedelta(hours=20))
        done = await move(world, "inm-chp", return_id, "receive", early | {"received_at": now()})
        assert (done["state"], done["allowed_actions"], done["obstacles"]) == ("received", [], [])
        assert (await world.get("pp-chp", f"/cases/{case['id']}"))["status"] == "RETURN"
        (event,) = await world.rows(Event, Event.type == "return.completed")
        assert (event.data["child_id"], event.data["state"]) == (case["child_id"], "MX-CHP")
        (arrival,) = await world.rows(Clock, Clock.rule == "RETURN_ARRIVAL")
        assert arrival.state.value == "met"


async def test_nobody_is_deported(world: World) -> None:
    case = await returnable(world)
    answer = await propose(world, "inm-chp", case["id"], 409, kind="DEPORTATION")
    refused(answer, "R2-RETURN", "art. 112, fr. III")
    assert (await propose(world, "inm-chp", case["id"]))["kind"] == "ASSISTED_RETURN"
    await propose(world, "inm-chp", case["id"], 409)


@pytest.mark.parametrize(
    ("facts", "destination", "lawful"),
    [
        ({}, "GTM", False),
        ({}, "HND", True),
        ({"residence": "GTM"}, "GTM", True),
        ({"nationalities": ["HND", "MEX"]}, "HND", False),
        ({"nationalities": ["MEX"]}, "MEX", False),
        ({"stateless_doubt": True}, "HND", False),
    ],
)
async def test_a_child_returns_to_its_nationality_or_residence_and_to_no_other_state(
    world: World, facts: Any, destination: str, lawful: bool
) -> None:
    case = await returnable(world, **facts)
    answer = await propose(world, "pp-chp", case["id"], 201 if lawful else 409, destination=destination)
    if not lawful:
        refused(answer, "R22", "Ley de Migración, art. 112, fr. III")


async def test_each_gate_is_refused_by_its_rule(world: World) -> None:
    """One after the other is missing; with all of them the step is taken."""
    case = await returnable(world)
    made = (await propose(world, "pp-chp", case["id"]))["id"]

    async def stopped(agency: str, action: str, body: Any, rule: str, article: str) -> None:
        refused(await move(world, agency, made, action, body, 409), rule, article)

    for lacking, rule, article in (
        ({"plan_allows": False}, "R21-PLAN", "art. 112, fr. III"),
        ({"finding": "NOT_CLEAR"}, "R21-DANGER", "art. 74"),
        ({"finding": "DANGER"}, "R21-DANGER", "LGDNNA, art. 96"),
        ({"heard_at": None}, "R21-HEARD", "LGDNNA, art. 71"),
        ({"view": None}, "R21-HEARD", "art. 112, fr. IV"),
    ):
        await move(world, "pp-chp", made, "assess", assessment(**lacking))
        await stopped("pp-chp", "concur", PP, rule, article)
    await move(world, "pp-chp", made, "assess", assessment())
    await stopped("inm-chp", "authorise", INM | {"reference": "INM-1"}, "R21-CONCUR", "art. 112, fr. III")
    await move(world, "pp-chp", made, "concur", PP)
    await move(world, "pp-chp", made, "concur", PP, 409)
    await move(world, "inm-chp", made, "authorise", INM | {"reference": "INM-1"})
    place, hers = await point(world), plan_in("rpt_" + "0" * 32)
    assert (await move(world, "inm-chp", made, "plan", hers, 422))["code"] == "invalid_request"
    day = hers["planned_at"][:10]
    for lacking, rule, article in (
        ({"escort": None}, "R21-ESCORT", "art. 112, fr. III"),
        ({"escort": hers["escort"] | {"specialised": False}}, "R21-ESCORT", "art. 112, fr. III"),
        ({"acceptance": None}, "R21-ACCEPTED", "art. 112, fr. III"),
        ({"planned_at": f"{day}T18:00:00-06:00"}, "R21-HOURS", "art. 112, fr. III"),
        ({"planned_at": now()}, "R21-HOURS", "art. 112, fr. III"),
        ({"return_point_id": await point(world, country="GTM")}, "R21-HOURS", "art. 112, fr. III"),
        ({"return_point_id": await point(world, week=[])}, "R21-HOURS", "art. 112, fr. III"),
        ({"return_point_id": await point(world, closed_on=[day])}, "R21-HOURS", "art. 112, fr. III"),
        ({"return_point_id": await point(world, notice_hours=72)}, "R21-HOURS", "art. 112, fr. III"),
        ({"return_point_id": await point(world, valid_to="2026-02-01")}, "R21-HOURS", "art. 112, fr. III"),
    ):
        await stopped("inm-chp", "plan", plan_in(place) | lacking, rule, article)
    assert (await world.get("inm-chp", f"/returns/{made}"))["point_id"] is None  # nothing refused is kept
    assert (await move(world, "inm-chp", made, "plan", plan_in(place)))["allowed_actions"] == [
        "plan",
        "depart",
        "cancel",
    ]


async def test_a_claim_stops_a_return_that_is_planned_and_inm_is_not_told_why(world: World) -> None:
    case = await returnable(world)
    return_id = await planned(world, case["id"], await point(world))
    claim = await file(world, "pp-chp", case["id"])
    answer = await move(world, "inm-chp", return_id, "depart", INM, 409)
    refused(answer, "R21", "Ley de Migración, art. 74")
    for word in ("claim", "refuge", "protect", "appeal", "lrpcap"):
        assert word not in repr(answer).lower().replace("procuraduría", "")
    assert (await world.get("inm-chp", f"/returns/{return_id}"))["obstacles"] == ["BARRED"]
    hers = (await world.get("pp-chp", f"/returns/{return_id}"))["obstacles"]
    assert hers == ["CLAIM_PENDING", "PROTECTED"]
    assert claim["state"] == "ratified"


async def test_a_claim_on_the_way_stops_the_hand_over_and_the_child_comes_back(world: World) -> None:
    with clock.at(clock.now()):
        case = await returnable(world)
        return_id = await planned(world, case["id"], await point(world))
        clock.advance(timedelta(hours=30))
        await move(world, "inm-chp", return_id, "depart", INM)
        await file(world, "pp-chp", case["id"])
        body = INM | {"received_at": now(), "authority": "Autoridad Ejemplo"}
        refused(await move(world, "inm-chp", return_id, "receive", body, 409), "R21", "art. 74")
        done = await move(world, "inm-chp", return_id, "fail", INM | {"reason": "CHILD_DOES_NOT_WISH"})
        assert (done["state"], done["failed_because"]) == ("failed", "CHILD_DOES_NOT_WISH")
        (row,) = await world.rows(Case, Case.id == case["id"])
        assert (row.status.value, Gate.RETURN_READY.value in row.gates) == ("RESTITUTION", False)


@pytest.mark.parametrize("bar", list(Bar))
async def test_no_departure_while_a_bar_stands(world: World, bar: Bar) -> None:
    case = await returnable(world)
    return_id = await planned(world, case["id"], await point(world))
    await put(world, case["id"], bars=[bar])
    refused(await move(world, "inm-chp", return_id, "depart", INM, 409), "R21", "art. 74")
    await lift(world, case["id"], bar)
    assert (await move(world, "inm-chp", return_id, "depart", INM))["state"] == "departed"


async def test_a_closed_guard_lets_no_authority_of_the_state_of_origin_be_asked(world: World) -> None:
    case = await returnable(world)
    made = (await propose(world, "pp-chp", case["id"]))["id"]
    await move(world, "pp-chp", made, "assess", assessment())
    await world.post("dif-chp", "/indications", {"case_id": case["id"], "code": "OTHER", "told_by": "CHILD"}, 201)
    refused(await move(world, "pp-chp", made, "concur", PP, 409), "R16-RETURN", "LRPCAP, art. 21")
    done = await move(world, "pp-chp", made, "cancel", PP | {"reason": "DANGER_FOUND"})
    assert done["cancelled_because"] == "DANGER_FOUND"
    assert (await world.get("inm-chp", f"/returns/{made}"))["cancelled_because"] is None


async def test_a_lift_for_this_return_opens_the_guard_and_no_other_lift_does(world: World) -> None:
    case = await returnable(world)
    made = (await propose(world, "pp-chp", case["id"]))["id"]
    await move(world, "pp-chp", made, "assess", assessment())
    await world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    for purpose, state in (("CONSULAR_NOTICE", "HND"), ("RETURN", "GTM")):
        await lifted(world, case, purpose=purpose, recipients=[state])
        refused(await move(world, "pp-chp", made, "concur", PP, 409), "R16-RETURN", "LRPCAP, art. 21")
    opened = await lifted(world, case, purpose="RETURN", recipients=["HND"])
    assert (await move(world, "pp-chp", made, "concur", PP))["obstacles"][0] == "NO_ESCORT"
    ended = {"evidence": "PP/2026/9", "reasons": "Cambió el riesgo", "officer": "pp-0002"}
    await world.post("pp-chp", f"/lifts/{opened}/end", ended, 200)
    answer = await move(world, "inm-chp", made, "authorise", INM | {"reference": "INM-1"}, 409)
    refused(answer, "R21", "Ley de Migración, art. 74")  # INM is not told why


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("bar", "gate"),
    [(Bar.CLAIM_PENDING, None), (Bar.APPEAL_PENDING, None), (Bar.RETURN_UNLAWFUL, None), (None, Gate.RECOGNISED)],
)
async def test_no_consent_lets_a_child_return_while_a_claim_an_appeal_or_protection_stands(
    one_world: World, bar: Bar | None, gate: Gate | None
) -> None:
    case = await returnable(one_world)
    made = (await propose(one_world, "pp-chp", case["id"]))["id"]
    await move(one_world, "pp-chp", made, "assess", assessment())
    await one_world.post("dif-chp", "/indications", indication_in(case["id"]), 201)
    await lifted(one_world, case, **consent(), purpose="RETURN", recipients=["HND"])
    await put(one_world, case["id"], bars=[bar] if bar else (), gates=[gate] if gate else ())
    refused(await move(one_world, "pp-chp", made, "concur", PP, 409), "R21-CLAIM", "LRPCAP, art. 6")
    assert "PROTECTED" not in (await one_world.get("pp-chp", f"/returns/{made}"))["obstacles"]


async def test_danger_forbids_every_return_until_an_assessment_finds_none(world: World) -> None:
    case = await returnable(world)
    made = (await propose(world, "pp-chp", case["id"]))["id"]
    await move(world, "pp-chp", made, "assess", assessment(finding="DANGER"))
    assert await bars(world, case["id"]) == ["RETURN_UNLAWFUL"]
    (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
    assert (hold["until"], hold["basis"]) == (None, None)  # as one of a claim
    await move(world, "pp-chp", made, "assess", assessment(finding="DANGER"))
    assert len((await world.get("inm-chp", "/procedure-holds"))["items"]) == 1
    await move(world, "pp-chp", made, "assess", assessment())
    assert await bars(world, case["id"]) == []
    (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
    assert hold["until"] is not None


async def test_no_departure_once_the_plan_allows_the_exit_no_longer(world: World) -> None:
    """What the Procuraduría said of the plan in its assessment does not replace the plan itself."""
    case = await returnable(world)
    return_id = await planned(world, case["id"], await point(world))
    for allows, status in ((False, 409), (True, 200)):
        async with world.runtime.database.work() as session:
            (await session.exec(select(Plan).where(Plan.case_id == case["id"]))).one().allows_exit = allows
        answer = await move(world, "inm-chp", return_id, "depart", INM, status)
        if not allows:
            refused(answer, "R21-PLAN", "art. 112, fr. III")


async def test_an_assessment_anew_voids_what_followed(world: World) -> None:
    case = await returnable(world)
    return_id = await planned(world, case["id"], await point(world))
    again = await move(world, "pp-chp", return_id, "assess", assessment())
    assert (again["state"], again["concurred_by"], again["planned_at"], again["decision"]) == (
        "assessed",
        None,
        None,
        None,
    )
    await move(world, "inm-chp", return_id, "depart", INM, 409)
    (row,) = await world.rows(Case, Case.id == case["id"])
    assert Gate.RETURN_READY.value not in row.gates


async def test_a_need_of_protection_seen_on_the_way_closes_the_guard(world: World) -> None:
    with clock.at(clock.now()):
        case = await returnable(world)
        return_id = await planned(world, case["id"], await point(world))
        await move(world, "inm-chp", return_id, "depart", INM)
        await move(world, "inm-chp", return_id, "fail", INM | {"reason": "PROTECTION_NEED"})
        (guard,) = await world.rows(Guard, Guard.child_id == case["child_id"])
        assert guard.blocked_at is not None


async def test_family_abroad_is_verified_first(world: World) -> None:
    case = await returnable(world)
    made = (await propose(world, "pp-chp", case["id"], kind="FAMILY_REUNIFICATION"))["id"]
    await move(world, "pp-chp", made, "assess", assessment())
    refused(await move(world, "pp-chp", made, "concur", PP, 409), "R21-FAMILY", "LGDNNA, art. 22")
    await move(world, "pp-chp", made, "assess", assessment(family_reference="DIF-17"))
    assert (await move(world, "pp-chp", made, "concur", PP))["concurred_by"] == "pp-chp/pp-0001"


async def test_who_takes_no_part_does_not_know_of_a_return(world: World) -> None:
    case = await returnable(world)
    made = (await propose(world, "inm-chp", case["id"]))["id"]
    for agency in ("inm-chp", "pp-chp", "pp-fed", "dif-chp"):
        assert (await world.get(agency, f"/returns/{made}"))["id"] == made
    for agency in ("pp-tam", "dif-tam"):
        await world.get(agency, f"/returns/{made}", 404, state="MX-TAM")
    await world.get("unicef", f"/returns/{made}", 403)
    await world.post("dif-chp", "/returns", {}, 403)


async def test_return_points_are_rows_with_their_source_and_their_history(world: World) -> None:
    operator: Any = {"agency_kind": "OPERATOR"}
    answer = (await world.post("inm-chp", "/return-points", point_in(), 409)).json()
    refused(answer, "RETURN-POINTS", "Ley de Migración, art. 112, fr. III")
    old = await world.post("ruta-operations", "/return-points", point_in(instrument="MOU_2006"), 422, **operator)
    assert "/instrument" in old.text
    made = (await world.post("ruta-operations", "/return-points", point_in(), 201, **operator)).json()
    assert (made["verified"], made["allowed_actions"]) == (False, ["update"])
    path = f"/v1/referral/return-points/{made['id']}"
    async with world.agency("ruta-operations", **operator) as caller:
        done = await caller.put(path, json=point_in(notice_hours=48), headers={"If-Match": '"v1"'})
        stale = await caller.put(path, json=point_in(notice_hours=72), headers={"If-Match": '"v1"'})
        moved = await caller.put(path, json=point_in(country="GTM"), headers={"If-Match": '"v2"'})
    assert (done.status_code, stale.status_code, moved.status_code) == (200, 412, 422)
    history = (await world.get("unicef", f"/return-points/{made['id']}/history"))["items"]
    assert [(each["version"], each["content"]["notice_hours"]) for each in history] == [(1, 24), (2, 48)]
    await point(world, country="GTM", valid_from="2026-01-01", valid_to="2026-02-01")
    assert len((await world.get("unicef", "/return-points?on=2026-03-01"))["items"]) == 1
    assert len((await world.get("unicef", "/return-points?country=GTM"))["items"]) == 1
