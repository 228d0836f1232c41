"""What of a case's route touches the database in a way of its own, on either one."""

from datetime import UTC, datetime, timedelta

from sqlmodel import delete, update

from services.referral.absences.models import Absence
from services.referral.cases.models import Case, CaseEntry, CaseEntryParty, CaseRepresentation
from services.referral.cases.rules import Gate
from services.referral.clocks.service import fired
from services.referral.closings.models import Closing
from services.referral.majority.service import turn
from shared import clock
from shared.audit import AuditEntry
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from tests.unit.referral.cases_world import (
    APPOINTED,
    OFFICER,
    SUPERVISOR,
    absence,
    alert,
    asked,
    in_restitution,
    put,
)
from tests.unit.referral.protection_world import tell
from tests.unit.referral.world import World


async def test_somebody_represents_the_child_at_every_moment(world: World) -> None:
    case = await world.channelled()
    base = f"/cases/{case['id']}"
    first = (await world.get("pp-chp", f"{base}/representations"))["items"]
    assert [(each["kind"], each["procuraduria"], each["until"]) for each in first] == [
        ("PP_EN_SUPLENCIA", "pp-chp", None)
    ]
    done = await world.post("pp-chp", f"{base}/representation", APPOINTED | OFFICER | {"body": "unicef"}, 201)
    assert done.json()["representation"] == "LEGAL_REPRESENTATIVE"
    await world.post("pp-chp", f"{base}/representation", APPOINTED | OFFICER | {"name": "Ficticio Dos"}, 201)
    ended = await world.post("pp-chp", f"{base}/representation/end", OFFICER | {"reason": "RESIGNED"}, 200)
    assert ended.json()["representation"] == "PP_EN_SUPLENCIA"
    history = (await world.get("pp-chp", f"{base}/representations"))["items"]
    assert [(each["name"], each["ended"]) for each in history] == [
        (None, "REPLACED"), ("Ficticia Mil", "REPLACED"), ("Ficticio Dos", "RESIGNED"), (None, None),
    ]  # fmt: skip
    assert [each["until"] for each in history[:-1]] == [each["since"] for each in history[1:]]  # without a gap
    assert all(each["procuraduria"] == "pp-chp" for each in history)  # coadyuvante always
    again = await world.post("pp-chp", f"{base}/representation/end", OFFICER | {"reason": "RESIGNED"}, 409)
    assert again.json()["code"] == "conflict"
    rows = await world.rows(CaseRepresentation)
    assert "Ficti" not in repr([row.identity for row in rows])
    assert "Ficti" not in repr([row.details for row in await world.rows(AuditEntry)])
    read = [row for row in await world.rows(AuditEntry) if (row.action, row.resource) == ("read", "representations")]
    assert len(read) == 2


async def test_a_missing_child_is_searched_for_and_goes_on_where_it_was(world: World) -> None:
    with clock.at(clock.now()):
        case = await world.channelled()
        base = f"/cases/{case['id']}"
        await put(world, case["id"], gates=[Gate.MEASURE_LIVE])
        await world.post("dif-chp", f"{base}/admit", OFFICER, 200)
        clock.advance(timedelta(minutes=1))
        made = (await world.post("dif-chp", f"{base}/absences", absence(note="Salió"), 201)).json()
        file = await world.get("pp-chp", base)
        assert (file["status"], file["resumes"], file["lead"]) == ("MISSING", "IN_CARE", "pp-chp")
        opened = {(each["kind"], each["recipient"], each["reason"]) for each in file["referrals"]}
        assert {("PP_VERIFY", "pp-chp", "ABSENT"), ("MP_NOTICE", "mp-fed", "ABSENT")} <= opened
        search = [each for each in file["owed"] if each["duty"] == "SEARCH_FIRST"]
        assert [(each["agency"], each["overdue"]) for each in search] == [("pp-chp", False)]
        clock.advance(timedelta(hours=25))
        await clocks.fire(world.runtime.database, fired)
        assert [each["overdue"] for each in (await world.get("pp-chp", base))["owed"] if "SEARCH" in each["duty"]] == [
            True
        ]
        path = f"{base}/absences/{made['id']}"
        reviewed = (await world.post("pp-chp", f"{path}/review", OFFICER | {"finding": "NO_TRACE"}, 200)).json()
        assert [(each["number"], each["finding"]) for each in reviewed["reviews"]] == [(1, "NO_TRACE"), (2, None)]
        clock.advance(timedelta(days=1))
        found = (await world.post("dif-chp", f"{path}/find", OFFICER | {"how": "CAME_BACK"}, 200)).json()
        assert (found["ended_how"], found["allowed_actions"]) == ("CAME_BACK", [])
        file = await world.get("pp-chp", base)
        assert (file["status"], file["resumes"]) == ("IN_CARE", None)
        assert not [each for each in file["owed"] if "SEARCH" in each["duty"]]
        await world.post("pp-chp", f"{path}/find", OFFICER | {"how": "CAME_BACK"}, 409)
    assert "Salió" not in repr([row.note for row in await world.rows(Absence)])
    states = {each.rule: each.state.value for each in await world.rows(Clock) if "SEARCH" in each.rule}
    assert states == {"SEARCH_FIRST": "met", "SEARCH_NEXT": "cancelled"}


async def test_a_case_is_closed_by_a_supervisor_who_did_not_ask_for_it(world: World) -> None:
    case = await in_restitution(world)
    base = f"/cases/{case['id']}"
    await world.service(case["id"], "unicef")
    made = (await world.post("pp-chp", f"{base}/closings", asked(), 201)).json()
    assert (made["state"], made["allowed_actions"]) == ("requested", ["withdraw"])
    await world.post("pp-chp", f"{base}/closings", asked("pp-0009"), 409)  # it was asked for
    officer = {"officer": "PP-0001"}
    plain = (await world.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 409)).json()
    assert plain["code"] == "illegal_move"  # no supervisor
    same = (await world.post("pp-chp", f"{base}/closings/approve", officer, 409, **SUPERVISOR)).json()
    assert (same["code"], same["rule"]) == ("refused_by_law", "R25")
    await world.post("pp-oax", f"{base}/closings/approve", officer, 404, state="MX-OAX", **SUPERVISOR)
    file = await world.get("pp-chp", base, **SUPERVISOR)
    assert "close" in file["allowed_actions"]
    done = (await world.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 200, **SUPERVISOR)).json()
    assert (done["state"], done["decided_by"], done["allowed_actions"]) == ("approved", "pp-chp/pp-0002", [])
    assert (await world.get("pp-chp", base))["status"] == "CLOSED"
    assert {each.state.value for each in await world.rows(Clock)} <= {"met", "cancelled"}
    reasons = [row.details for row in await world.rows(AuditEntry) if (row.action, row.resource) == ("cancel", "clock")]
    assert [each["reason"] for each in reasons] == ["CASE_CLOSED"]
    assert "Todo" not in repr([row.note for row in await world.rows(Closing)])
    await world.post("pp-chp", f"{base}/closings/approve", {"officer": "pp-0002"}, 409, **SUPERVISOR)


async def test_tasks_open_ahead_of_the_birthday_and_nobody_is_moved(world: World) -> None:
    with clock.at(datetime(2026, 11, 22, 15, tzinfo=UTC)):
        case = await world.channelled()
        base = f"/cases/{case['id']}"
        await tell(world, case["child_id"], majority_month="2027-06")
        assert await turn(world.runtime.database) == 0  # seven months
        clock.advance(timedelta(days=10))
        assert [await turn(world.runtime.database), await turn(world.runtime.database)] == [1, 0]
        tasks = (await world.get("pp-chp", f"{base}/tasks"))["items"]
        assert {(each["duty"], each["agency"], each["due_at"]) for each in tasks} == {
            ("LIFE_PLAN", "dif-chp", "2027-06-01T00:00:00Z"), ("AFTERCARE", "dif-chp", "2027-06-01T00:00:00Z"),
            ("DOCUMENTS", "pp-chp", "2027-06-01T00:00:00Z"),
        }  # fmt: skip
        file = await world.get("dif-chp", base)
        assert (file["status"], file["majority_month"]) == ("CHANNELLED", "2027-06")
        assert {"R38_LIFE_PLAN", "R38_AFTERCARE"} == {each["duty"] for each in file["owed"] if "R38" in each["duty"]}
        assert (await world.get("inm-chp", base))["majority_month"] is None
        plan = next(each for each in tasks if each["duty"] == "LIFE_PLAN")
        done = f"{base}/tasks/{plan['id']}/done"
        await world.post("pp-chp", done, OFFICER, 409)
        made = await world.post("dif-chp", done, OFFICER | {"reference": "PV-1"}, 200)
        assert made.json()["state"] == "done"
        await world.post("dif-chp", done, OFFICER, 409)
        clock.advance(timedelta(days=400))  # the birthday passes
        await clocks.fire(world.runtime.database, fired)
        await turn(world.runtime.database)
        assert (await world.get("pp-chp", base))["status"] == "CHANNELLED"


async def test_an_alert_is_read_by_the_authorities_of_its_territory_until_it_is_over(world: World) -> None:
    with clock.at(clock.now()):
        made = (await world.post("inm-chp", "/alerts", alert(), 201)).json()
        assert (made["standing"], made["allowed_actions"]) == ("standing", ["withdraw"])
        for agency in ("pp-chp", "dif-chp", "comar", "pp-fed"):
            assert [each["id"] for each in (await world.get(agency, "/alerts"))["items"]] == [made["id"]]
            assert (await world.get(agency, f"/alerts/{made['id']}"))["allowed_actions"] == []
        await world.get("pp-oax", f"/alerts/{made['id']}", 404, state="MX-OAX")
        assert (await world.get("pp-oax", "/alerts", state="MX-OAX"))["items"] == []
        for agency in ("unicef", "iom"):
            await world.get(agency, "/alerts", 403)
            await world.post(agency, "/alerts", alert(), 403)
        clock.advance(timedelta(days=3))
        assert (await world.get("pp-chp", "/alerts"))["items"] == []
        (over,) = (await world.get("pp-chp", "/alerts?over=true"))["items"]
        assert (over["standing"], over["allowed_actions"]) == ("expired", [])
        await world.post("inm-chp", f"/alerts/{made['id']}/withdraw", None, 409)


async def test_the_file_says_who_leads_and_who_owes_what_next(world: World) -> None:
    child = await world.encounter()
    file = await world.file(child, "pp-chp")
    assert file["lead"] == "inm-chp"
    assert [(each["agency"], each["duty"], each["overdue"]) for each in file["owed"]] == [
        ("pp-chp", "ACK_PP", False), ("dif-chp", "ACK_DIF", False), ("pp-chp", "PP_ACKNOWLEDGED", False),
    ]  # fmt: skip
    dif = await world.file(child, "dif-chp")
    assert [each["duty"] for each in dif["owed"]] == ["ACK_DIF", "PP_ACKNOWLEDGED"]
    for kind in ("PP_NOTICE", "DIF_HANDOVER"):
        referral = await world.opened(child, kind)
        await world.post(referral["recipient"], f"/referrals/{referral['id']}/receive", status=200)
    file = await world.file(child, "pp-chp")
    assert [(each["agency"], each["duty"], each["rule"], each["due_at"]) for each in file["owed"]] == [
        ("dif-chp", "DIF_ACCEPTED", "R6", None), ("dif-chp", "REFERRAL_RECEIVED", "LM112", None),
    ]  # fmt: skip


async def test_an_old_case_gets_its_timeline_when_it_is_first_read(world: World) -> None:
    case = await world.channelled()
    base = f"/cases/{case['id']}/timeline?limit=100"
    now = [(each["code"], each["subject"]) for each in (await world.get("pp-chp", base))["items"]]
    async with world.runtime.database.work() as session:
        await session.exec(delete(CaseEntryParty))
        await session.exec(delete(CaseEntry))
        await session.exec(update(Case).values(timeline_since=None))
    await world.service(case["id"])  # newer code enters this one itself
    first = (await world.get("pp-chp", base))["items"]
    assert {(each["code"], each["subject"]) for each in first} >= {
        each for each in now if each[0] in ("case.opened", "case.issue_acta", "referral.sent")
    }
    assert first == sorted(first, key=lambda each: each["at"])
    assert len({(each["code"], each["subject"]) for each in first}) == len(first)
    assert (await world.get("pp-chp", base))["items"] == first
    assert len((await world.get("dif-chp", base))["items"]) < len(first)
