"""What Grupos Beta do; what Paisano settles on the spot and what becomes a formal complaint."""

from typing import Any

import httpx
import pytest

from services.intake.orientation.rules import (
    FIRST,
    TRANSITIONS,
    FieldActionCode,
    InquiryAction,
    InquiryKind,
    InquiryStatus,
    advance,
    allowed,
)
from shared import ids
from shared.errors import IllegalMove
from shared.testing import key
from tests.unit.intake.world import Row, World, ago, assert_problem, encounter

ACTIONS, INQUIRIES = "/v1/intake/orientation/actions", "/v1/intake/orientation/inquiries"
WHO = {"given_names": "Xóchicanary", "contact": "canary@example.org", "account": "Me pidieron canary"}
STANDING = pytest.mark.asyncio(loop_scope="module")


def action(**changes: object) -> Row:
    return {"action": "RESCUE", "occurred_at": ago(minutes=30), "place": {"state": "MX-CHP", "point": "Río Suchiate"},
            "persons": 3, "minors": 1, "officer": "beta-12"} | changes  # fmt: skip


def inquiry(kind: str = "FORMAL", **changes: object) -> Row:
    body: Row = {"kind": kind, "topic": "EXTORTION", "occurred_at": ago(minutes=30), "place": {"state": "MX-CHP"},
                 "officer": "paisano-3"}  # fmt: skip
    return body | ({"complainant": WHO} if kind == "FORMAL" else {}) | changes


async def post(world: World, path: str, body: Row, etag: str | None = None, **who: Any) -> httpx.Response:
    async with world.calling(**who) as caller:
        answer: httpx.Response = await caller.post(
            path, json=body, headers=key() | ({"If-Match": etag} if etag else {})
        )
    return answer


@pytest.mark.parametrize("status", list(InquiryStatus))
@pytest.mark.parametrize("move", list(InquiryAction))
def test_how_a_formal_complaint_moves(status: InquiryStatus, move: InquiryAction) -> None:
    lawful = status is InquiryStatus.RECEIVED or (
        status is InquiryStatus.FORWARDED and move is not InquiryAction.FORWARD
    )
    assert ((status, move) in TRANSITIONS) is lawful
    if lawful:
        assert advance(status, move) is TRANSITIONS[status, move]
        assert move.value in allowed(status)
        return
    with pytest.raises(IllegalMove) as told:
        advance(status, move)
    assert told.value.allowed_actions == allowed(status)


@pytest.mark.parametrize("kind", list(InquiryKind))
def test_only_a_formal_complaint_has_a_life(kind: InquiryKind) -> None:
    assert bool(allowed(FIRST[kind])) is (kind.value == "FORMAL")


@STANDING
@pytest.mark.parametrize("code", list(FieldActionCode))
async def test_every_field_action_has_its_code(standing_world: World, code: FieldActionCode) -> None:
    made = await standing_world.send(ACTIONS, action(action=code.value))
    assert (made["action"], made["state"], made["point"]) == (code.value, "MX-CHP", "Río Suchiate")
    assert made in (await standing_world.get(ACTIONS)).json()["items"]
    assert made not in (await standing_world.get(ACTIONS, state="MX-OAX")).json()["items"]


@STANDING
async def test_a_field_action_leads_to_an_encounter_of_grupo_beta(standing_world: World) -> None:
    met = await standing_world.met(encounter(kind="BETA_MET"))
    assert (await standing_world.send(ACTIONS, action(encounter_id=met["id"])))["encounter_id"] == met["id"]
    other = await standing_world.met()
    answer = await post(standing_world, ACTIONS, action(encounter_id=other["id"]))
    assert assert_problem(answer, 422, "invalid_request")["errors"][0]["pointer"] == "/encounter_id"
    oaxaca = action(encounter_id=met["id"], place={"state": "MX-OAX"})
    assert_problem(await post(standing_world, ACTIONS, oaxaca, state="MX-OAX"), 404, "not_found")
    assert_problem(await post(standing_world, ACTIONS, action(encounter_id=ids.new("enc"))), 404, "not_found")
    assert_problem(await post(standing_world, ACTIONS, action(minors=4)), 422, "invalid_request")


@STANDING
async def test_an_office_records_in_its_own_state(standing_world: World) -> None:
    for path, body in ((ACTIONS, action()), (INQUIRIES, inquiry())):
        assert_problem(await post(standing_world, path, body, state="MX-OAX"), 403, "forbidden")
        assert_problem(await post(standing_world, path, body, kind="PP"), 403, "forbidden")


@STANDING
@pytest.mark.parametrize("kind", ["ORIENTATION", "RESOLVED_ON_SPOT"])
async def test_what_is_settled_on_the_spot_names_nobody(standing_world: World, kind: str) -> None:
    answer = await post(standing_world, INQUIRIES, inquiry(kind, complainant=WHO))
    problem = assert_problem(answer, 409, "refused_by_law")
    assert (problem["rule"], "LGPDPPSO, art. 7" in problem["source"]) == ("PAISANO", True)
    assert problem["allowed_actions"] == ["FORMAL"]
    made = await standing_world.send(INQUIRIES, inquiry(kind))
    assert (made["status"], made["complainant"], made["allowed_actions"]) == ("closed", None, [])
    refused = await post(standing_world, f"{INQUIRIES}/{made['id']}/resolve", {"officer": "paisano-3"}, '"v1"')
    assert_problem(refused, 409, "illegal_move")


@STANDING
async def test_a_formal_complaint_names_who_complains_and_goes_to_its_end(standing_world: World) -> None:
    nobody = inquiry()
    del nobody["complainant"]
    assert assert_problem(await post(standing_world, INQUIRIES, nobody), 409, "refused_by_law")["rule"] == "PAISANO"
    made = await standing_world.send(INQUIRIES, inquiry())
    path = f"{INQUIRIES}/{made['id']}"
    assert (made["status"], made["allowed_actions"]) == ("received", ["forward", "resolve", "withdraw"])
    forward = {"officer": "paisano-3", "to": "sat"}
    assert_problem(await post(standing_world, f"{path}/forward", forward, '"v2"'), 412, "stale_version")
    sent = await post(standing_world, f"{path}/forward", forward, '"v1"')
    assert (sent.json()["status"], sent.json()["forwarded_to"], sent.headers["etag"]) == ("forwarded", "sat", '"v2"')
    done = (await post(standing_world, f"{path}/resolve", {"officer": "paisano-3"}, '"v2"')).json()
    assert (done["status"], done["forwarded_to"], done["allowed_actions"]) == ("resolved", "sat", [])
    again = await post(standing_world, f"{path}/withdraw", {"officer": "paisano-3"}, '"v3"')
    assert_problem(again, 409, "illegal_move")


async def test_who_complains_is_sealed_and_the_reading_recorded(world: World, log: pytest.LogCaptureFixture) -> None:
    made = await world.send(INQUIRIES, inquiry())
    assert "canary" not in repr(await world.everything())
    assert b"canary" not in world.files()
    assert "canary" not in log.text
    (item,) = (await world.get(f"{INQUIRIES}?status=received")).json()["items"]
    assert "complainant" not in item
    assert (await world.get(f"{INQUIRIES}?status=closed")).json()["items"] == []
    shown = (await world.get(f"{INQUIRIES}/{made['id']}")).json()
    assert shown["complainant"] == WHO | {"first_surname": None}
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"]) for row in read] == [("inquiry", made["id"])]
    assert_problem(await world.get(f"{INQUIRIES}/{made['id']}", state="MX-OAX"), 404, "not_found")
    (row,) = await world.rows("paisano_inquiry")
    await world.keyring.erase(row["key_id"])
    assert (await world.get(f"{INQUIRIES}/{made['id']}")).json()["complainant"] is None
