"""Whole cases driven at random: what must hold in every state, holds after every step."""

import asyncio
import contextlib
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlmodel import col, select

from services.referral.agencies.service import SYSTEM
from services.referral.cases import machine, rules, store
from services.referral.cases import service as cases
from services.referral.cases.models import Case, CaseBar, CaseEntry, CaseGate, CaseRepresentation
from services.referral.cases.rules import ELSEWHERE, Action, Bar, Gate, Representation, Status
from services.referral.clocks.service import fired
from services.referral.closings.models import Closing
from services.referral.majority.service import turn
from shared import clock
from shared.clocks import service as clocks
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.cases_world import APPOINTED, EVERY_GATE, OFFICER, SUPERVISOR, absence, opened, put
from tests.unit.referral.protection_world import tell
from tests.unit.referral.world import World

STARTED = datetime.fromisoformat("2026-11-20T15:00:00Z")
AGENCIES = ("pp-chp", "dif-chp", "inm-chp", "pp-fed")
STEPS = ("admit", "begin-restitution", "regularise", "reunify", "begin-transition", "take-up", "resume")
PAST_DETECTED = set(rules.ON_THE_ROUTE) - {Status.DETECTED}
AWAY = (Action.TRANSFER, Action.ARRIVE, Action.CALL_OFF)


class AnyCase(RuleBasedStateMachine):
    """One case; everybody who may touch it tries whatever there is."""

    world: World
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.now = STARTED
        self.case_id = self.child_id = ""
        self.lines: list[CaseEntry] = []
        self.came_from: dict[Status, Status] = {}
        self.last: Case | None = None

    def do(self, work: Any) -> Any:
        self.now += timedelta(seconds=7)
        with clock.at(self.now):
            return self.runner.run(work, context=copy_context())

    @initialize(ahead=st.sampled_from(["met", "channelled", "planned", "planned"]))
    def a_child_is_met(self, ahead: str) -> None:
        """Few random walks would come far: most begin ahead."""
        if ahead == "met":
            self.child_id = self.do(self.world.encounter())
            self.case_id = self.do(self.world.file(self.child_id))["id"]
        else:
            case = self.do(self.world.channelled())
            self.child_id, self.case_id = case["child_id"], case["id"]
        if ahead == "planned":
            self.do(put(self.world, self.case_id, Status.RESTITUTION, gates=EVERY_GATE))
        self.look()

    @rule(kind=st.sampled_from(["PP_NOTICE", "DIF_HANDOVER"]), action=st.sampled_from(["receive", "accept"]))
    def a_referral_is_answered(self, kind: str, action: str) -> None:
        referral = self.do(self.world.opened(self.child_id, kind))
        self.post(referral["recipient"], f"/referrals/{referral['id']}/{action}", None)

    @rule()
    def inm_issues_the_acta(self) -> None:
        self.post("inm-chp", "/actas", {"case_id": self.case_id, "dif_recipient": "Ana", "place": "Tapachula"})

    @rule(agency=st.sampled_from(AGENCIES), step=st.sampled_from(STEPS))
    def somebody_takes_a_step(self, agency: str, step: str) -> None:
        self.post(agency, f"/cases/{self.case_id}/{step}", OFFICER)

    @rule(action=st.sampled_from(sorted(ELSEWHERE)))
    def another_slice_takes_a_step(self, action: Action) -> None:
        async def taken() -> None:
            async with self.world.runtime.database.work() as session:
                cases.advance(session, SYSTEM, await cases.find(session, SYSTEM, self.case_id, lock=True), action)

        if action not in (Action.NOTIFY, Action.ISSUE_ACTA):
            with contextlib.suppress(IllegalMove, RefusedByLaw):
                self.do(taken())
            self.look()

    @rule(gates=st.sets(st.sampled_from(EVERY_GATE), max_size=6), bars=st.sets(st.sampled_from(list(Bar)), max_size=1))
    def facts_are_proven(self, gates: set[Gate], bars: set[Bar]) -> None:
        async def proven() -> None:
            async with self.world.runtime.database.work() as session:
                case = await cases.find(session, SYSTEM, self.case_id, lock=True)
                for gate in sorted(gates - {Gate.PP_ACKNOWLEDGED, Gate.DIF_ACCEPTED}):
                    cases.open_gate(session, SYSTEM, case, gate, evidence="test")
                for bar in Bar:
                    (cases.set_bar if bar in bars else cases.lift_bar)(session, SYSTEM, case, bar, evidence="test")

        self.do(proven())
        self.look()

    @rule(agency=st.sampled_from(AGENCIES), kind=st.sampled_from(["LEFT_CARE", "MISSING"]))
    def somebody_reports_an_absence(self, agency: str, kind: str) -> None:
        with clock.at(self.now):
            body = absence(kind)
        self.post(agency, f"/cases/{self.case_id}/absences", body)

    @precondition(lambda self: self.last is not None and self.last.status in (Status.LEFT_CARE, Status.MISSING))
    @rule(agency=st.sampled_from(AGENCIES), state=st.sampled_from([None, "MX-CHP"]))
    def the_child_is_found(self, agency: str, state: str | None) -> None:
        (*_, row) = self.do(self.world.get("pp-fed", f"/cases/{self.case_id}/absences"))["items"]
        body = OFFICER | {"how": "CAME_BACK"} | ({"state": state} if state else {})
        self.post(agency, f"/cases/{self.case_id}/absences/{row['id']}/find", body)

    @rule(agency=st.sampled_from(["pp-chp", "dif-chp"]), officer=st.sampled_from(["pp-0001", "pp-0002"]))
    def somebody_asks_to_close(self, agency: str, officer: str) -> None:
        self.post(agency, f"/cases/{self.case_id}/closings", {"officer": officer, "reason": "PLAN_FULFILLED"})

    @rule(officer=st.sampled_from(["pp-0001", "PP-0001", "pp-0003"]), role=st.sampled_from(["officer", "supervisor"]))
    def somebody_approves(self, officer: str, role: str) -> None:
        self.post("pp-chp", f"/cases/{self.case_id}/closings/approve", {"officer": officer}, role=role)

    @rule()
    def the_case_is_reopened(self) -> None:
        self.post("pp-chp", f"/cases/{self.case_id}/reopen", OFFICER | {"reason": "NEW_FACTS"}, **SUPERVISOR)

    @rule()
    def inm_meets_the_child_again(self) -> None:
        self.do(self.world.encounter(self.child_id))
        self.look(steps=3)

    @precondition(lambda self: self.last is not None and self.last.status in rules.ENDING)
    @rule(agency=st.sampled_from(["pp-chp", "dif-chp"]))
    def the_case_is_closed(self, agency: str) -> None:
        self.somebody_asks_to_close(agency, "pp-0002")
        self.somebody_approves("pp-0003", "supervisor")

    @rule(ends=st.booleans())
    def the_representative_changes(self, ends: bool) -> None:
        base = f"/cases/{self.case_id}/representation"
        if ends:
            self.post("pp-chp", f"{base}/end", OFFICER | {"reason": "RESIGNED"})
        else:
            self.post("pp-chp", base, APPOINTED | OFFICER)

    @rule(hours=st.sampled_from([1, 30, 24 * 200]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.do(tell(self.world, self.child_id, majority_month="2027-05"))
        self.do(turn(self.world.runtime.database))
        self.do(clocks.fire(self.world.runtime.database, fired))
        self.look(steps=2)

    def post(self, agency: str, path: str, body: Any, **claims: Any) -> None:
        answer = self.do(self.world.post(agency, path, body, **claims))
        assert answer.status_code in (200, 201, 403, 409), answer.text
        if answer.status_code == 409:
            assert "allowed_actions" in answer.json()
        self.look(refused=answer.status_code >= 400)

    # -- what holds ------------------------------------------------------------------------------------

    def look(self, *, refused: bool = False, steps: int = 1) -> None:
        case, lines, rows = self.do(self.read())
        self._is_represented(case, rows)
        if case.status in PAST_DETECTED:
            assert Gate.PP_ACKNOWLEDGED in case.standing.gates
        for kind, column, flag in ((CaseGate, "gate", "opened"), (CaseBar, "bar", "raised")):
            standing = machine.folded((getattr(row, column).value, getattr(row, flag)) for row in rows[kind])
            assert standing == set((case.gates if kind is CaseGate else case.bars) or ())
        if case.status is Status.CLOSED:
            approved = [row for row in rows[Closing] if row.state == "approved"]
            assert approved
            assert approved[-1].decided_by.casefold() != approved[-1].requested_by.casefold()
        self._came_back(case)
        assert [line.model_dump() for line in lines[: len(self.lines)]] == [line.model_dump() for line in self.lines]
        if self.last is not None:
            grown = case.version - self.last.version
            assert 0 <= grown <= steps
            assert not (refused and grown)
            assert grown or (case.status, case.gates) == (self.last.status, self.last.gates)
        self.lines, self.last = lines, case

    def _is_represented(self, case: Case, rows: Any) -> None:
        """Somebody represents the child at every moment, and the Procuraduría stands by."""
        history: list[CaseRepresentation] = rows[CaseRepresentation]
        assert case.representative
        assert [row.until for row in history[:-1]] == [row.since for row in history[1:]]
        assert all(row.procuraduria for row in history)
        kind = history[-1].kind if history else Representation.PP_EN_SUPLENCIA
        assert (kind, history[-1].until if history else None) == (case.representation, None)

    def _came_back(self, case: Case) -> None:
        """What stepped aside knows where it came from, and returns there."""
        before = self.last
        if case.status in rules.ON_THE_ROUTE:
            assert case.resumes is None
            if before is not None and before.status in rules.SIDE:
                assert case.status is before.resumes
            return
        assert case.resumes in rules.ON_THE_ROUTE
        if before is not None and before.status is not case.status:
            assert case.resumes is (before.status if before.status in rules.ON_THE_ROUTE else before.resumes)

    async def read(self) -> tuple[Case, list[CaseEntry], dict[Any, Any]]:
        async with self.world.runtime.database.work(write=False) as session:
            case = await cases.find(session, SYSTEM, self.case_id)
            found = select(CaseEntry).where(CaseEntry.case_id == case.id)
            lines = list((await session.exec(found.order_by(col(CaseEntry.at), col(CaseEntry.id)))).all())
            rows: dict[Any, Any] = {CaseRepresentation: list(await store.representations(session, case.id))}
            for model in (CaseGate, CaseBar, Closing):
                mine = select(model).where(model.case_id == case.id).order_by(col(model.id))
                rows[model] = (await session.exec(mine)).all()
            return case, lines, rows


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [5, pytest.param(200, marks=pytest.mark.long)])
def test_whatever_is_tried_a_case_stays_lawful(run_folder: Path, tmp_path: Path, examples: int) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        AnyCase.runner = runner
        AnyCase.world = runner.run(stack.enter_async_context(opened(run_folder, tmp_path)))
        checks = list(HealthCheck)
        run_state_machine_as_test(
            AnyCase,
            settings=settings(max_examples=examples, stateful_step_count=20, deadline=None,
                              suppress_health_check=checks),
        )  # fmt: skip
        runner.run(stack.aclose())
