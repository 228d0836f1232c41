"""Claims for refuge over the API, on either database: who files and reads, what follows, which rule refuses."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from services.referral.cases.models import Case, CaseBar, CaseEntry
from services.referral.cases.rules import Gate, Seen, Status
from services.referral.protection.models import Guard
from services.referral.refuge.models import RefugeClaim, RefugeStep
from services.referral.refuge.turns import Turns
from shared import clock
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from tests.unit.referral.cases_world import APPOINTED, OFFICER, put
from tests.unit.referral.refuge_world import claim_in, file, resolved, said, step
from tests.unit.referral.world import World


async def bars(world: World, case_id: str) -> list[str]:
    (case,) = await world.rows(Case, Case.id == case_id)
    return case.bars or []


def refused(answer: Any, rule: str, article: str) -> None:
    assert (answer["code"], answer["rule"]) == ("refused_by_law", rule)
    assert article in answer["source"]


async def test_a_claim_closes_the_guard_bars_the_return_and_holds_the_procedure_in_one_transaction(
    world: World,
) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"], statement="Le amenazaron")
    assert (claim["state"], claim["late_reason"]) == ("ratified", None)
    assert {each["rule"] for each in claim["clocks"]} == {"D8", "D10"}
    (guard,) = await world.rows(Guard, Guard.child_id == case["child_id"])
    assert guard.blocked_at is not None
    assert await bars(world, case["id"]) == ["CLAIM_PENDING"]
    notice = await world.opened(case["child_id"], "COMAR_NOTICE")
    assert claim["notice_id"] == notice["id"]
    (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
    assert (hold["case_id"], hold["until"], hold["basis"], hold["told_at"]) == (case["id"], None, None, None)
    assert "refuge" not in repr(hold).lower()
    rows = await world.rows(RefugeClaim)
    assert "amenazaron" not in repr(rows[0].statement)
    read = await world.get("comar", f"/refuge-claims/{claim['id']}")
    assert read["statement"] == "Le amenazaron"
    entries = [
        each for each in await world.rows(AuditEntry) if (each.action, each.resource) == ("read", "refuge_claim")
    ]
    assert [each.agency for each in entries] == ["comar"]


async def test_nobody_learns_of_a_claim_but_comar_the_procuraduria_and_the_representative(world: World) -> None:
    case = await world.channelled()
    base = f"/cases/{case['id']}"
    await world.service(case["id"], "unicef")  # it takes part in the case
    claim = await file(world, "pp-chp", case["id"])
    path = f"/refuge-claims/{claim['id']}"
    for agency in ("comar", "pp-chp", "pp-fed"):
        assert (await world.get(agency, path))["id"] == claim["id"]
    for agency in ("inm-chp", "dif-chp", "unicef", "pp-tam", "con-hnd-tapachula"):
        more: Any = {"agency_kind": "CONSULATE"} if agency.startswith("con") else {}
        state: Any = {"state": "MX-TAM"} if agency == "pp-tam" else {}
        assert (await world.get(agency, path, 404, **more, **state))["code"] == "not_found"
        assert (await world.get(agency, "/refuge-claims", **more, **state))["items"] == []
    assert "refuge" not in repr(await world.get("inm-chp", f"{base}/timeline"))
    await world.post("pp-chp", f"{base}/representation", APPOINTED | OFFICER | {"body": "unicef"}, 201)
    assert (await world.get("unicef", path))["allowed_actions"] == ["withdraw"]
    await world.post("pp-chp", f"{base}/representation/end", OFFICER | {"reason": "RESIGNED"}, 200)
    await world.get("unicef", path, 404)
    seen = {each.seen for each in await world.rows(CaseEntry) if each.code.startswith("refuge.")}
    assert seen == {Seen.PP}


async def test_inm_learns_on_what_a_hold_rests_only_when_comar_tells_it(world: World) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
    assert hold["basis"] is None
    await step(world, "pp-chp", claim["id"], "tell-inm", 409)
    told = await step(world, "comar", claim["id"], "tell-inm")
    assert [each["state"] for each in told["clocks"] if each["rule"] == "D8"] == ["met"]
    hold = await world.get("inm-chp", f"/procedure-holds/{hold['id']}")
    assert hold["basis"] == "LRPCAP, art. 7"
    assert (await step(world, "comar", claim["id"], "tell-inm", 409))["code"] == "illegal_move"
    await world.get("inm-tam", f"/procedure-holds/{hold['id']}", 404, state="MX-TAM")


async def test_a_third_party_may_record_an_indication_but_files_through_comar(world: World) -> None:
    case = await world.channelled()
    for agency in ("inm-chp", "dif-chp"):
        answer = await world.post(agency, "/refuge-claims", claim_in(case["id"]), 403)
        assert answer.json()["code"] == "forbidden"
    await world.post("unicef", "/refuge-claims", claim_in(case["id"]), 404)
    await world.post(
        "dif-chp", "/indications", {"case_id": case["id"], "code": "ASKS_FOR_REFUGE", "told_by": "CHILD"}, 201
    )
    claim = await file(world, "comar", case["id"], filed_by="THIRD_PARTY")  # COMAR takes part by its notice
    assert claim["state"] == "filed"
    again = await world.post("comar", "/refuge-claims", claim_in(case["id"]), 409)
    assert again.json()["code"] == "conflict"


async def test_a_claim_that_nobody_ratifies_lapses_and_the_guard_stays_closed(world: World) -> None:
    with clock.at(clock.now()):
        case = await world.channelled()
        claim = await file(world, "pp-chp", case["id"], filed_by="REPRESENTATIVE")
        assert await Turns(world.runtime).lapse() == 0
        clock.advance(timedelta(days=14))
        refused(await step(world, "pp-chp", claim["id"], "ratify", 409), "R23-RATIFY", "LRPCAP, art. 11")
        assert await Turns(world.runtime).lapse() == 1
        assert await Turns(world.runtime).lapse() == 0
        read = await world.get("pp-chp", f"/refuge-claims/{claim['id']}")
        assert (read["state"], read["allowed_actions"]) == ("lapsed", [])
        assert await bars(world, case["id"]) == []
        (guard,) = await world.rows(Guard, Guard.child_id == case["child_id"])
        assert guard.blocked_at is not None
        (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
        assert hold["until"] is not None
        assert (await world.opened(case["child_id"], "PP_VERIFY"))["reason"] == "NOT_RATIFIED"
        anew = await file(world, "pp-chp", case["id"], filed_by="REPRESENTATIVE")
        assert (await step(world, "pp-chp", anew["id"], "ratify"))["state"] == "ratified"


async def test_a_late_claim_names_its_cause(world: World) -> None:
    case = await world.channelled()
    long_ago: Any = {"entered_on": "2026-01-05"}
    answer = await file(world, "pp-chp", case["id"], 409, **long_ago)
    refused(answer, "R23", "LRPCAP, art. 18")
    assert await bars(world, case["id"]) == []
    late = await file(world, "pp-chp", case["id"], late_reason="NOT_TOLD_OF_RIGHT", **long_ago)
    assert (late["late_reason"], late["due_on"]) == ("NOT_TOLD_OF_RIGHT", "2026-02-17")
    await step(world, "pp-chp", late["id"], "withdraw")
    today = clock.now().date().isoformat()
    possible = long_ago | {"possible_on": today, "possible_since": "TOLD_OF_RIGHT"}
    assert (await file(world, "pp-chp", case["id"], **possible))["late_reason"] is None


async def test_the_child_is_heard_in_person_by_specialists_with_its_representative(world: World) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    await step(world, "comar", claim["id"], "admit")
    for lacking in ("specialised", "representative_present", "understood"):
        answer = await step(world, "comar", claim["id"], "interview", 409, **{lacking: False})
        refused(answer, "R27-INTERVIEW", "LRPCAP, art. 21")
    done = await step(world, "comar", claim["id"], "interview")
    assert done["steps"][-1]["words"] == "Cuenta por qué huyó."
    assert "huyó" not in repr([row.words for row in await world.rows(RefugeStep)])


async def test_comar_resolves_when_sre_has_answered_or_been_silent_for_fifteen_days(world: World) -> None:
    with clock.at(clock.now()):
        case = await world.channelled()
        claim = await file(world, "pp-chp", case["id"])
        for action in ("admit", "interview", "ask-opinion"):
            await step(world, "comar", claim["id"], action)
        refused(await step(world, "comar", claim["id"], "resolve", 409), "R23-OPINION", "LRPCAP, art. 24")
        clock.advance(timedelta(days=40))
        assert (await step(world, "comar", claim["id"], "resolve"))["state"] == "resolved"


async def test_one_extension_on_a_listed_ground(world: World) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    long = await step(world, "comar", claim["id"], "extend", 409, working_days=46)
    assert (long["rule"], "LRPCAP, art. 24" in long["source"]) == ("CLOCK-REASON", True)
    assert (await step(world, "comar", claim["id"], "extend", 422, ground="OVERWORKED"))["code"] == "invalid_request"
    assert (await step(world, "comar", claim["id"], "extend"))["clocks"][1]["rule"] == "D10"
    second = await step(world, "comar", claim["id"], "extend", 409, working_days=1)
    assert (second["rule"], "LRPCAP, art. 24" in second["source"]) == ("CLOCK-REASON", True)


async def test_recognition_is_final_at_once_and_the_case_takes_it(world: World) -> None:
    case = await world.channelled()
    claim_id = await resolved_by_comar(world, case["id"], "RECOGNISED")
    bad = await step(world, "comar", claim_id, "notify", 409, understood=False)
    refused(bad, "R27-NOTICE", "LRPCAP, art. 25")
    done = await step(world, "comar", claim_id, "notify")
    assert (done["state"], done["outcome"], done["allowed_actions"]) == ("final", "RECOGNISED", [])
    assert await bars(world, case["id"]) == ["RETURN_UNLAWFUL"]
    refused(await step(world, "comar", claim_id, "recognise", 409), "R38-CLAIM", "LRPCAP, art. 12")
    await put(world, case["id"], Status.RESTITUTION)
    assert (await world.get("comar", f"/refuge-claims/{claim_id}"))["allowed_actions"] == ["recognise"]
    assert (await step(world, "comar", claim_id, "recognise"))["recognised_at"]
    assert (await world.get("pp-chp", f"/cases/{case['id']}"))["status"] == "REFUGE"
    assert (await world.get("inm-chp", f"/cases/{case['id']}"))["status"] == "RESTITUTION"
    assert (await step(world, "comar", claim_id, "recognise", 409))["code"] == "illegal_move"


async def resolved_by_comar(world: World, case_id: str, outcome: str) -> str:
    await world.post("pp-chp", "/indications", {"case_id": case_id, "code": "ASKS_FOR_REFUGE", "told_by": "CHILD"}, 201)
    return await resolved(world, case_id, outcome)


async def test_a_refusal_opens_the_time_to_appeal_and_time_alone_ends_nothing(world: World) -> None:
    with clock.at(clock.now()):
        case = await world.channelled()
        claim_id = await resolved_by_comar(world, case["id"], "REFUSED")
        assert await bars(world, case["id"]) == ["CLAIM_PENDING"]
        await step(world, "comar", claim_id, "notify")
        assert await bars(world, case["id"]) == ["APPEAL_PENDING"]
        refused(await step(world, "pp-chp", claim_id, "finalise", 409), "R23-APPEAL", "LRPCAP, art. 25")
        clock.advance(timedelta(days=60))
        assert await bars(world, case["id"]) == ["APPEAL_PENDING"]
        late = await step(world, "pp-chp", claim_id, "appeal", 409)
        refused(late, "R23-APPEAL", "LGDNNA, art. 106")
        await step(world, "comar", claim_id, "finalise", 409)
        assert (await step(world, "pp-chp", claim_id, "finalise"))["state"] == "final"
        assert await bars(world, case["id"]) == []


@pytest.mark.parametrize(
    ("decision", "outcome", "left"),
    [("UPHELD", "REFUSED", []), ("RECOGNISED", "RECOGNISED", ["RETURN_UNLAWFUL"])],
)
async def test_the_outcome_is_that_of_the_final_appeal(world: World, decision: str, outcome: str, left: Any) -> None:
    case = await world.channelled()
    claim_id = await resolved_by_comar(world, case["id"], "REFUSED")
    await step(world, "comar", claim_id, "notify")
    await step(world, "comar", claim_id, "appeal", 409)
    assert (await step(world, "pp-chp", claim_id, "appeal"))["state"] == "appealed"
    assert await bars(world, case["id"]) == ["APPEAL_PENDING"]
    done = await step(world, "comar", claim_id, "decide-appeal", decision=decision)
    assert (done["state"], done["outcome"]) == ("final", outcome)
    assert await bars(world, case["id"]) == left


async def test_an_appeal_that_sends_the_claim_back_lets_comar_resolve_anew(world: World) -> None:
    with clock.at(clock.now()):
        case = await world.channelled()
        claim_id = await resolved_by_comar(world, case["id"], "REFUSED")
        await step(world, "comar", claim_id, "notify")
        await step(world, "comar", claim_id, "remand", 409)  # nothing was appealed
        await step(world, "pp-chp", claim_id, "appeal")
        await step(world, "pp-chp", claim_id, "remand", 409)
        early = await step(world, "comar", claim_id, "remand", 422, received_at="2026-01-02T00:00:00Z")
        assert early["code"] == "invalid_request"
        clock.advance(timedelta(days=90))
        back = await step(world, "comar", claim_id, "remand")
        assert (back["state"], back["outcome"]) == ("opinion_asked", None)
        assert back["allowed_actions"] == ["interview", "extend", "resolve", "tell_inm"]
        assert await bars(world, case["id"]) == ["CLAIM_PENDING"]
        (anew,) = [each for each in back["clocks"] if each["rule"] == "D10"]
        assert (anew["state"], anew["met_at"]) == ("running", None)
        assert anew["started_at"] == back["steps"][-1]["at"]
        (hold,) = (await world.get("inm-chp", "/procedure-holds"))["items"]
        assert hold["until"] is None
        await step(world, "comar", claim_id, "extend")
        assert (await step(world, "comar", claim_id, "extend", 409, working_days=1))["rule"] == "CLOCK-REASON"
        await step(world, "comar", claim_id, "resolve")
        again = await step(world, "comar", claim_id, "notify")
        assert {each["rule"]: each["state"] for each in again["clocks"]} == {
            "D8": "running", "D9": "met", "D10": "met", "D11": "met", "D12": "running",
        }  # fmt: skip
        refused(await step(world, "pp-chp", claim_id, "finalise", 409), "R23-APPEAL", "LRPCAP, art. 25")
        assert await bars(world, case["id"]) == ["APPEAL_PENDING"]


async def test_a_claim_is_withdrawn_through_the_representative_when_the_child_wishes_it_never_by_absence(
    world: World,
) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    await world.post(
        "dif-chp", f"/cases/{case['id']}/absences",
        OFFICER | {"kind": "LEFT_CARE", "circumstances": "UNKNOWN", "noticed_at": clock.now().isoformat()}, 201,
    )  # fmt: skip
    assert (await world.get("pp-chp", f"/refuge-claims/{claim['id']}"))["state"] == "ratified"
    assert await bars(world, case["id"]) == ["CLAIM_PENDING"]
    answer = await step(world, "pp-chp", claim["id"], "withdraw", 422, reason="ABSENT")
    assert answer["code"] == "invalid_request"
    refused(await step(world, "pp-chp", claim["id"], "withdraw", 409, wishes=False), "R27-WITHDRAW", "LRPCAP, art. 11")
    await step(world, "comar", claim["id"], "withdraw", 409)
    done = await step(world, "pp-chp", claim["id"], "withdraw")
    assert (done["state"], done["steps"][-1]["codes"]) == ("withdrawn", ["CHILD_WISHES"])
    assert {each["state"] for each in done["clocks"]} == {"cancelled"}


async def test_turning_18_drops_no_claim(world: World) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    await put(world, case["id"], Status.TRANSITION_18, gates=[Gate.ITEMS_SETTLED])
    body = {"officer": "pp-0001", "reason": "ADULT"}
    answer = (await world.post("pp-chp", f"/cases/{case['id']}/closings", body, 409)).json()
    refused(answer, "R38-PENDING", "LRPCAP")
    assert (await world.get("pp-chp", f"/refuge-claims/{claim['id']}"))["state"] == "ratified"


async def test_the_time_to_file_runs_from_the_first_indication_and_ends_with_the_claim(world: World) -> None:
    case = await world.channelled()
    indication = {"case_id": case["id"], "code": "FEAR_OF_RETURN", "told_by": "CHILD"}
    await world.post("dif-chp", "/indications", indication, 201)
    await world.post("dif-chp", "/indications", indication | {"code": "PERSECUTION"}, 201)
    turns = Turns(world.runtime)
    assert await turns.begin() == 2
    assert await turns.begin() == 0
    assert await Turns(world.runtime).begin() == 0
    (running,) = await world.rows(Clock, Clock.rule == "D6")
    assert (running.agency, running.resource_id) == ("pp-chp", case["id"])
    await file(world, "pp-chp", case["id"])
    (met,) = await world.rows(Clock, Clock.rule == "D6")
    assert met.state.value == "met"
    assert "D6" not in repr(await world.get("inm-chp", f"/cases/{case['id']}"))


async def test_an_old_etag_takes_no_step(world: World) -> None:
    case = await world.channelled()
    claim = await file(world, "pp-chp", case["id"])
    path = f"/refuge-claims/{claim['id']}/withdraw"
    await world.post("pp-chp", path, said("withdraw"), 412, {"If-Match": '"v7"'})
    await world.post("pp-chp", path, said("withdraw"), 200, {"If-Match": '"v1"'})
    assert len(await world.rows(CaseBar)) == 2
    async with world.runtime.database.work(write=False) as session:
        assert (await session.exec(select(RefugeClaim.version))).one() == 2
