"""Urgent and special measures (R13), and who lives in a centre on them (R11)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.referral.cases.models import Case, CaseEntry
from services.referral.cases.rules import Part
from services.referral.clocks.service import fired
from services.referral.measures import rules
from services.referral.measures.models import Admission, Measure
from services.referral.measures.rules import MeasureAction, MeasureKind, MeasureState, MeasureWay
from shared import clock, ids
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import opened
from tests.unit.referral.directory_world import CAS
from tests.unit.referral.measures_world import (
    HOUSED,
    MP,
    admission,
    decision,
    exit_of,
    measure,
    now,
    ordered,
    shelter,
)
from tests.unit.referral.world import World

BY_HAND = """
requested: decree>decreed refuse>refused withdraw>withdrawn
decreed: confirm>confirmed change>changed cancel>cancelled end>ended
ordered: confirm>confirmed change>changed cancel>cancelled end>ended
confirmed: change>changed cancel>cancelled end>ended
changed: confirm>confirmed change>changed cancel>cancelled end>ended
refused:
withdrawn:
cancelled:
ended:
"""
ENDED = {"reason": "RISK_PASSED"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("measures")) as world:
        await shelter(world, taken=0)
        yield world


def test_every_cell_of_the_machine_of_measures() -> None:
    lawful: dict[tuple[str, str], str] = {}
    for line in BY_HAND.strip().splitlines():
        state, _, moves = line.partition(":")
        lawful |= {(state, move.split(">")[0]): move.split(">")[1] for move in moves.split()}
    callers = {"pp": ({Part.PP_HERE}, False), "mp": ({Part.PARTY}, True), "dif": ({Part.DIF_IN_CHARGE}, False)}
    for state in MeasureState:
        for action in MeasureAction:
            for name, (held, is_mp) in callers.items():
                theirs = name == ("mp" if action.value in ("decree", "refuse") else "pp")
                if (state.value, action.value) in lawful and theirs:
                    assert rules.advance(state, action, held, is_mp=is_mp) == lawful[state.value, action.value]
                    assert action.value in rules.allowed(state, held, is_mp=is_mp)
                    continue
                with pytest.raises(IllegalMove) as refused:
                    rules.advance(state, action, held, is_mp=is_mp)
                assert refused.value.allowed_actions == rules.allowed(state, held, is_mp=is_mp)
                assert action.value not in refused.value.allowed_actions


def test_a_special_measure_is_ordered_and_not_asked_for() -> None:
    assert rules.first(MeasureKind.SPECIAL, MeasureWay.ORDERED) is MeasureState.ORDERED
    with pytest.raises(RefusedByLaw) as refused:
        rules.first(MeasureKind.SPECIAL, MeasureWay.REQUESTED)
    assert refused.value.law is not None
    assert (refused.value.law.rule, "122" in refused.value.law.source) == ("R13", True)


@pytest.mark.parametrize("state", list(MeasureState))
def test_only_a_live_measure_that_says_so_lets_a_child_into_a_centre(state: MeasureState) -> None:
    live = state.value in ("decreed", "ordered", "confirmed", "changed")
    for code in rules.MeasureCode:
        if live and code is rules.MeasureCode.CAS_ADMISSION:
            rules.check_admission(code, state)
            continue
        with pytest.raises(RefusedByLaw) as refused:
            rules.check_admission(code, state)
        assert refused.value.law is not None
        assert refused.value.law.rule == "R11"


async def test_the_mp_has_three_hours_and_the_judge_a_day_and_time_ends_nothing(world: World) -> None:
    """Both databases: the clocks fire, alarms are raised, and the child stays protected (R13)."""
    with clock.at(clock.now()):
        case = await world.channelled()
        body = measure(case["id"], way="REQUESTED", notice=None)
        made = (await world.post("pp-chp", "/measures", body, 201)).json()
        assert (made["state"], made["live"], made["mp"]) == ("requested", False, "mp-fed")
        path = f"/measures/{made['id']}"
        assert (await world.get("mp-fed", path, **MP))["allowed_actions"] == ["decree", "refuse"]
        clock.advance(timedelta(hours=3, seconds=1))
        await clocks.fire(world.runtime.database, fired)
        await clocks.fire(world.runtime.database, fired)
        (asked,) = await world.rows(Clock, Clock.rule == "D3")
        assert (asked.state, asked.agency) == ("breached", "mp-fed")
        assert (await world.get("pp-chp", path))["state"] == "requested"
        decreed = (await world.post("mp-fed", f"{path}/decree", decision(officer="mp-0001"), 200, **MP)).json()
        assert (decreed["state"], decreed["live"]) == ("decreed", True)
        clock.advance(timedelta(hours=24, seconds=1))
        await clocks.fire(world.runtime.database, fired)
        await clocks.fire(world.runtime.database, fired)
        (judge,) = await world.rows(Clock, Clock.rule == "D4")
        assert (judge.state, judge.agency) == ("breached", "pp-chp")
        assert (await world.get("pp-chp", path))["live"] is True
        assert {entry.code for entry in await world.rows(CaseEntry, CaseEntry.subject == made["id"])} >= {
            "measure.requested", "measure.decree", "clock.breached",
        }  # fmt: skip
        confirmed = (await world.post("pp-chp", f"{path}/confirm", decision(note="Ratificada"), 200)).json()
        assert (confirmed["state"], confirmed["steps"][-1]["note"]) == ("confirmed", "Ratificada")
        (judge,) = await world.rows(Clock, Clock.rule == "D4")
        assert judge.state == "met"
    assert "dormir" not in repr([row.reasons for row in await world.rows(Measure)])


async def test_a_child_comes_into_a_centre_and_leaves_it(world: World) -> None:
    """Both databases: the place is taken and given back, and what SNDIF must be able to tell stays."""
    await shelter(world)
    case = await world.channelled()
    made = await ordered(world, case["id"])
    await world.register("cas-chp-ejemplo-01")
    body = admission(case["id"], made["id"])
    done = (await world.post("dif-chp", "/admissions", body, 201)).json()
    assert (done["referred_by"], done["state"], done["nationality"]) == ("inm-chp", "MX-CHP", "HND")
    assert (await world.get("pp-chp", f"/cases/{case['id']}"))["status"] == "IN_CARE"
    free = await world.get("dif-chp", f"/agencies/{CAS}/capacity")
    assert [each["occupied"] for each in free["places"] if each["sex"] == "F"] == [4]
    again = await world.post("dif-chp", "/admissions", body, 409)
    assert again.json()["allowed_actions"] == ["discharge"]
    ending = f"/measures/{made['id']}/end"
    refused = (await world.post("pp-chp", ending, decision(**ENDED), 409)).json()
    assert (refused["rule"], refused["allowed_actions"]) == ("R11", ["discharge", "request", "order"])
    left = await world.post(CAS, f"/admissions/{done['id']}/discharge", exit_of(officer="cas-01"), 200, **HOUSED)
    assert (left.json()["exit_reason"], left.json()["allowed_actions"]) == ("OTHER_CENTRE", [])
    await world.post("dif-chp", f"/admissions/{done['id']}/discharge", exit_of(), 409)
    assert (await world.post("pp-chp", ending, decision(**ENDED), 200)).json()["state"] == "ended"
    kept = (await world.get("dif-nacional", f"/admissions?cas={CAS}&present=false"))["items"]
    assert [(each["exit_reason"], each["purpose"]) for each in kept] == [("OTHER_CENTRE", "URGENT_PROTECTION")]
    (row,) = await world.rows(Admission)
    assert row.left_at is not None


_ON_ONE = pytest.mark.asyncio(loop_scope="module")


@_ON_ONE
async def test_nobody_comes_into_a_centre_without_a_live_measure(standing: World) -> None:
    case = await standing.channelled()
    asked = measure(case["id"], way="REQUESTED", notice=None)
    made = (await standing.post("pp-chp", "/measures", asked, 201)).json()
    refused = (await standing.post("dif-chp", "/admissions", admission(case["id"], made["id"]), 409)).json()
    assert (refused["code"], refused["rule"], "122" in refused["source"]) == ("refused_by_law", "R11", True)
    medical = await ordered(standing, case["id"], code="MEDICAL_CARE")
    await standing.post("dif-chp", "/admissions", admission(case["id"], medical["id"]), 409)
    live = await ordered(standing, case["id"], kind="SPECIAL")
    early = admission(case["id"], live["id"], admitted_at=now(hours=2))
    assert (await standing.post("dif-chp", "/admissions", early, 409)).json()["rule"] == "R11"
    elsewhere = await ordered(standing, (await standing.channelled())["id"])
    await standing.post("dif-chp", "/admissions", admission(case["id"], elsewhere["id"]), 404)
    no_centre = admission(case["id"], live["id"], cas="dif-chp")
    assert (await standing.post("dif-chp", "/admissions", no_centre, 409)).json()["rule"] == "R11"
    confirming = admission(case["id"], live["id"], confirmed=True)
    await standing.post("dif-chp", "/admissions", confirming, 422)
    await standing.post("inm-chp", "/admissions", admission(case["id"], live["id"]), 403)
    assert (await standing.get("pp-chp", f"/cases/{case['id']}"))["status"] == "CHANNELLED"
    await standing.post("dif-chp", "/admissions", admission(case["id"], live["id"], sex="M"), 201)


@_ON_ONE
async def test_a_child_in_a_centre_rests_on_another_measure_before_the_first_one_ends(standing: World) -> None:
    case = await standing.channelled()
    first = await ordered(standing, case["id"])
    here = (await standing.post("dif-chp", "/admissions", admission(case["id"], first["id"], sex="M"), 201)).json()
    cancel = f"/measures/{first['id']}/cancel"
    assert (await standing.post("pp-chp", cancel, decision(**ENDED), 409)).json()["rule"] == "R11"
    medical = await ordered(standing, case["id"], code="MEDICAL_CARE")
    await standing.post("pp-chp", cancel, decision(**ENDED), 409)
    second = await ordered(standing, case["id"], kind="SPECIAL")
    assert (await standing.post("pp-chp", cancel, decision(**ENDED), 200)).json()["state"] == "cancelled"
    assert (await standing.get("dif-chp", f"/admissions/{here['id']}"))["measure_id"] == second["id"]
    await standing.post("pp-chp", f"/measures/{second['id']}/end", decision(**ENDED), 409)
    await standing.post("pp-chp", f"/measures/{medical['id']}/end", decision(**ENDED), 200)
    await standing.post("dif-chp", f"/admissions/{here['id']}/discharge", exit_of(), 200)
    await standing.post("pp-chp", f"/measures/{second['id']}/end", decision(**ENDED), 200)
    (last, *_) = await standing.rows(Case, Case.id == case["id"])
    assert "MEASURE_LIVE" not in last.gates


@_ON_ONE
async def test_whoever_orders_tells_the_judge_and_nobody_decides_before_it_was_asked(standing: World) -> None:
    case = await standing.channelled()
    await standing.post("pp-chp", "/measures", measure(case["id"], notice=None), 422)
    special = await ordered(standing, case["id"], kind="SPECIAL")
    assert await standing.rows(Clock, Clock.resource_id == special["id"]) == []  # the law gives no time for it
    urgent = await ordered(standing, case["id"])
    early = decision(decided_at=now(hours=1))
    await standing.post("pp-chp", f"/measures/{urgent['id']}/confirm", early, 422)
    await standing.post("mp-fed", f"/measures/{urgent['id']}/decree", decision(officer="mp-0001"), 409, **MP)


@_ON_ONE
async def test_who_reads_measures_and_admissions_and_whose_words(standing: World) -> None:
    case = await standing.channelled()
    made = await ordered(standing, case["id"])
    here = (await standing.post("dif-chp", "/admissions", admission(case["id"], made["id"], sex="M"), 201)).json()
    path = f"/measures/{made['id']}"
    told: dict[str, Any] = {}
    for agency, claims in (("pp-chp", {}), ("pp-fed", {}), ("dif-chp", {}), ("mp-fed", MP), (CAS, HOUSED)):
        told[agency] = (await standing.get(agency, path, **claims))["reasons"] is not None
    assert told == {"pp-chp": True, "pp-fed": True, "dif-chp": False, "mp-fed": True, CAS: False}
    for agency, status in (("inm-chp", 403), ("unicef", 403), ("comar", 403)):
        await standing.get(agency, path, status)
        await standing.get(agency, f"/admissions/{here['id']}", status)
    await standing.get("pp-oax", path, 404, state="MX-OAX")
    await standing.get("dif-oax", path, 404, state="MX-OAX")
    await standing.get("mp-fed", f"/admissions/{here['id']}", 403, **MP)
    await standing.get("cas-chp-otro", f"/admissions/{here['id']}", 404, **HOUSED)
    await standing.get("pp-chp", f"/measures/{ids.new('msr')}", 404)
    listed = (await standing.get("pp-chp", f"/measures?case_id={case['id']}"))["items"]
    assert [(each["id"], each["reasons"]) for each in listed] == [(made["id"], None)]
