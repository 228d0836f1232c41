"""The humanitarian permit: at once, for nothing, until the act that follows; and the carer with it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.intake.encounters.rules import VRH, EncounterKind, TravelCondition, owed_permit
from services.intake.permits.rules import (
    CARER_TRANSITIONS,
    WHO,
    CarerStatus,
    PermitAction,
    PermitStatus,
    advance,
    allowed,
    check_carer,
)
from shared import clock, ids
from shared.errors import IllegalMove, RefusedByLaw
from shared.testing import key
from tests.unit.intake.world import CHILDREN, ENCOUNTERS, Row, World, again, ago, assert_problem, encounter, girl

PERMITS = "/v1/intake/permits"
AUNT = {"tie": "CUSTOMARY_CARE", "relation": "AUNT_OR_UNCLE"}
STANDING = pytest.mark.asyncio(loop_scope="module")


def permit(child_id: str, **changes: object) -> Row:
    return {"child_id": child_id, "granted_at": ago(minutes=20), "officer": "opi-0417"} | changes


def act(**changes: object) -> Row:
    made = {"type": "REGULARISATION", "reference": "INM/99", "measure_reference": "PP/7",
            "date": clock.now().date().isoformat()} | changes  # fmt: skip
    return {"act": made}


async def grant(world: World, body: Row, **who: Any) -> httpx.Response:
    async with world.calling(**who) as caller:
        answer: httpx.Response = await caller.post(PERMITS, json=body, headers=key())
    return answer


async def granted(world: World, body: Row) -> Row:
    answer = await grant(world, body)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"v1"'), answer.text
    return dict(answer.json())


async def step(
    world: World, permit_id: str, action: str, etag: str = '"v1"', kind: str = "INM", **body: Any
) -> httpx.Response:
    if action in ("exclude-carer", "restore-carer"):
        kind, body = "PP", {"reference": "PP/9", "decided_at": ago(minutes=1)} | body
    async with world.calling(kind) as caller:
        answer: httpx.Response = await caller.post(
            f"{PERMITS}/{permit_id}/{action}", json={"officer": "opi-0417"} | body, headers=key() | {"If-Match": etag}
        )
    return answer


async def waiting(world: World, encounter_id: str) -> Row | None:
    shown = (await world.get(f"{ENCOUNTERS}/{encounter_id}")).json()
    return next((each for each in shown["clocks"] if each["rule"] == "VRH"), None)


def refused(answer: httpx.Response, rule: str) -> None:
    problem = assert_problem(answer, 409, "refused_by_law")
    assert problem["rule"] == rule
    assert "52, fr. V, b, and 74" in problem["source"]


# -- the tables of law -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(PermitStatus))
@pytest.mark.parametrize("carer", list(CarerStatus))
@pytest.mark.parametrize("action", list(PermitAction))
def test_what_moves_a_permit(status: PermitStatus, carer: CarerStatus, action: PermitAction) -> None:
    lawful = status is PermitStatus.VALID and (action is PermitAction.END or (carer, action) in CARER_TRANSITIONS)
    assert (action.value in allowed(status, carer, WHO[action])) is lawful
    other = "PP" if WHO[action] == "INM" else "INM"
    assert action.value not in allowed(status, carer, other)
    if lawful:
        ended = action is PermitAction.END
        expected = (PermitStatus.ENDED, carer) if ended else (status, CARER_TRANSITIONS[carer, action])
        assert advance(status, carer, action) == expected
        return
    with pytest.raises(IllegalMove) as told:
        advance(status, carer, action)
    assert told.value.allowed_actions == allowed(status, carer, WHO[action])


@pytest.mark.parametrize("condition", list(TravelCondition))
@pytest.mark.parametrize("excluded", [False, True])
def test_whom_a_permit_covers(condition: TravelCondition, excluded: bool) -> None:
    if condition is not TravelCondition.UNACCOMPANIED and not excluded:
        check_carer(condition, excluded=excluded)
        return
    with pytest.raises(RefusedByLaw) as told:
        check_carer(condition, excluded=excluded)
    assert told.value.law is not None
    assert told.value.law.rule == "R9-PERMIT"


@pytest.mark.parametrize(
    ("kind", "nationalities", "owed"),
    [
        ("FOREIGN_MET", ["HND"], True), ("FOREIGN_MET", [], True), ("FOREIGN_MET", ["MEX", "GTM"], False),
        ("BETA_MET", ["HND"], True), ("BETA_MET", [], False), ("BETA_MET", ["MEX"], False),
        ("MEXICAN_RETURNED", ["MEX"], False), ("ANNOUNCED", ["HND"], False),
    ],
)  # fmt: skip
def test_who_is_owed_a_permit(kind: str, nationalities: list[str], owed: bool) -> None:
    day = clock.now().date()
    assert owed_permit(EncounterKind(kind), nationalities, day) is owed
    assert not owed_permit(EncounterKind(kind), nationalities, day.replace(year=2019, day=1))  # before the reform


def test_the_time_for_a_permit_is_configuration() -> None:
    assert (VRH.warn, VRH.due, VRH.verified) == (timedelta(hours=24), timedelta(hours=72), False)


# -- refused, and the lawful way ---------------------------------------------------------------------


@STANDING
@pytest.mark.parametrize(
    "condition",
    [{"fee": 350000}, {"fee": 0}, {"required_documents": ["Acta de nacimiento"]}, {"required_documents": []},
     {"valid_until": "2027-01-01"}],
)  # fmt: skip
async def test_a_permit_depends_on_nothing(standing_world: World, condition: Row) -> None:
    child = (await standing_world.met())["child_id"]
    refused(await grant(standing_world, permit(child, **condition)), "R8")
    made = await granted(standing_world, permit(child, fee=None))
    assert (made["status"], made["reason"], made["allowed_actions"]) == (
        "valid",
        "MIGRANT_CHILD",
        ["end", "link_carer"],
    )


@STANDING
async def test_a_mexican_child_needs_no_permit(standing_world: World) -> None:
    body = encounter(kind="BETA_MET", child=girl(nationalities=["MEX", "GTM"]))
    refused(await grant(standing_world, permit((await standing_world.met(body))["child_id"])), "R8")


@STANDING
async def test_a_child_has_one_permit_at_a_time(standing_world: World) -> None:
    child = (await standing_world.met())["child_id"]
    first = await granted(standing_world, permit(child))
    assert_problem(await grant(standing_world, permit(child)), 409, "conflict")
    assert (await step(standing_world, first["id"], "end", **act())).status_code == 200
    assert (await granted(standing_world, permit(child)))["id"] != first["id"]


@STANDING
async def test_only_the_act_that_the_measures_call_for_ends_a_permit(standing_world: World) -> None:
    made = await granted(standing_world, permit((await standing_world.met())["child_id"]))
    refused(await step(standing_world, made["id"], "end"), "R8")
    for missing in ("type", "reference", "date", "measure_reference"):
        part = {name: value for name, value in act()["act"].items() if name != missing}
        assert_problem(await step(standing_world, made["id"], "end", act=part), 422, "invalid_request")
    for wrong in (clock.now().date() + timedelta(days=1), clock.now().date() - timedelta(days=9)):
        answer = await step(standing_world, made["id"], "end", **act(date=wrong.isoformat()))
        assert assert_problem(answer, 422, "invalid_request")["errors"][0]["pointer"] == "/act/date"
    assert_problem(await step(standing_world, made["id"], "end", '"v2"', **act()), 412, "stale_version")
    done = (await step(standing_world, made["id"], "end", **act(type="ASSISTED_RETURN"))).json()
    assert (done["status"], done["act"], done["act_reference"]) == ("ended", "ASSISTED_RETURN", "INM/99")
    assert (done["measure_reference"], done["allowed_actions"], done["version"]) == ("PP/7", [], 2)
    assert_problem(await step(standing_world, made["id"], "end", '"v2"', **act()), 409, "illegal_move")


@STANDING
async def test_a_permit_covers_the_carer_until_the_procuraduria_finds_otherwise(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=AUNT))
    made = await granted(standing_world, permit(met["child_id"], encounter_id=met["id"]))
    assert (made["carer"], made["allowed_actions"]) == ("covered", ["end"])
    out = (await step(standing_world, made["id"], "exclude-carer")).json()
    assert (out["carer"], out["finding_reference"], out["allowed_actions"]) == ("excluded", "PP/9", ["restore_carer"])
    assert_problem(await step(standing_world, made["id"], "exclude-carer", '"v2"'), 409, "illegal_move")
    back = (await step(standing_world, made["id"], "restore-carer", '"v2"')).json()
    assert (back["carer"], back["status"]) == ("covered", "valid")


@STANDING
async def test_a_carer_who_was_excluded_once_is_under_no_later_permit(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=AUNT))
    first = await granted(standing_world, permit(met["child_id"], encounter_id=met["id"]))
    await step(standing_world, first["id"], "exclude-carer")
    await step(standing_world, first["id"], "end", '"v2"', **act())
    refused(await grant(standing_world, permit(met["child_id"], encounter_id=met["id"])), "R9-PERMIT")
    second = await granted(standing_world, permit(met["child_id"]))  # the child's own is never withheld
    link = await step(standing_world, second["id"], "link-carer", encounter_id=met["id"])
    refused(link, "R9-PERMIT")


@STANDING
async def test_a_carer_is_linked_afterwards_and_a_stranger_never(standing_world: World) -> None:
    alone = await standing_world.met(encounter(adult={"tie": "OTHER_ADULT"}))
    made = await granted(standing_world, permit(alone["child_id"]))
    refused(await step(standing_world, made["id"], "link-carer", encounter_id=alone["id"]), "R9-PERMIT")
    other = await standing_world.met(encounter(adult=AUNT))  # another child's aunt
    for nobody in (other["id"], ids.new("enc")):
        answer = await step(standing_world, made["id"], "link-carer", encounter_id=nobody)
        assert_problem(answer, 404, "not_found")
    with_aunt = await standing_world.met(again(alone["child_id"], adult=AUNT))
    done = await step(standing_world, made["id"], "link-carer", encounter_id=with_aunt["id"])
    assert (done.json()["carer"], done.headers["etag"]) == ("covered", '"v2"')


# -- the clock ---------------------------------------------------------------------------------------


@STANDING
async def test_a_permit_stops_the_clocks_that_waited_for_it(standing_world: World) -> None:
    first = await standing_world.met(encounter(occurred_at=ago(hours=2)))
    second = await standing_world.met(again(first["child_id"]))
    for met in (first, second):
        found = await waiting(standing_world, met["id"])
        assert found is not None
        assert (found["state"], found["agency"]) == ("running", "inm-chp")
    made = await granted(standing_world, permit(first["child_id"]))
    for met in (first, second):
        found = await waiting(standing_world, met["id"])
        assert found is not None
        assert (found["state"], found["met_at"]) == ("met", made["granted_at"])
    third = await standing_world.met(again(first["child_id"]))
    assert await waiting(standing_world, third["id"]) is None  # it has one
    await step(standing_world, made["id"], "end", **act())
    fourth = await standing_world.met(again(first["child_id"]))
    assert await waiting(standing_world, fourth["id"]) is not None  # and is owed one again


async def test_without_a_permit_the_clock_warns_then_breaches(world: World) -> None:
    start = clock.now()
    met = await world.met(encounter(occurred_at=start.isoformat()))
    with clock.at(start + timedelta(hours=73)):
        await world.fire()
    found = await waiting(world, met["id"])
    assert found is not None
    assert found["state"] == "breached"
    told = [row for row in await world.rows("event", order="case_seq") if row["type"] == "clock.breached"]
    assert "VRH" in repr([row["data"] for row in told])


async def test_of_a_child_who_turns_out_to_be_mexican_the_clock_says_nothing(world: World) -> None:
    start = clock.now()
    met = await world.met(encounter(occurred_at=start.isoformat()))
    assert (await world.patch(met["child_id"], {"nationalities": ["HND", "MEX"]})).status_code == 200
    with clock.at(start + timedelta(hours=73)):
        await world.fire()
    found = await waiting(world, met["id"])
    assert found is not None
    assert (found["state"], found["breached_at"]) == ("cancelled", None)
    told = [(row["type"], row["data"]) for row in await world.rows("event") if "VRH" in repr(row["data"])]
    assert [kind for kind, _ in told] == ["encounter.recorded", "clock.moved"]  # it started, and it fell away
    assert "cancelled" in repr(told[1][1])


# -- who reads what ----------------------------------------------------------------------------------


async def test_a_card_is_sealed_and_its_reading_recorded(world: World, log: pytest.LogCaptureFixture) -> None:
    child = (await world.met())["child_id"]
    card = {"number": "VRH-canary", "curp": "CANARY120305MCSXXXA4"}
    made = await granted(world, permit(child, card=card))
    assert "canary" not in repr(await world.everything()).lower()
    assert b"canary" not in world.files().lower()
    assert "canary" not in log.text.lower()
    (item,) = (await world.get(f"{PERMITS}?status=valid&child_id={child}", kind="PP")).json()["items"]
    assert "card" not in item
    assert (await world.get(f"{PERMITS}?status=ended")).json()["items"] == []
    assert (await world.get(PERMITS, state="MX-OAX")).json()["items"] == []
    assert (await world.get(f"{PERMITS}/{made['id']}", kind="PP")).json()["card"] == card
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"]) for row in read] == [("permit", made["id"])]
    assert_problem(await world.get(f"{PERMITS}/{made['id']}", state="MX-OAX"), 404, "not_found")


@STANDING
async def test_inm_grants_and_the_procuraduria_finds(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=AUNT))
    body = permit(met["child_id"], encounter_id=met["id"])
    assert_problem(await grant(standing_world, body, kind="PP"), 403, "forbidden")
    assert_problem(await grant(standing_world, body, state="MX-OAX"), 404, "not_found")
    made = await granted(standing_world, body)
    assert_problem(await step(standing_world, made["id"], "end", kind="PP", **act()), 403, "forbidden")
    async with standing_world.calling() as inm:
        path, found = f"{PERMITS}/{made['id']}/exclude-carer", {"reference": "PP/9", "decided_at": ago(minutes=1)}
        answer = await inm.post(path, json=found | {"officer": "opi-1"}, headers=key() | {"If-Match": '"v1"'})
    assert_problem(answer, 403, "forbidden")
    assert "permit_id" not in (await standing_world.get(f"{CHILDREN}/{met['child_id']}")).json()
