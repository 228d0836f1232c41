"""R10 after the encounter: the Procuraduría attends, the oficio is drawn up, and only then the carer is presented."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.intake.attendances.rules import check_attended, faults_of
from services.intake.encounters.rules import TRAVEL_CONDITIONS, Tie, TravelCondition
from shared import clock, ids
from shared.errors import IllegalMove
from shared.testing import key
from tests.unit.intake.world import ENCOUNTERS, Row, World, ago, assert_problem, encounter

MOTHER: Row = {"tie": "PARENTAL_AUTHORITY", "relation": "MOTHER"}
MET = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
STANDING = pytest.mark.asyncio(loop_scope="module")


def attendance(**changes: Any) -> Row:
    today = clock.now().date().isoformat()
    return {"attended_at": ago(minutes=40), "officer": "pp-0001", "oficio": "OF-1/2026", "oficio_date": today} | changes


async def send(world: World, encounter_id: str, what: str, body: Row, kind: str = "INM", **who: Any) -> httpx.Response:
    async with world.calling(kind, **who) as caller:
        answer: httpx.Response = await caller.post(f"{ENCOUNTERS}/{encounter_id}/{what}", json=body, headers=key())
    return answer


async def attend(world: World, encounter_id: str, **changes: Any) -> httpx.Response:
    return await send(world, encounter_id, "attendances", attendance(**changes), kind="PP")


async def present(world: World, encounter_id: str, **changes: Any) -> httpx.Response:
    body = {"presented_at": ago(minutes=20), "officer": "opi-0417"} | changes
    return await send(world, encounter_id, "presentation", body)


@pytest.mark.parametrize(
    ("attended", "oficio", "faults"),
    [
        (MET, date(2026, 3, 2), []),
        (MET + timedelta(hours=3), date(2026, 3, 4), []),
        (MET - timedelta(seconds=1), date(2026, 3, 2), ["attended_at"]),
        (MET, date(2026, 3, 1), ["oficio_date"]),
        (MET - timedelta(days=1), date(2026, 3, 1), ["attended_at", "oficio_date"]),
    ],
)
def test_nobody_attends_before_the_meeting(attended: datetime, oficio: date, faults: list[str]) -> None:
    assert [name for name, _ in faults_of(MET, MET.date(), attended, oficio)] == faults


@pytest.mark.parametrize("tie", list(Tie))
def test_only_of_a_carer_anything_waits(tie: Tie) -> None:
    if TRAVEL_CONDITIONS[tie] is not TravelCondition.UNACCOMPANIED:
        return check_attended(tie)
    with pytest.raises(IllegalMove):
        check_attended(tie)


@STANDING
async def test_a_carer_waits_for_the_procuraduria_and_is_then_presented(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=MOTHER))
    assert met["carer_presentation"] == "BLOCKED"
    early = assert_problem(await present(standing_world, met["id"]), 409, "refused_by_law")
    assert (early["rule"], early["source"]) == ("R10", "Ley de Migración, art. 95 and 98")
    assert early["allowed_actions"] == ["pp_attended_at", "oficio"]
    made = await attend(standing_world, met["id"])
    assert (made.status_code, made.json()["agency"], made.json()["officer"]) == (201, "pp-chp", "pp-0001"), made.text
    shown = (await standing_world.get(f"{ENCOUNTERS}/{met['id']}")).json()
    assert (shown["carer_presentation"], shown["oficio"], shown["carer_presented_at"]) == ("ALLOWED", "OF-1/2026", None)
    before = await present(standing_world, met["id"], presented_at=ago(minutes=50))  # and the Procuraduría came later
    assert assert_problem(before, 409, "refused_by_law")["rule"] == "R10"
    done = await present(standing_world, met["id"])
    assert (done.status_code, done.json()["carer_presented_at"] is not None) == (201, True), done.text
    assert_problem(await present(standing_world, met["id"]), 409, "conflict")
    told = [row["action"] for row in await standing_world.rows("audit_entry") if row["resource_id"] == met["id"]]
    assert told == ["record", "attend", "present_carer"]


@STANDING
async def test_what_was_recorded_before_stays(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=MOTHER))
    first = (await attend(standing_world, met["id"])).json()
    second = (await attend(standing_world, met["id"], oficio="OF-2/2026", attended_at=ago(minutes=30))).json()
    listed = (await standing_world.get(f"{ENCOUNTERS}/{met['id']}/attendances")).json()["items"]
    assert listed == [first, second]
    shown = (await standing_world.get(f"{ENCOUNTERS}/{met['id']}")).json()
    assert (shown["oficio"], shown["pp_attended_at"]) == ("OF-2/2026", second["attended_at"])


@STANDING
async def test_only_the_procuraduria_of_the_state_says_that_it_attended(standing_world: World) -> None:
    met = await standing_world.met(encounter(adult=MOTHER))
    assert_problem(await send(standing_world, met["id"], "attendances", attendance()), 403, "forbidden")
    answer = await send(standing_world, met["id"], "attendances", attendance(), kind="PP", state="MX-OAX")
    assert_problem(answer, 404, "not_found")
    assert_problem(await attend(standing_world, ids.new("enc")), 404, "not_found")
    body = {"presented_at": ago(minutes=20), "officer": "pp-0001"}
    assert_problem(await send(standing_world, met["id"], "presentation", body, kind="PP"), 403, "forbidden")
    assert_problem(await standing_world.get(f"{ENCOUNTERS}/{met['id']}/attendances", state="MX-OAX"), 404, "not_found")
    late = await attend(standing_world, met["id"], attended_at=ago(hours=2))
    assert assert_problem(late, 422, "invalid_request")["errors"][0]["pointer"] == "/attended_at"


@STANDING
async def test_for_a_child_alone_nobody_attends_a_carer(standing_world: World) -> None:
    met = await standing_world.met()
    assert_problem(await attend(standing_world, met["id"]), 409, "illegal_move")
    assert_problem(await present(standing_world, met["id"]), 409, "illegal_move")


async def issued(world: World, met: Row, **changes: Any) -> None:
    """Deliver the event by which referral says that the Procuraduría drew up the oficio."""
    data = {
        "oficio_id": ids.new("ofi"), "encounter_id": met["id"], "child_id": met["child_id"], "agency": "pp-chp",
        "officer": "pp-0001", "attended_at": ago(minutes=40), "issued_at": ago(minutes=35),
    } | changes  # fmt: skip
    message = {
        "id": ids.new("evt"), "type": "oficio.issued", "version": 1, "time": clock.now().isoformat(),
        "audience": "whe_x", "sequence": 1, "data": data,
    }  # fmt: skip
    assert (await world.event(message)).status_code == 200


async def test_the_oficio_that_is_drawn_up_in_referral_opens_the_gate_and_another_childs_does_not(world: World) -> None:
    met = await world.met(encounter(adult=MOTHER))
    await issued(world, met, child_id=ids.new("chd"))
    assert_problem(await present(world, met["id"]), 409, "refused_by_law")
    await issued(world, met, encounter_id=ids.new("enc"))
    await issued(world, met)
    assert (await present(world, met["id"])).status_code == 201
    async with world.calling("PP") as caller:
        (row,) = (await caller.get(f"{ENCOUNTERS}/{met['id']}/attendances")).json()["items"]
    assert (row["agency"], row["officer"], row["oficio"][:4]) == ("pp-chp", "pp-0001", "ofi_")
    alone = await world.met(encounter())
    await issued(world, alone)
    assert len(await world.rows("carer_attendance")) == 1
