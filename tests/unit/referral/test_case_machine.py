"""Every cell of the machine of cases: state, action, whoever acts; and every gate and bar."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.referral.agencies.service import SYSTEM
from services.referral.cases import laws, machine, rules
from services.referral.cases import service as cases
from services.referral.cases.machine import Standing
from services.referral.cases.models import CaseEntry
from services.referral.cases.rules import Action, Bar, Gate, Part, Status
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import caller, opened
from tests.unit.referral.world import World

BY_HAND = """
DETECTED: notify>NOTIFIED report_missing>MISSING
NOTIFIED: issue_acta>CHANNELLED report_missing>MISSING
CHANNELLED: admit>IN_CARE transfer>TRANSFERRED report_left_care>LEFT_CARE report_missing>MISSING
IN_CARE: open_bid>BID_OPEN begin_transition>TRANSITION_18 transfer>TRANSFERRED report_left_care>LEFT_CARE
 report_missing>MISSING
BID_OPEN: issue_prd>PRD_ISSUED begin_transition>TRANSITION_18 transfer>TRANSFERRED report_left_care>LEFT_CARE
 report_missing>MISSING
PRD_ISSUED: begin_restitution>RESTITUTION open_bid>BID_OPEN begin_transition>TRANSITION_18 transfer>TRANSFERRED
 report_left_care>LEFT_CARE report_missing>MISSING
RESTITUTION: open_bid>BID_OPEN return>RETURN regularise>REGULARISED recognise>REFUGE reunify>FAMILY_REUNIFIED
 begin_transition>TRANSITION_18 transfer>TRANSFERRED report_left_care>LEFT_CARE report_missing>MISSING
 request_close>RESTITUTION close>CLOSED
RETURN: take_up>RESTITUTION request_close>RETURN close>CLOSED
REGULARISED: recognise>REFUGE begin_transition>TRANSITION_18 take_up>RESTITUTION transfer>TRANSFERRED
 report_left_care>LEFT_CARE report_missing>MISSING request_close>REGULARISED close>CLOSED
REFUGE: regularise>REGULARISED begin_transition>TRANSITION_18 take_up>RESTITUTION transfer>TRANSFERRED
 report_left_care>LEFT_CARE report_missing>MISSING request_close>REFUGE close>CLOSED
FAMILY_REUNIFIED: take_up>RESTITUTION transfer>TRANSFERRED report_missing>MISSING request_close>FAMILY_REUNIFIED
 close>CLOSED
TRANSITION_18: recognise>REFUGE regularise>REGULARISED take_up>RESTITUTION transfer>TRANSFERRED
 report_left_care>LEFT_CARE report_missing>MISSING request_close>TRANSITION_18 close>CLOSED
CLOSED: reopen>REOPENED
TRANSFERRED: arrive>BACK call_off>BACK report_left_care>LEFT_CARE report_missing>MISSING
LEFT_CARE: report_missing>MISSING find>BACK request_close>LEFT_CARE close>CLOSED
MISSING: find>BACK request_close>MISSING close>CLOSED
REOPENED: report_missing>MISSING resume>BACK
"""
"""The machine, written down once more by hand from the route: the table in the rules has to say the same."""

INM, PP, DIF, CAS = "INM", "PP", "DIF", "CAS"
ACTORS = {
    "inm-chp": caller("inm-chp", INM), "pp-chp": caller("pp-chp", PP),
    "pp-chp/supervisor": caller("pp-chp", PP, role="supervisor"), "pp-fed": caller("pp-fed", PP, state=None),
    "pp-oax": caller("pp-oax", PP, state="MX-OAX"), "dif-chp": caller("dif-chp", DIF),
    "dif-oax": caller("dif-oax", DIF, state="MX-OAX"), "cas-1": caller("cas-1", CAS),
    "comar": caller("comar", "COMAR", state=None), "unicef": caller("unicef", "UNICEF", state=None),
    "inm-chp/supervisor": caller("inm-chp", INM, role="supervisor"),
}  # fmt: skip
_ANY = set(ACTORS)
_PPS = {"pp-chp", "pp-chp/supervisor", "pp-fed", "pp-oax"}
_HERE = _PPS - {"pp-oax"}
_INMS = {"inm-chp", "inm-chp/supervisor"}
MAY: dict[Action, set[str]] = {
    Action.NOTIFY: _PPS, Action.ISSUE_ACTA: _INMS, Action.ADMIT: {"dif-chp", "cas-1"}, Action.OPEN_BID: _HERE,
    Action.ISSUE_PRD: _HERE, Action.BEGIN_RESTITUTION: _HERE, Action.RETURN: _INMS, Action.REGULARISE: _INMS,
    Action.RECOGNISE: {"comar"} | _HERE, Action.REUNIFY: _HERE, Action.BEGIN_TRANSITION: {"dif-chp"} | _HERE,
    Action.TAKE_UP: _HERE, Action.TRANSFER: {"dif-chp", "cas-1"} | _HERE,
    Action.ARRIVE: _PPS | {"dif-chp", "dif-oax", "cas-1"}, Action.CALL_OFF: _PPS | {"dif-chp", "dif-oax", "cas-1"},
    Action.REPORT_LEFT_CARE: _ANY, Action.REPORT_MISSING: _ANY,
    Action.FIND: _PPS | _INMS | {"dif-chp", "dif-oax", "cas-1"}, Action.REQUEST_CLOSE: {"dif-chp"} | _HERE,
    Action.CLOSE: {"pp-chp/supervisor"}, Action.REOPEN: _HERE, Action.RESUME: _HERE,
}  # fmt: skip


def by_hand() -> dict[tuple[Status, Action], Status | None]:
    found: dict[tuple[Status, Action], Status | None] = {}
    for line in BY_HAND.replace("\n ", " ").strip().splitlines():
        state, _, moves = line.partition(": ")
        for move in moves.split():
            action, _, target = move.partition(">")
            found[Status(state), Action(action)] = None if target == "BACK" else Status(target)
    return found


def ready(status: Status, action: Action) -> Standing:
    """A case that lacks nothing for this step."""
    gates = set(Gate) - ({Gate.CLOSING_ASKED} if action is Action.REQUEST_CLOSE else set())
    aside = status in rules.SIDE or status is Status.CLOSED
    return Standing(status, frozenset(gates), frozenset(), Status.IN_CARE if aside else None)


def test_the_table_is_the_one_that_was_written_by_hand() -> None:
    assert by_hand() == rules.TRANSITIONS
    assert {action for _, action in rules.TRANSITIONS} == set(Action) == set(rules.WHO) == set(MAY)


def test_every_cell_goes_where_it_should_and_nowhere_else() -> None:
    expected = by_hand()
    for status in Status:
        for action in Action:
            standing = ready(status, action)
            if (status, action) not in expected:
                with pytest.raises(IllegalMove):
                    machine.advance(standing, action, {Part.SYSTEM})
                continue
            target, resumes = machine.advance(standing, action, {Part.SYSTEM})
            assert target is (expected[status, action] or Status.IN_CARE), (status, action)
            if target is status:
                assert resumes is standing.resumes
            elif target in rules.SIDE or target is Status.CLOSED:
                assert resumes is (standing.resumes or status), (status, action)
            else:
                assert resumes is None


def test_every_step_is_taken_by_whom_it_belongs_to_and_by_nobody_else() -> None:
    for (status, action), name in ((cell, name) for cell in by_hand() for name in ACTORS):
        held = machine.parts(ACTORS[name], state="MX-CHP", dif="dif-chp")
        standing = ready(status, action)
        if name in MAY[action]:
            assert machine.advance(standing, action, held)
            assert action.value in machine.allowed(standing, held)
        else:
            with pytest.raises(IllegalMove) as refused:
                machine.advance(standing, action, held)
            assert action.value not in (refused.value.allowed_actions or ())


def test_no_token_is_ruta_itself() -> None:
    named = caller("referral", "SYSTEM", state=None, role="system")
    assert machine.parts(named, state="MX-CHP", dif=None) == {Part.PARTY}
    stateless = caller("pp-nowhere", PP, state=None, role="supervisor")  # a Procuraduría without a state is not federal
    assert machine.parts(stateless, state="MX-CHP", dif=None) == {Part.PARTY, Part.PP}


GATES: dict[Action, dict[Gate, str]] = {
    Action.NOTIFY: {Gate.PP_ACKNOWLEDGED: "R4"},
    Action.ISSUE_ACTA: {Gate.PP_ACKNOWLEDGED: "R4", Gate.DIF_ACCEPTED: "R6"},
    Action.ADMIT: {Gate.MEASURE_LIVE: "R11"},
    Action.OPEN_BID: {Gate.REPRESENTED: "R26"},
    Action.ISSUE_PRD: {
        Gate.REPRESENTED: "R26", Gate.CHILD_HEARD: "R27", Gate.BID_SIGNED: "LGDNNA123", Gate.PRD_SIGNED: "LGDNNA123",
    },
    Action.BEGIN_RESTITUTION: {Gate.PRD_SIGNED: "LGDNNA123"},
    Action.RETURN: {Gate.PRD_SIGNED: "LGDNNA123", Gate.CHILD_HEARD: "R27", Gate.RETURN_READY: "R21"},
    Action.REGULARISE: {Gate.PRD_SIGNED: "LGDNNA123"},
    Action.RECOGNISE: {Gate.RECOGNISED: "LRPCAP24"},
    Action.REUNIFY: {Gate.PRD_SIGNED: "LGDNNA123", Gate.CHILD_HEARD: "R27"},
    Action.BEGIN_TRANSITION: {Gate.MAJORITY_NEAR: "R38"},
    Action.REQUEST_CLOSE: {Gate.ITEMS_SETTLED: "R25"},
    Action.CLOSE: {Gate.ITEMS_SETTLED: "R25", Gate.CLOSING_ASKED: "R25"},
    Action.RESUME: {Gate.PP_ACKNOWLEDGED: "R4"},
}  # fmt: skip


@pytest.mark.parametrize("action", list(Action))
def test_a_step_is_refused_with_the_rule_of_every_gate_that_is_missing(action: Action) -> None:
    gates = GATES.get(action, {})
    assert set(rules.GATES.get(action, ())) == set(gates)
    status = next(status for status, each in rules.TRANSITIONS if each is action)
    whole = ready(status, action)
    for gate, rule in gates.items():
        lacking = Standing(status, whole.gates - {gate}, whole.bars, whole.resumes)
        with pytest.raises(RefusedByLaw) as refused:
            machine.advance(lacking, action, {Part.SYSTEM})
        assert refused.value.law is not None
        assert refused.value.law.rule == rule
        assert action.value not in machine.allowed(lacking, {Part.SYSTEM})
    if gates:
        with pytest.raises(RefusedByLaw) as refused:
            machine.advance(Standing(status, frozenset(), frozenset(), whole.resumes), action, {Part.SYSTEM})
        for gate, rule in gates.items():
            assert f"{gate.value} ({rule}, " in refused.value.detail


BARS = {
    Action.RETURN: (set(Bar), "R21"),
    Action.REQUEST_CLOSE: ({Bar.CLAIM_PENDING, Bar.APPEAL_PENDING}, "R38-PENDING"),
    Action.CLOSE: ({Bar.CLAIM_PENDING, Bar.APPEAL_PENDING}, "R38-PENDING"),
}


@pytest.mark.parametrize("action", list(Action))
def test_a_bar_forbids_what_it_forbids_and_nothing_else(action: Action) -> None:
    barred, rule = BARS.get(action, (set(), ""))
    status = next(status for status, each in rules.TRANSITIONS if each is action)
    for bar in Bar:
        whole = ready(status, action)
        standing = Standing(status, whole.gates, frozenset({bar}), whole.resumes)
        if bar not in barred:
            assert machine.advance(standing, action, {Part.SYSTEM})
            continue
        with pytest.raises(RefusedByLaw) as refused:
            machine.advance(standing, action, {Part.SYSTEM})
        assert refused.value.law is not None
        assert (refused.value.law.rule, action.value in machine.allowed(standing, {Part.SYSTEM})) == (rule, False)


def test_a_refusal_tells_nobody_of_a_claim_who_must_not_know_of_it() -> None:
    standing = Standing(Status.RESTITUTION, frozenset(Gate), frozenset({Bar.CLAIM_PENDING}))
    inm = machine.parts(ACTORS["inm-chp"], state="MX-CHP", dif="dif-chp")
    with pytest.raises(RefusedByLaw) as refused:
        machine.advance(standing, Action.RETURN, inm)
    assert "CLAIM" not in refused.value.detail
    supervisor = machine.parts(ACTORS["pp-chp/supervisor"], state="MX-CHP", dif="dif-chp")
    with pytest.raises(RefusedByLaw, match="CLAIM_PENDING"):
        machine.advance(standing, Action.CLOSE, supervisor)


@pytest.mark.parametrize("name", list(ACTORS))
def test_recognition_is_known_to_the_procuraduria_of_the_territory_and_to_comar(name: str) -> None:
    held = machine.parts(ACTORS[name], state="MX-CHP", dif="dif-chp")
    shown = Status.REFUGE if name in _HERE | {"comar"} else Status.RESTITUTION
    assert machine.seen_by(Status.REFUGE, held) is shown
    for status in set(Status) - {Status.REFUGE}:
        assert machine.seen_by(status, held) is status


def test_nothing_that_inm_may_do_tells_recognition_from_a_plan_that_goes_on() -> None:
    inm = machine.parts(ACTORS["inm-chp"], state="MX-CHP", dif="dif-chp")
    gates = frozenset(Gate) - {Gate.RETURN_READY}
    assert machine.allowed(Standing(Status.REFUGE, gates), inm) == machine.allowed(
        Standing(Status.RESTITUTION, gates), inm
    )


def test_every_state_on_the_route_has_a_stage_a_leader_and_a_way_forward() -> None:
    assert set(rules.STAGES) == set(rules.ON_THE_ROUTE) <= set(rules.LEADS)
    assert set(rules.STAGES.values()) == {1, 2, 3, 4}
    assert set(rules.ON_THE_ROUTE) <= set(rules.FORWARD)
    assert all((status, action) in rules.TRANSITIONS for status, action in rules.FORWARD.items())


def test_every_rule_of_the_machine_is_published() -> None:
    used = {*rules.LAWS.values(), *rules.BARRED.values()}
    assert used <= set(laws.RULES)
    assert set(rules.LAWS) == set(Gate)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(run_folder, tmp_path_factory.mktemp("machine")) as world:
        yield world


@pytest.mark.asyncio(loop_scope="module")
async def test_each_lawful_move_happens_once_in_the_database_and_is_refused_where_it_does_not_exist(
    standing: World,
) -> None:
    case = await standing.file(await standing.encounter())
    lawful = by_hand()
    async with standing.runtime.database.work() as session:  # one transaction: what is not asked here is its end
        row = await cases.find(session, SYSTEM, case["id"], lock=True)
        for status in Status:
            for action in Action:
                given = ready(status, action)
                row.status, row.resumes, row.dif = status, given.resumes, "dif-chp"
                row.gates, row.notified_at = [gate.value for gate in given.gates], row.created_at
                session.info.clear()
                version = row.version
                if (status, action) in lawful:
                    cases.advance(session, SYSTEM, row, action)
                    await session.flush()
                    assert (row.status, row.version) == (lawful[status, action] or Status.IN_CARE, version + 1)
                if (row.status, action) not in lawful:
                    with pytest.raises(IllegalMove):
                        cases.advance(session, SYSTEM, row, action)
    entries = await standing.rows(CaseEntry, CaseEntry.case_id == case["id"])
    assert len([each for each in entries if each.code.startswith("case.")]) == len(lawful) + 1  # and its opening
