"""The exchange with partner systems: nothing lost, nothing twice, no wrong child, and no word guessed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.referral.agencies import service as directory
from services.referral.interop.models import Kept, Quarantined, Receipt
from services.referral.interop.quarantine import Lapse
from services.referral.referrals.models import Referral
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import TransferState
from shared import clock, ids
from tests.unit.referral.world import World, together

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
BASE = "/interop"


def at(minutes: float = 0) -> str:
    """Return a moment, so many minutes after noon."""
    return (NOW + timedelta(minutes=minutes)).isoformat()


def primero(status: str, referral_id: str | None = None, minutes: float = 0, **more: Any) -> dict[str, Any]:
    """Return a referral as Primero tells of it."""
    given = {
        "id": "8165ff68-e406-4258-bb77-004b1f148290", "type": "Referral", "status": status, "created_at": at(-60),
        "last_updated_at": at(minutes), "service_record_id": referral_id,
    }  # fmt: skip
    return {"data": {name: value for name, value in (given | more).items() if value is not None}}


def asked(case_id: str, recipient: str = "unicef", **more: Any) -> dict[str, Any]:
    """Return what Primero asks anew."""
    given: dict[str, Any] = {
        "record_id": case_id, "service": "legal_support", "service_response_timeframe": "1_day",
        "transitioned_to_agency": recipient, "consent_overridden": True,
        "notes": "[ruta lawful_basis=BEST_INTERESTS] Habla mam",
    }  # fmt: skip
    return primero("in_progress", **given | more)


def decision(case_id: str, referral_id: str, word: str, minutes: float = 0, **more: Any) -> dict[str, Any]:
    """Return a decision as proGres sends it."""
    return {
        "progres_interoperabilityreferralnumber": f"IOR-{referral_id[-8:]}", "progres_reviewdecision": word,
        "progres_orgreferralid": f"{case_id}#{referral_id}", "progres_reviewdate": at(minutes),
    } | more  # fmt: skip


def task(status: str, minutes: float = 0, **more: Any) -> dict[str, Any]:
    """Return a Task of FHIR R5."""
    return {
        "resourceType": "Task", "id": "task-1", "meta": {"versionId": f"{minutes}"}, "status": status,
        "intent": "order", "lastModified": at(minutes),
    } | more  # fmt: skip


def named(of: str, value: str) -> dict[str, Any]:
    return {"system": f"urn:ruta:id:{of}", "value": value}


async def a_case(world: World) -> Any:
    return await world.file(await world.encounter())


async def state(world: World, referral_id: str) -> str:
    (row,) = await world.rows(Referral, Referral.id == referral_id)
    return str(row.state)


async def take(
    world: World, agency: str, body: Any, status: int | None = None, door: str = "primero/referrals"
) -> httpx.Response:
    return await world.post(agency, f"{BASE}/{door}", body, status)


# -- what a partner says of a referral ---------------------------------------------------------------------


async def test_a_decision_moves_a_referral_once_however_often_it_is_sent(world: World) -> None:
    case = await a_case(world)
    its = await world.service(case["id"], "unicef")
    accepted = primero("accepted", its["id"])
    first = (await take(world, "unicef", accepted, 200)).json()
    assert (first["result"], first["state"], first["referral_id"]) == ("moved", "accepted", its["id"])
    assert "start" in first["allowed_actions"]
    again = (await take(world, "unicef", accepted, 200)).json()
    assert again == first | {"result": "known"}
    await world.post("unicef", f"/referrals/{its['id']}/start", status=200)
    touched = (await take(world, "unicef", primero("accepted", its["id"], 5), 200)).json()
    assert (touched["result"], touched["state"]) == ("unchanged", "working"), "their word cannot tell the two apart"
    done = (await take(world, "unicef", primero("done", its["id"], 10), 200)).json()
    assert (done["result"], done["state"]) == ("moved", "completed")
    late = (await take(world, "unicef", primero("rejected", its["id"], 7, rejected_reason="x"), None)).json()
    assert late["code"] == "invalid_request", "a reason that nobody mapped waits, whenever it was said"
    stale = (await take(world, "unicef", primero("accepted", its["id"], 8), 200)).json()
    assert (stale["result"], stale["state"]) == ("stale", "completed")
    other = primero("accepted", its["id"], notes="otra cosa")
    assert (await take(world, "unicef", other, 409)).json()["code"] == "conflict"
    results = [row.result for row in await world.rows(Receipt)]
    assert sorted(results) == ["moved", "moved", "stale", "unchanged"]


async def test_what_a_partner_asks_is_opened_once_and_is_its_own(world: World) -> None:
    case = await a_case(world)
    opened = (await take(world, "pp-chp", asked(case["id"]), 200)).json()
    assert (opened["result"], opened["state"], opened["case_id"]) == ("opened", "sent", case["id"])
    again = await together(*(take(world, "pp-chp", asked(case["id"])) for _ in range(3)))
    assert {answer.json()["result"] for answer in again} == {"known"}
    seen = await world.get("unicef", f"/referrals/{opened['referral_id']}")
    assert (seen["service"], seen["urgency"], seen["reason"], seen["lawful_basis"], seen["note"]) == (
        "LEGAL_AID", "1d", "NEED_ASSESSED", "BEST_INTERESTS", "Habla mam",
    )  # fmt: skip
    repeated = (await take(world, "pp-chp", asked(case["id"], last_updated_at=at(30)), 200)).json()
    assert (repeated["result"], repeated["referral_id"]) == ("unchanged", opened["referral_id"])
    revoked = primero("revoked", minutes=40, notes="[ruta withdraw_reason=CONSENT_WITHDRAWN]")
    gone = (await take(world, "pp-chp", revoked, 200)).json()
    assert (gone["result"], gone["state"]) == ("moved", "withdrawn")
    (row,) = await world.rows(Referral, Referral.kind == "SERVICE")
    assert (row.end_reason, row.external_id) == ("CONSENT_WITHDRAWN", "8165ff68-e406-4258-bb77-004b1f148290")


async def test_rivals_with_one_message_open_one_referral(world: World) -> None:
    case = await a_case(world)
    answers = await together(*(take(world, "pp-chp", asked(case["id"])) for _ in range(6)))
    assert sorted(answer.json()["result"] for answer in answers) == ["known"] * 5 + ["opened"]
    assert len(await world.rows(Referral, Referral.kind == "SERVICE")) == 1


# -- what is not understood --------------------------------------------------------------------------------


async def test_an_unknown_code_waits_whole_until_the_mapping_knows_it(world: World) -> None:
    case = await a_case(world)
    odd = asked(case["id"], service="nutrition")
    refused = await take(world, "pp-chp", odd, 422)
    problem = refused.json()
    assert (problem["rule"], problem["errors"]) == (
        "NEVER-OTHER", [{"pointer": "/data/service", "reason": "unknown_code"}]
    )  # fmt: skip
    assert "nutrition" not in refused.text
    assert (await take(world, "pp-chp", odd, 422)).headers["Location"] == refused.headers["Location"]
    assert await world.rows(Referral, Referral.kind == "SERVICE") == []
    (kept,) = await world.rows(Quarantined)
    assert b"nutrition" not in kept.sealed_body
    assert b"mam" not in kept.sealed_body
    path = f"{BASE}/quarantine/{kept.id}"
    shown = await world.get("pp-chp", path)
    assert shown["unknown"] == [{"pointer": "/data/service", "list": "service", "code": "nutrition"}]
    assert (await world.post("pp-chp", f"{path}/replay", status=422)).json()["rule"] == "NEVER-OTHER"
    counted = await world.get("ruta-operations", f"{BASE}/quarantine/codes", state=None, agency_kind="OPERATOR")
    assert counted["items"] == [
        {"system": "primero", "list": "service", "code": "nutrition", "agencies": ["pp-chp"], "messages": 1}
    ]
    row = {"system": "primero", "list": "service", "ours": "HEALTH", "theirs": "nutrition", "way": "in", "source": "x"}
    tried = await operate(world, "mappings/trials", {"rows": [row]}, 200)
    assert (tried["waiting"], tried["understood"]) == (1, 1)
    assert (await world.get("pp-chp", path))["unknown"], "a trial changes nothing"
    added = await operate(world, "mappings", row, 201)
    assert (added["ours"], added["lossy"], added["verified"]) == ("HEALTH", False, False)
    assert (await world.get("pp-chp", path))["unknown"] == []
    done = (await world.post("pp-chp", f"{path}/replay", status=200)).json()
    assert done["result"] == "opened"
    (kept,) = await world.rows(Quarantined)
    assert (kept.state, kept.sealed_body, kept.referral_id) == ("replayed", None, done["referral_id"])
    assert (await world.post("pp-chp", f"{path}/replay", status=409)).json()["code"] == "illegal_move"
    assert (await world.get("pp-chp", f"/referrals/{done['referral_id']}"))["service"] == "HEALTH"


async def operate(world: World, path: str, body: Any, status: int) -> Any:
    made = await world.post(
        "ruta-operations", f"{BASE}/{path}", body, status, state=None, agency_kind="OPERATOR", role="operator"
    )
    return made.json()


async def test_a_trial_says_what_would_be_read_and_said_otherwise(world: World) -> None:
    case = await a_case(world)
    await take(world, "pp-chp", asked(case["id"]), 200)
    row = {"system": "primero", "list": "service", "ours": "REPRESENTATION", "theirs": "legal_support", "way": "both",
           "source": "x"}  # fmt: skip
    tried = await operate(world, "mappings/trials", {"rows": [row]}, 200)
    assert tried["examined"] == 1
    assert tried["inward"] == [{
        "system": "primero", "list": "service", "theirs": "legal_support", "before": "LEGAL_AID",
        "after": "REPRESENTATION", "messages": 1,
    }]  # fmt: skip
    assert {(each["ours"], each["lossy"]) for each in tried["outward"]} == {
        ("LEGAL_AID", True), ("REPRESENTATION", False)
    }  # fmt: skip
    bad = await operate(world, "mappings", row | {"ours": "SLEEP"}, 422)
    assert bad["errors"] == [{"pointer": "/ours", "reason": "unknown"}]
    bad = await operate(world, "mappings/trials", {"rows": [row, row | {"theirs": None}]}, 422)
    assert bad["errors"] == [{"pointer": "/rows/1/theirs", "reason": "missing"}]


async def test_what_waits_may_be_let_go_and_lapses(world: World) -> None:
    case = await a_case(world)
    with clock.at(NOW + timedelta(hours=1)):
        kept = (await take(world, "pp-chp", asked(case["id"], service="wash"), 422)).headers["Location"]
        path = kept.removeprefix("/v1/referral")
        gone = (await world.post("pp-chp", f"{path}/discard", status=200)).json()
        assert (gone["state"], gone["allowed_actions"]) == ("discarded", [])
        await take(world, "pp-chp", asked(case["id"], service="wash"), 422)
        assert (await world.get("pp-chp", path))["state"] == "waiting"
        worker = Lapse(world.runtime.database)
        assert await worker.turn() == 0
        clock.advance(timedelta(days=91))
        assert [await worker.turn() for _ in range(2)] == [1, 0]
        await take(world, "pp-chp", asked(case["id"], id="another", service="wash"), 422)
        assert {row.state: row.sealed_body is None for row in await world.rows(Quarantined)} == {
            "lapsed": True, "waiting": False,
        }  # fmt: skip


# -- both flows of the exchange with proGres ------------------------------------------------------------------


async def test_one_bad_intervention_leaves_the_others_alone(world: World) -> None:
    one, two = await a_case(world), await a_case(world)
    first, second, third = [await world.service(each["id"], "unhcr") for each in (one, two, two)]
    batch = [
        decision(one["id"], first["id"], "125080000"),
        decision(two["id"], second["id"], "125080009"),
        decision(one["id"], third["id"], "125080000"),  # the case of another child
        decision(two["id"], third["id"], "125080001", progres_interoperabiltyreferralrejectionreason="125080001"),
        decision(two["id"], ids.new("ref"), "125080000"),
    ]
    told = (await take(world, "unhcr", {"interventions": batch}, 207, "progres/interventions")).json()["items"]
    assert [(each["index"], each["status"], each["rule"]) for each in told] == [
        (0, 200, None), (1, 422, "NEVER-OTHER"), (2, 409, "NEVER-WRONG-CHILD"), (3, 200, None), (4, 404, None),
    ]  # fmt: skip
    assert told[1]["pointers"] == ["/interventions/1/progres_reviewdecision"]
    assert told[1]["quarantine"].startswith("qua_")
    assert [await state(world, each["id"]) for each in (first, second, third)] == ["accepted", "sent", "declined"]
    declined = await world.get("unhcr", f"/referrals/{third['id']}")
    assert declined["answer_reason"] == "NOT_IDENTIFIED"
    again = (await take(world, "unhcr", {"interventions": batch}, 207, "progres/interventions")).json()["items"]
    assert [each["taken"] and each["taken"]["result"] for each in again] == ["known", None, None, "known", None]


async def test_a_batch_is_refused_beyond_a_hundred_and_never_cut_off(world: World) -> None:
    its = decision(ids.new("cas"), ids.new("ref"), "125080000")
    refused = await take(world, "unhcr", {"interventions": [its] * 101}, 422, "progres/interventions")
    assert refused.json()["errors"][0]["pointer"] == "/interventions"


async def test_unhcr_asks_and_hears_what_became_of_it(world: World) -> None:
    """The flow from proGres: an intervention for a case that UNHCR may read, and its answer, once."""
    case = await a_case(world)
    await world.post("unhcr", f"/referrals/{(await world.service(case['id'], 'unhcr'))['id']}/accept", status=200)
    ask = {
        "progres_interventionnumber": "INT-00417", "progres_orgreferralid": case["id"], "progres_priority": "High",
        "progres_interventiontype": "Psychosocial Service", "progres_interventionserviceprovider": "dif-chp",
        "progres_interventionstartdate": at(), "progres_interventiondescription": "[ruta lawful_basis=BEST_INTERESTS]",
    }  # fmt: skip
    door = "progres/interventions"
    (told,) = (await take(world, "unhcr", {"interventions": [ask]}, 200, door)).json()["items"]
    referral_id = told["taken"]["referral_id"]
    await world.post("dif-chp", f"/referrals/{referral_id}/accept", status=200)
    found = (await world.get("unhcr", f"{BASE}/progres/changes"))["interventions"]
    (its,) = [each for each in found if each["progres_orgreferralid"].endswith(referral_id)]
    assert (its["status"], its["progres_interventionnumber"], its["progres_priority"]) == (
        "acknowledged", "INT-00417", "High",
    )  # fmt: skip
    late = ask | {"progres_interventionstartdate": at(5)}
    (again,) = (await take(world, "unhcr", {"interventions": [late]}, 200, door)).json()["items"]
    assert (again["taken"]["result"], again["taken"]["referral_id"]) == ("unchanged", referral_id)
    unnamed = {name: value for name, value in ask.items() if name != "progres_interventiondescription"}
    missing = await take(
        world, "unhcr", {"interventions": [unnamed | {"progres_interventionnumber": "INT-2"}]}, 422, door
    )
    assert missing.json()["errors"] == [
        {"pointer": "/interventions/0/progres_interventiondescription", "reason": "missing"}
    ]
    identity = ask | {"individuals.progres_givenname": "Ficticia"}
    refused = await take(world, "unhcr", {"interventions": [identity]}, 422, door)
    assert refused.json()["errors"][0]["reason"] == "unknown_field"
    assert "Ficticia" not in refused.text


async def test_a_withdrawal_reaches_who_was_asked_though_the_exchange_has_no_word_for_it(world: World) -> None:
    case = await a_case(world)
    its = await world.service(case["id"], "unhcr")
    await world.post("pp-chp", f"/referrals/{its['id']}/withdraw", {"reason": "CONSENT_WITHDRAWN"}, 200)
    (told,) = (await world.get("unhcr", f"{BASE}/progres/changes"))["interventions"]
    assert (told["status"], told["closure_reason"]) == (
        None, "[ruta state=withdrawn withdraw_reason=CONSENT_WITHDRAWN]",
    )  # fmt: skip


# -- what goes out -------------------------------------------------------------------------------------------


async def test_changes_come_until_they_are_confirmed_and_never_twice_after(world: World) -> None:
    case = await a_case(world)
    first, second = [await world.service(case["id"], "unicef") for _ in range(2)]
    path = f"{BASE}/primero/changes?limit=1"
    page = await world.get("unicef", path)
    assert [each["service_record_id"] for each in page["data"]] == [first["id"]]
    assert await world.get("unicef", path) == page, "what was not confirmed comes again"
    after = await world.get("unicef", f"{path}&cursor={page['next']}")
    assert [each["service_record_id"] for each in after["data"]] == [second["id"]]
    assert await world.get("unicef", f"{path}&cursor={after['next']}") == {"data": [], "next": None}
    assert await world.get("unicef", path) == {"data": [], "next": None}
    # One that a slow transaction commits late is older than what was confirmed, and is found all the same.
    async with world.runtime.database.work() as session:
        row = await session.get_one(Referral, first["id"])
        row.version, row.updated_at = row.version + 1, row.updated_at - timedelta(hours=1)
    (late,) = (await world.get("unicef", path))["data"]
    assert (late["service_record_id"], late["version"]) == (first["id"], 2)
    await world.get("unicef", f"{path}&cursor={page['next']}")
    assert (await world.get("unicef", path))["data"], "an old confirmation does not confirm what came since"
    kept = {(row.agency, row.referral_id): row.version for row in await world.rows(Kept)}
    assert kept == {("unicef", first["id"]): 1, ("unicef", second["id"]): 1}
    for wrong in (page["next"][:-8] + "AAAAAAA=", "x", "AAAA"):
        assert (await world.get("unicef", f"{path}&cursor={wrong}", 400))["code"] == "bad_cursor"
    assert (await world.get("pp-chp", f"{path}&cursor={page['next']}", 400))["code"] == "bad_cursor"
    read = [row.read_at is not None for row in await world.rows(Referral, Referral.kind == "SERVICE")]
    assert read == [True, True], "who has it has read it"


@pytest.mark.parametrize("door", ["fhir-r4", "fhir-r5"])
async def test_a_task_goes_out_comes_back_and_moves_ours(one_world: World, door: str) -> None:
    world = one_world
    case = await a_case(world)
    its = await world.service(case["id"], "unicef", note="Unos días")
    async with world.agency("unicef") as caller:
        answer = await caller.get(f"/v1/referral{BASE}/{door}/tasks/{its['id']}")
    out = answer.json()
    assert answer.headers["content-type"] == "application/fhir+json"
    assert (out["status"], out["priority"], out["note"]) == ("requested", "urgent", [{"text": "Unos días"}])
    refused = await take(world, "unicef", out | {"status": "rejected", "lastModified": at(1)}, 422, f"{door}/tasks")
    assert refused.json()["errors"] == [{"pointer": "/statusReason", "reason": "missing"}]
    moved = out | {"status": "in-progress", "lastModified": at(1), "meta": {"versionId": "9"}}
    done = (await take(world, "unicef", moved, 200, f"{door}/tasks")).json()
    assert (done["result"], done["state"]) == ("moved", "working"), "who works on it has accepted it"
    assert (await world.get("unicef", f"/referrals/{its['id']}"))["answer_note"] is None
    found = (await world.get("unicef", f"{BASE}/{door}/changes"))["entry"]
    (back,) = [each["resource"] for each in found if each["resource"]["id"] == out["id"]]
    assert (back["status"], back["identifier"][1]["value"]) == ("in-progress", out["id"])
    for wrong in ({"for": {"identifier": named("child", ids.new("chd"))}},
                  {"groupIdentifier": named("case", ids.new("cas"))},
                  {"partOf": [{"identifier": named("referral", ids.new("ref"))}]}):  # fmt: skip
        body = moved | {"status": "completed", "lastModified": at(2), "meta": {"versionId": "10"}} | wrong
        assert (await take(world, "unicef", body, 409, f"{door}/tasks")).json()["rule"] == "NEVER-WRONG-CHILD"
    said = {"coding": [{"system": "urn:ruta:code:hold_reason", "code": "CHILD_UNWELL"}]}
    held = moved | {"status": "on-hold", "lastModified": at(3), "meta": {"versionId": "11"},
                    "statusReason": said if door == "fhir-r4" else {"concept": said}}  # fmt: skip
    assert (await take(world, "unicef", held, 200, f"{door}/tasks")).json()["state"] == "on_hold"
    assert (await world.get("unicef", f"/referrals/{its['id']}"))["hold_reason"] == "CHILD_UNWELL"
    await world.get("unicef", f"{BASE}/{door}/changes?cursor=" + await cursor(world, door))


async def cursor(world: World, door: str) -> str:
    bundle = await world.get("unicef", f"{BASE}/{door}/changes")
    return str(bundle["link"][0]["url"].partition("cursor=")[2])


async def test_a_refusal_that_needs_a_second_party_waits_for_it_and_is_not_refused_again(one_world: World) -> None:
    world = one_world
    case = await a_case(world)
    its = await world.service(case["id"], "unicef", risk="HIGH")
    no = {"status": "rejected", "referral_id": its["id"], "id": "high-1",
          "rejected_reason": "[ruta decline_reason=NO_CAPACITY] Lleno"}  # fmt: skip
    first = (await take(world, "unicef", primero(**no), 200)).json()
    assert (first["result"], first["state"], first["waits_for"]) == ("moved", "sent", "pp-chp")
    again = (await take(world, "unicef", primero(**no, minutes=5), 200)).json()
    assert (again["result"], again["waits_for"]) == ("unchanged", "pp-chp")
    shown = await world.get("unicef", f"{BASE}/primero/referrals/{its['id']}")
    assert (shown["data"]["status"], shown["data"]["id"]) == ("in_progress", "high-1")


async def test_a_message_does_what_the_plain_api_would_and_no_more(one_world: World) -> None:
    world = one_world
    case = await a_case(world)
    its = await world.service(case["id"], "unicef")
    say = {"referral_id": its["id"], "id": "rights"}
    unread = await take(world, "iom", primero("accepted", **say), 404)
    nobody = await take(world, "iom", primero("accepted", **say | {"referral_id": ids.new("ref")}), 404)
    assert unread.json()["detail"] == nobody.json()["detail"]
    assert (await take(world, "pp-chp", primero("accepted", **say), 409)).json()["code"] == "illegal_move"
    assert (await take(world, "unicef", primero("revoked", **say), 409)).json()["code"] == "illegal_move"
    notice = await world.opened(case["child_id"], "PP_NOTICE")
    no = primero("rejected", notice["id"], rejected_reason="[ruta decline_reason=SAFETY]", id="notice")
    assert (await take(world, "pp-chp", no, 409)).json()["rule"] == "LM112"
    for odd, code in (
        ({"record_id": None}, 422), ({"record_id": ids.new("cas")}, 404), ({"status": "accepted"}, 422),
        ({"transitioned_by_agency": "unhcr"}, 422), ({"notes": "[ruta kind=PP_NOTICE lawful_basis=CONSENT]"}, 422),
        ({"consent_overridden": False}, 409), ({"transitioned_to_agency": "nobody"}, 422),
    ):  # fmt: skip
        body = asked(case["id"], id="odd")
        body["data"] |= odd
        body["data"] = {name: value for name, value in body["data"].items() if value is not None}
        assert (await take(world, "pp-chp", body)).status_code == code, odd
    assert await state(world, its["id"]) == "sent"


async def test_an_id_that_was_used_stays_with_its_child(one_world: World) -> None:
    world = one_world
    one, two = await a_case(world), await a_case(world)
    its = await world.service(one["id"], "unicef")
    other = await world.service(two["id"], "unicef")
    say: dict[str, Any] = {"id": "once", "status": "accepted"}
    await take(world, "unicef", primero(**say, referral_id=its["id"]), 200)
    wrong = await take(world, "unicef", primero(**say, referral_id=other["id"], minutes=3), 409)
    assert wrong.json()["rule"] == "NEVER-WRONG-CHILD"
    assert await state(world, other["id"]) == "sent"
    by_id = (await take(world, "unicef", primero("done", minutes=4, id="once"), 200)).json()
    assert by_id["referral_id"] == its["id"]


async def test_another_agency_finds_nothing_of_what_waits(one_world: World) -> None:
    world = one_world
    case = await a_case(world)
    kept = (await take(world, "pp-chp", asked(case["id"], id="mine", service="wash"), 422)).headers["Location"]
    path = kept.removeprefix("/v1/referral")
    for agency in ("pp-fed", "inm-chp", "unicef"):
        await world.get(agency, path, 404)
        assert (await world.get(agency, f"{BASE}/quarantine"))["items"] == []
        await world.post(agency, f"{path}/replay", status=404)
        await world.post(agency, f"{path}/discard", status=404)
        await world.get(agency, f"{BASE}/quarantine/codes", 403)
    assert (await world.get("pp-chp", f"{BASE}/quarantine"))["items"][0]["id"] == kept[-36:]


async def test_the_mapping_is_read_by_everybody_in_two_languages(one_world: World) -> None:
    whole = await one_world.get("unicef", f"{BASE}/mappings")
    assert len(whole["items"]) > 200
    part = await one_world.get("unicef", f"{BASE}/mappings?system=primero&list=state")
    (held,) = [each for each in part["items"] if each["ours"] == "on_hold"]
    assert (held["theirs"], held["lossy"], held["ours_es"], held["way"]) == ("accepted", True, "En pausa", "out")
    assert held["note_es"].startswith("Primero")
    row = {"system": "primero", "list": "service", "ours": "HEALTH", "theirs": "x", "way": "in", "source": "x"}
    await one_world.post("unicef", f"{BASE}/mappings", row, 403)


# -- the guard -------------------------------------------------------------------------------------------------


async def test_what_is_not_ones_to_know_is_in_no_form_and_no_feed(one_world: World) -> None:
    """A notice to COMAR that DIF caused: INM reads it in no form, nor does a body of the state that the boy fled."""
    world = one_world
    case = await a_case(world)
    body = {"case_id": case["id"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
    hidden = (await world.post("dif-chp", "/indications", body, 201)).json()["comar_referral_id"]
    abroad: dict[str, Any] = {"agency_kind": "CHILD_PROTECTION_ABROAD", "state": None}
    for agency, claims in (("inm-chp", {}), ("child-protection-hnd", abroad)):
        for form in ("primero/referrals", "progres/referrals", "fhir-r4/tasks", "fhir-r5/tasks"):
            await world.get(agency, f"{BASE}/{form}/{hidden}", 404, **claims)
        feed = await world.get(agency, f"{BASE}/primero/changes?limit=50", **claims)
        assert hidden not in {each["service_record_id"] for each in feed["data"]}
    assert (await world.get("child-protection-hnd", f"{BASE}/primero/changes", **abroad))["data"] == []
    seen = await world.get("comar", f"{BASE}/primero/changes?limit=50")
    assert hidden in {each["service_record_id"] for each in seen["data"]}
    to_them = asked(case["id"], "child-protection-hnd", id="abroad")
    assert (await take(world, "pp-chp", to_them)).status_code in (409, 422)
    assert [directory.bound_to(each) for each in ("unhcr", "unicef")] == [None, None]


async def test_a_transfer_is_accepted_there_once_the_child_has_arrived(one_world: World) -> None:
    world = one_world
    case = await world.channelled()
    body = {
        "case_id": case["id"], "kind": "CUSTODY", "recipient": "dif-tam", "reason": "FAMILY_UNITY",
        "lawful_basis": "BEST_INTERESTS", "fields": ["status"], "officer": "dif-0031", "note": "Con su tía",
    }  # fmt: skip
    its = (await world.post("dif-chp", "/transfers", body, 201)).json()["id"]
    path = f"{BASE}/primero/transfers/{its}"
    shown = (await world.get("dif-tam", path))["data"]
    assert (shown["type"], shown["status"], shown["notes"]) == ("Transfer", "in_progress", "Con su tía")
    await world.post("dif-tam", f"/transfers/{its}/accept", {"officer": "dif-0099"}, 200)
    shown = (await world.get("dif-tam", path))["data"]
    assert (shown["status"], shown["notes"]) == ("in_progress", "[ruta transfer_state=accepted] Con su tía")
    async with world.runtime.database.work() as session:
        row = await session.get_one(Transfer, its)
        row.state = TransferState.ARRIVED
    arrived = (await world.get("dif-chp", path))["data"]
    assert (arrived["status"], arrived["consent_overridden"], arrived["responded_at"]) == ("accepted", None, None)
    assert arrived["notes"] == "[ruta transfer_state=arrived]", "who sent the child sees no more than that it arrived"
