"""The route of a case over the API: its steps, who represents the child, absences, closing, turning 18, alerts."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.referral.absences.rules import DEADLINES, AbsenceEnd, FoundHow
from services.referral.cases.models import CaseEntry, CaseGate, CaseRisk
from services.referral.cases.rules import Action, Bar, Gate, Status
from services.referral.clocks.service import fired
from services.referral.majority import rules as eighteen
from services.referral.majority.models import Task
from services.referral.majority.service import turn
from services.referral.timeline import rules as lines
from services.referral.timeline import schemas as shown
from shared import clock, ids
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.events import DutyMet
from tests.unit.referral.cases_world import (
    APPOINTED,
    EVERY_GATE,
    OFFICER,
    SUPERVISOR,
    absence,
    alert,
    asked,
    in_restitution,
    lift,
    month,
    opened,
    put,
    take,
)
from tests.unit.referral.cases_world import caller as client_of
from tests.unit.referral.protection_world import tell
from tests.unit.referral.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("route")) as world:
        yield world


# -- steps -----------------------------------------------------------------------------------------------


async def test_no_child_enters_care_without_a_live_measure(standing: World) -> None:
    case = await standing.channelled()
    refused = (await standing.post("dif-chp", f"/cases/{case['id']}/admit", OFFICER, 409)).json()
    assert (refused["code"], refused["rule"]) == ("refused_by_law", "R11")
    assert "122" in refused["source"]
    assert "admit" not in refused["allowed_actions"]
    await put(standing, case["id"], gates=[Gate.MEASURE_LIVE])
    assert "admit" in (await standing.get("dif-chp", f"/cases/{case['id']}"))["allowed_actions"]
    body = OFFICER | {"reference": "DIF/2026/7"}
    done = (await standing.post("dif-chp", f"/cases/{case['id']}/admit", body, 200)).json()
    assert (done["status"], done["stage"]) == ("IN_CARE", 2)
    again = (await standing.post("dif-chp", f"/cases/{case['id']}/admit", OFFICER, 409)).json()
    assert again["code"] == "illegal_move"


async def test_a_step_may_name_the_version_that_it_was_decided_on(standing: World) -> None:
    case = await standing.channelled()
    await put(standing, case["id"], gates=[Gate.MEASURE_LIVE])
    stale = {"If-Match": f'"v{case["version"]}"'}
    await standing.post("dif-chp", f"/cases/{case['id']}/admit", OFFICER, 412, headers=stale)


async def test_the_whole_route_is_walked_from_care_to_the_end(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}"
    await put(standing, case["id"], gates=EVERY_GATE)
    await standing.post("dif-chp", f"{base}/admit", OFFICER, 200)
    for action in (Action.OPEN_BID, Action.ISSUE_PRD):
        await take(standing.runtime.database, case["id"], client_of("pp-chp", "PP"), action)
    await standing.post("pp-chp", f"{base}/begin-restitution", OFFICER, 200)
    await standing.post("inm-chp", f"{base}/regularise", OFFICER, 200)
    await standing.post("pp-chp", f"{base}/take-up", OFFICER, 200)
    await standing.post("pp-chp", f"{base}/reunify", OFFICER, 200)
    await standing.post("pp-chp", f"{base}/closings", OFFICER | {"reason": "FAMILY_REUNIFIED"}, 201)
    await standing.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 200, **SUPERVISOR)
    closed = await standing.get("pp-chp", base)
    assert (closed["status"], closed["resumes"], closed["lead"], closed["owed"]) == (
        "CLOSED", "FAMILY_REUNIFIED", None, [],
    )  # fmt: skip
    codes = [each["code"] for each in (await standing.get("pp-chp", f"{base}/timeline?limit=100"))["items"]]
    assert [code for code in codes if code.startswith("case.")] == [
        "case.opened", "case.notify", "case.issue_acta", "case.admit", "case.open_bid", "case.issue_prd",
        "case.begin_restitution", "case.regularise", "case.take_up", "case.reunify", "case.request_close", "case.close",
    ]  # fmt: skip


async def test_recognition_shows_to_the_procuraduria_and_comar_alone(standing: World) -> None:
    case = await in_restitution(standing)
    base = f"/cases/{case['id']}"
    await standing.service(case["id"], "unicef")
    await take(standing.runtime.database, case["id"], client_of("pp-chp", "PP"), Action.RECOGNISE)
    assert (await standing.get("pp-chp", base))["status"] == "REFUGE"
    for agency in ("inm-chp", "dif-chp", "unicef"):
        assert (await standing.get(agency, base))["status"] == "RESTITUTION"
        lists = [await standing.get(agency, f"/cases?limit=100&status={each}") for each in ("RESTITUTION", "REFUGE")]
        assert [case["id"] in [each["id"] for each in page["items"]] for page in lists] == [True, False]
        assert "recognise" not in str(await standing.get(agency, f"{base}/timeline?limit=100"))
    assert case["id"] in [each["id"] for each in (await standing.get("pp-chp", "/cases?status=REFUGE"))["items"]]
    assert "case.recognise" in str(await standing.get("pp-chp", f"{base}/timeline?limit=100"))


async def test_a_body_that_is_bound_to_a_foreign_state_sees_no_case(standing: World) -> None:
    case = await standing.channelled()
    await standing.service(case["id"], "iom")
    await standing.get("iom", f"/cases/{case['id']}")
    for kind in ("CONSULATE", "CHILD_PROTECTION_ABROAD"):
        await standing.get("iom", f"/cases/{case['id']}", 404, agency_kind=kind)
        await standing.get("iom", f"/cases/{case['id']}/timeline", 404, agency_kind=kind)


# -- representation --------------------------------------------------------------------------------------


async def test_only_the_procuraduria_of_the_territory_records_who_represents(standing: World) -> None:
    case = await standing.channelled()
    body = APPOINTED | OFFICER
    for agency in ("inm-chp", "dif-chp"):
        await standing.post(agency, f"/cases/{case['id']}/representation", body, 403)
        await standing.get(agency, f"/cases/{case['id']}/representations", 403)
    await standing.post("pp-oax", f"/cases/{case['id']}/representation", body, 404, state="MX-OAX")
    await standing.service(case["id"], "pp-oax")  # now it takes part, and is not of the territory
    await standing.post("pp-oax", f"/cases/{case['id']}/representation", body, 409, state="MX-OAX")
    await standing.get("pp-oax", f"/cases/{case['id']}/representations", 404, state="MX-OAX")
    unknown = await standing.post("pp-chp", f"/cases/{case['id']}/representation", body | {"body": "nobody"}, 422)
    assert unknown.json()["errors"][0]["pointer"] == "/body"


# -- risk ------------------------------------------------------------------------------------------------


async def test_risk_is_assessed_by_the_procuraduria_or_the_dif_in_charge_and_every_assessment_is_kept(
    standing: World,
) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}"
    for agency, level in (("dif-chp", "HIGH"), ("pp-chp", "LOW")):
        body = OFFICER | {"level": level, "reason": "NEW_FACTS", "note": "Palabras"}
        await standing.post(agency, f"{base}/risk", body, 201)
        assert (await standing.get("inm-chp", base))["risk"] == level
    history = (await standing.get("dif-chp", f"{base}/risks"))["items"]
    assert [(each["level"], each["note"], each["assessed_by"]) for each in history] == [
        ("HIGH", "Palabras", "dif-chp/pp-0001"), ("LOW", "Palabras", "pp-chp/pp-0001"),
    ]  # fmt: skip
    assert "Palabras" not in repr([row.note for row in await standing.rows(CaseRisk)])
    body = OFFICER | {"level": "LOW", "reason": "NEW_FACTS"}
    await standing.post("inm-chp", f"{base}/risk", body, 403)
    await standing.get("inm-chp", f"{base}/risks", 403)
    await standing.service(case["id"], "dif-oax")
    await standing.post("dif-oax", f"{base}/risk", body, 409, state="MX-OAX")


# -- absences --------------------------------------------------------------------------------------------


async def test_any_party_reports_and_words_are_for_those_who_care(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}"
    await standing.service(case["id"], "unicef")
    await standing.service(case["id"], "iom")
    made = (await standing.post("unicef", f"{base}/absences", absence("LEFT_CARE", note="Con su tía"), 201)).json()
    assert (made["note"], made["allowed_actions"]) == ("Con su tía", [])
    notes = {}
    for agency in ("unicef", "pp-chp", "dif-chp", "inm-chp", "iom"):
        (seen,) = (await standing.get(agency, f"{base}/absences"))["items"]
        notes[agency] = seen["note"] is not None
    assert notes == {"unicef": True, "pp-chp": True, "dif-chp": True, "inm-chp": False, "iom": False}
    await standing.post("unicef", f"{base}/absences/{made['id']}/find", OFFICER | {"how": "CAME_BACK"}, 409)
    await standing.post("dif-chp", f"{base}/absences/{made['id']}/review", OFFICER | {"finding": "TRACE"}, 409)
    referrals = (await standing.get("pp-chp", base))["referrals"]
    assert "mp-fed" not in [each["recipient"] for each in referrals]  # where it went is known
    later = (await standing.post("dif-chp", f"{base}/absences", absence(), 201)).json()  # now nobody knows where
    first, second = (await standing.get("pp-chp", f"{base}/absences"))["items"]
    assert (first["ended_how"], second["id"]) == ("NOW_MISSING", later["id"])
    await standing.post("dif-chp", f"{base}/absences", absence(), 409)
    assert (await standing.get("pp-chp", base))["resumes"] == "CHANNELLED"
    await standing.post("dif-chp", f"{base}/absences/{first['id']}/find", OFFICER | {"how": "CAME_BACK"}, 409)
    unknown = f"{base}/absences/{ids.new('abs')}/find"
    await standing.post("dif-chp", unknown, OFFICER | {"how": "CAME_BACK"}, 404)


async def test_a_child_who_is_found_elsewhere_comes_under_the_authorities_there(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}"
    await standing.post("pp-chp", f"{base}/representation", APPOINTED | OFFICER, 201)
    made = (await standing.post("dif-chp", f"{base}/absences", absence(), 201)).json()
    body = OFFICER | {"how": "FOUND_BY_AUTHORITY", "state": "MX-OAX"}
    await standing.post("dif-chp", f"{base}/absences/{made['id']}/find", body, 200)
    file = await standing.get("pp-oax", base, state="MX-OAX")
    assert (file["state"], file["status"], file["representative"], file["dif"]) == (
        "MX-OAX", "CHANNELLED", "pp-oax", None,
    )  # fmt: skip
    opened = {(each["kind"], each["recipient"]) for each in file["referrals"]}
    assert {("PP_NOTICE", "pp-oax"), ("DIF_HANDOVER", "dif-oax")} <= opened
    history = (await standing.get("pp-oax", f"{base}/representations", state="MX-OAX"))["items"]
    assert [(each["name"], each["procuraduria"], each["ended"]) for each in history][1:] == [
        ("Ficticia Mil", "pp-chp", "TERRITORY"), ("Ficticia Mil", "pp-oax", None),
    ]  # fmt: skip
    handover = next(each for each in file["referrals"] if each["recipient"] == "dif-oax")
    await standing.post("dif-oax", f"/referrals/{handover['id']}/accept", status=200, state="MX-OAX")
    assert (await standing.get("pp-oax", base, state="MX-OAX"))["dif"] == "dif-oax"


async def test_a_missing_child_whom_inm_meets_is_found(standing: World) -> None:
    case = await standing.channelled()
    await standing.post("dif-chp", f"/cases/{case['id']}/absences", absence(), 201)
    await standing.encounter(case["child_id"], state="MX-OAX", agency="inm-oax")
    file = await standing.get("pp-fed", f"/cases/{case['id']}")
    assert (file["status"], file["state"]) == ("CHANNELLED", "MX-OAX")
    (row,) = (await standing.get("pp-fed", f"/cases/{case['id']}/absences"))["items"]
    assert (row["ended_how"], row["ended_by"]) == ("MET_AGAIN", None)


async def test_what_somebody_says_of_a_find_is_an_end_of_an_absence(standing: World) -> None:
    assert {each.value for each in FoundHow} < {each.value for each in AbsenceEnd}
    assert all(not deadline.verified for deadline in DEADLINES)


# -- closing ---------------------------------------------------------------------------------------------


async def test_a_case_with_an_open_item_or_a_pending_claim_is_not_closed(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}/closings"
    await put(standing, case["id"], Status.RESTITUTION)
    refused = (await standing.post("pp-chp", base, asked(), 409)).json()
    assert (refused["code"], refused["rule"]) == ("refused_by_law", "R25")
    await put(standing, case["id"], gates=[Gate.ITEMS_SETTLED], bars=[Bar.CLAIM_PENDING])
    refused = (await standing.post("pp-chp", base, asked(), 409)).json()
    assert (refused["rule"], "CLAIM_PENDING" in refused["detail"]) == ("R38-PENDING", True)
    shown_to_dif = (await standing.post("dif-chp", base, asked(), 409)).json()
    assert "CLAIM" not in shown_to_dif["detail"]
    await lift(standing, case["id"], Bar.CLAIM_PENDING)
    await standing.post("dif-chp", base, asked(), 201)
    await put(standing, case["id"], bars=[Bar.APPEAL_PENDING])  # a claim that came between asking and approving
    await standing.post("pp-chp", f"{base}/approve", {"officer": "pp-0002"}, 409, **SUPERVISOR)


async def test_a_closing_is_refused_withdrawn_or_lapses(standing: World) -> None:
    case = await in_restitution(standing)
    base = f"/cases/{case['id']}"
    await standing.post("dif-chp", f"{base}/closings", asked(), 201)
    body = {"officer": "pp-0002", "reason": "EVIDENCE_MISSING"}
    await standing.post("pp-chp", f"{base}/closings/refuse", body, 409)
    refused = (await standing.post("pp-chp", f"{base}/closings/refuse", body, 200, **SUPERVISOR)).json()
    assert (refused["state"], refused["refusal"]) == ("refused", "EVIDENCE_MISSING")
    await standing.post("dif-chp", f"{base}/closings", asked(), 201)
    await standing.post("pp-chp", f"{base}/closings/withdraw", OFFICER, 409)
    await standing.post("dif-chp", f"{base}/closings/withdraw", OFFICER, 200)
    await standing.post("dif-chp", f"{base}/closings", asked(), 201)
    await standing.post("inm-chp", f"{base}/regularise", OFFICER, 200)  # what was asked for is no longer what is
    await standing.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 409, **SUPERVISOR)
    await standing.post("pp-chp", f"{base}/closings", asked(), 201)
    history = (await standing.get("pp-chp", f"{base}/closings"))["items"]
    assert [each["state"] for each in history] == ["refused", "withdrawn", "lapsed", "requested"]
    assert [each["note"] for each in (await standing.get("inm-chp", f"{base}/closings"))["items"]] == [None] * 4


async def closed(world: World) -> Any:
    case = await in_restitution(world)
    base = f"/cases/{case['id']}"
    await world.post("pp-chp", f"{base}/closings", asked(), 201)
    await world.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 200, **SUPERVISOR)
    return case


async def test_a_closed_case_is_reopened_for_a_reason_that_is_kept_and_counted(standing: World) -> None:
    case = await closed(standing)
    base = f"/cases/{case['id']}"
    body = OFFICER | {"reason": "NEW_FACTS"}
    await standing.post("inm-chp", f"{base}/reopen", body, 403)
    await standing.post("pp-chp", f"{base}/reopen", OFFICER | {"reason": "NEW_ENCOUNTER"}, 422)
    done = (await standing.post("pp-chp", f"{base}/reopen", body, 200)).json()
    assert (done["status"], done["resumes"], done["reopened"]) == ("REOPENED", "RESTITUTION", 1)
    await standing.post("pp-chp", f"{base}/reopen", body, 409)
    assert (await standing.post("pp-chp", f"{base}/resume", OFFICER, 200)).json()["status"] == "RESTITUTION"
    again = (await standing.get("pp-chp", f"{base}/closings"))["reopenings"]
    assert [(each["reason"], each["reopened_by"]) for each in again] == [("NEW_FACTS", "pp-chp/pp-0001")]


async def test_a_new_encounter_reopens_a_closed_case_and_the_notice_is_due_again(standing: World) -> None:
    case = await closed(standing)
    base = f"/cases/{case['id']}"
    await standing.encounter(case["child_id"])
    file = await standing.get("pp-chp", base)
    assert (file["status"], file["reopened"], file["notified_at"], file["dif"]) == ("REOPENED", 1, None, None)
    assert {"ACK_PP", "ACK_DIF"} <= {each["duty"] for each in file["owed"]}
    refused = (await standing.post("pp-chp", f"{base}/resume", OFFICER, 409)).json()
    assert refused["rule"] == "R4"
    await standing.answered(case["child_id"])
    assert (await standing.post("pp-chp", f"{base}/resume", OFFICER, 200)).json()["status"] == "RESTITUTION"
    acta = {"case_id": case["id"], "dif_recipient": "Ana López", "place": "Tapachula"}
    await standing.post("inm-chp", "/actas", acta, 201)  # the hand-over is another one, and has its own
    sent = [row.data["duty"] for row in await events(standing) if row.case_key == case["child_id"]]
    assert sent == ["D1", "D2", "D1", "D2"]  # both for either encounter


async def events(world: World) -> list[Any]:
    return [each for each in await world.sent("service:intake") if each.type == DutyMet.TYPE]


# -- turning 18 ------------------------------------------------------------------------------------------


async def test_a_claim_that_is_pending_outlives_the_birthday(standing: World) -> None:
    case = await in_restitution(standing, bars=[Bar.CLAIM_PENDING])
    base = f"/cases/{case['id']}"
    await tell(standing, case["child_id"], majority_month=month(-1))
    await turn(standing.runtime.database)
    done = (await standing.post("dif-chp", f"{base}/begin-transition", OFFICER, 200)).json()
    assert (done["status"], done["stage"]) == ("TRANSITION_18", 4)
    refused = (await standing.post("pp-chp", f"{base}/closings", asked(reason="ADULT"), 409)).json()
    assert refused["rule"] == "R38-PENDING"
    await standing.service(case["id"], "comar")
    await take(standing.runtime.database, case["id"], client_of("comar", "COMAR", state=None), Action.RECOGNISE)
    assert (await standing.get("pp-chp", base))["status"] == "REFUGE"


async def test_a_younger_child_has_no_transition(standing: World) -> None:
    case = await standing.channelled()
    await put(standing, case["id"], Status.IN_CARE)
    refused = (await standing.post("pp-chp", f"/cases/{case['id']}/begin-transition", OFFICER, 409)).json()
    assert refused["rule"] == "R38"


async def test_a_birthday_that_turns_out_to_be_later_cancels_what_was_not_done(standing: World) -> None:
    case = await standing.channelled()
    await tell(standing, case["child_id"], majority_month=month(2))
    await turn(standing.runtime.database)
    await tell(standing, case["child_id"], version=2)  # an older intake says nothing of it
    assert (await standing.get("pp-chp", f"/cases/{case['id']}"))["majority_month"] == month(2)
    await tell(standing, case["child_id"], version=3, majority_month=month(30))
    tasks = (await standing.get("pp-chp", f"/cases/{case['id']}/tasks"))["items"]
    assert {each["state"] for each in tasks} == {"cancelled"}
    rows = await standing.rows(Clock, Clock.case_key == case["id"])
    assert {each.state.value for each in rows if each.rule.startswith("R38")} == {"cancelled"}
    await tell(standing, case["child_id"], version=4, majority_month=month(1))
    assert await turn(standing.runtime.database) == 1
    assert len(await standing.rows(Task, Task.case_id == case["id"])) == 6


@pytest.mark.parametrize(
    ("today", "last"), [("2026-11-22", "2027-05"), ("2026-06-30", "2026-12"), ("2026-07-01", "2027-01")]
)
async def test_the_horizon_is_six_months_ahead(today: str, last: str) -> None:
    assert eighteen.horizon(datetime.fromisoformat(today).date()) == last
    assert set(eighteen.WHOSE) == set(eighteen.DEADLINE) == set(eighteen.Duty)


# -- stage 0 ---------------------------------------------------------------------------------------------


async def test_an_alert_is_posted_for_ones_own_state_and_withdrawn_by_its_agency(standing: World) -> None:
    wrong = (await standing.post("inm-chp", "/alerts", alert(state="MX-TAM"), 422)).json()
    assert wrong["errors"][0]["pointer"] == "/state"
    await standing.post("comar", "/alerts", alert(state="MX-TAM"), 201, state=None)
    made = (await standing.post("dif-chp", "/alerts", alert(level="SURGE"), 201)).json()
    assert [each["id"] for each in (await standing.get("pp-chp", "/alerts?level=SURGE"))["items"]] == [made["id"]]
    await standing.post("pp-chp", f"/alerts/{made['id']}/withdraw", None, 409)
    gone = (await standing.post("dif-chp", f"/alerts/{made['id']}/withdraw", None, 200)).json()
    assert gone["standing"] == "withdrawn"
    await standing.post("dif-chp", f"/alerts/{made['id']}/withdraw", None, 409)


@pytest.mark.parametrize(
    "fault", [{"ends_at": "2026-01-01T00:00:00Z"}, {"unaccompanied": 13}, {"under_6": -1}, {"level": "RED"}]
)
async def test_an_alert_that_says_nothing_sensible_is_refused(standing: World, fault: dict[str, Any]) -> None:
    await standing.post("inm-chp", "/alerts", alert(**fault), 422)
    far = alert(ends_at=(clock.now() + timedelta(days=91)).isoformat())
    await standing.post("inm-chp", "/alerts", far, 422)
    past = alert(starts_at="2026-01-01T00:00:00Z", ends_at="2026-01-02T00:00:00Z")
    await standing.post("inm-chp", "/alerts", past, 422)


# -- the file and the timeline ---------------------------------------------------------------------------


LEAD = {
    "CHANNELLED": "dif-chp", "IN_CARE": "pp-chp", "BID_OPEN": "pp-chp", "PRD_ISSUED": "pp-chp",
    "RESTITUTION": "dif-chp", "RETURN": "inm-chp", "REGULARISED": "inm-chp", "REFUGE": "dif-chp",
    "FAMILY_REUNIFIED": "dif-chp", "TRANSITION_18": "dif-chp", "DETECTED": "inm-chp", "NOTIFIED": "inm-chp",
    "MISSING": "pp-chp", "LEFT_CARE": "pp-chp", "REOPENED": "pp-chp", "CLOSED": None, "TRANSFERRED": None,
}  # fmt: skip


async def test_each_state_is_led_by_one_agency(standing: World) -> None:
    case = await standing.channelled()
    for status, lead in LEAD.items():
        await put(standing, case["id"], Status(status))
        assert (await standing.get("pp-chp", f"/cases/{case['id']}"))["lead"] == lead
    assert lines.leading(Status.TRANSFERRED, Status.IN_CARE) == "PP"
    assert set(LEAD) == set(Status)


async def test_each_reader_sees_of_the_timeline_what_is_its_to_see(standing: World) -> None:
    case = await standing.channelled()
    base = f"/cases/{case['id']}"
    asked_for = await standing.service(case["id"], "unicef")
    await standing.service(case["id"], "iom")
    body = {"case_id": case["id"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
    await standing.post("dif-chp", "/indications", body, 201)
    seen = {}
    for agency in ("pp-chp", "pp-fed", "inm-chp", "dif-chp", "unicef", "comar"):
        items = (await standing.get(agency, f"{base}/timeline?limit=100"))["items"]
        assert items == sorted(items, key=lambda each: (each["at"], each["id"]))
        assert all(each["es"] and each["en"] for each in items)
        seen[agency] = items
    assert seen["pp-chp"] == seen["pp-fed"]
    assert "protection.indicated" in {each["code"] for each in seen["pp-chp"]}
    for agency in ("inm-chp", "dif-chp", "unicef", "comar"):
        assert all(each in seen["pp-chp"] for each in seen[agency])
        assert not {each["code"] for each in seen[agency]} & {"protection.indicated", "release.stop"}
        assert {"case.opened", "case.issue_acta"} <= {each["code"] for each in seen[agency]}
    sent = [each["subject"] for each in seen["unicef"] if each["code"] == "referral.sent"]
    assert sent == [asked_for["id"]]
    comar = next(each for each in seen["comar"] if each["code"] == "referral.sent")
    assert comar not in seen["inm-chp"]
    await standing.get("icrc", f"{base}/timeline", 404)


async def test_a_timeline_is_paged_oldest_first(standing: World) -> None:
    case = await standing.channelled()
    whole = (await standing.get("pp-chp", f"/cases/{case['id']}/timeline"))["items"]
    paged, cursor = [], ""
    while True:
        page = await standing.get("pp-chp", f"/cases/{case['id']}/timeline?limit=2{cursor}")
        paged += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert paged == whole
    assert len(whole) > 4


async def test_a_clock_that_speaks_is_on_the_timeline_of_those_who_are_told(standing: World) -> None:
    with clock.at(clock.now()):
        child = await standing.encounter()
        clock.advance(timedelta(hours=25))
        while await clocks.fire(standing.runtime.database, fired):
            pass
        case = await standing.file(child)
        for agency in ("pp-chp", "inm-chp", "dif-chp"):
            page = await standing.get(agency, f"/cases/{case['id']}/timeline?limit=100")
            assert "clock.breached" in [each["code"] for each in page["items"]]


async def test_every_line_that_the_machine_writes_has_its_words(standing: World) -> None:
    written = {each.code for each in await standing.rows(CaseEntry)}
    assert written <= set(lines.TEXTS)
    assert {f"case.{action}" for action in Action} <= set(lines.TEXTS)
    assert shown.EntryOut.model_fields.keys() == {"id", "at", "code", "es", "en", "subject", "agency"}


async def test_gates_and_bars_are_what_their_rows_say(standing: World) -> None:
    case = await in_restitution(standing, bars=[Bar.CLAIM_PENDING])
    rows = await standing.rows(CaseGate, CaseGate.case_id == case["id"])
    assert {row.gate for row in rows if row.opened} >= set(EVERY_GATE)
    assert all(row.evidence and row.agency for row in rows)
