"""Use cases: open the tasks ahead of the 18th birthday, do one, go by a birthday that was corrected."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate
from services.referral.cases.schemas import StepIn
from services.referral.majority import rules, store
from services.referral.majority.models import Task
from services.referral.majority.rules import Duty, TaskState
from services.referral.majority.schemas import TaskOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.db import Database
from shared.errors import IllegalMove, NotFound
from shared.zones import local_day

_BATCH = 20
_CAPITAL = "MX-CMX"


def _horizon() -> str:
    return rules.horizon(local_day(clock.now(), _CAPITAL))


async def turn(database: Database) -> int:
    """Open the tasks of every child who soon turns 18. Returns how many cases it opened them for."""
    horizon = _horizon()
    async with database.work(write=False) as session:
        if not await store.any_near(session, horizon):
            return 0
    async with database.work() as session:
        found = await store.near(session, horizon, _BATCH)
        for case in found:
            await _open(session, case)
        return len(found)


async def _open(session: AsyncSession, case: Case) -> None:
    """Open the tasks of stage 4. The case stays where it is: someone decides, not the calendar."""
    assert case.majority_month is not None
    now, due = clock.now(), rules.due(case.majority_month)
    for duty in Duty:
        dif = case.dif or competent(Kind.DIF, case.state).id
        agency = dif if rules.WHOSE[duty] is Kind.DIF else case.representative
        task = Task(id=ids.new("tsk"), case_id=case.id, duty=duty, agency=agency, opened_at=now, due_at=due)
        session.add(task)
        made = clocks.started(rules.DEADLINE[duty], case=case.id, resource_id=task.id, agency=agency, at=now)
        made.due_at = max(due, now)
        made.warn_at = made.next_at = now + (made.due_at - now) * 2 / 3
        session.add(made)
        await case_store.join(session, case.id, agency, now)
    cases.open_gate(session, SYSTEM, case, Gate.MAJORITY_NEAR, evidence=case.id)
    audit.wrote(session, SYSTEM, "open_tasks", "case", case.id, month=case.majority_month)
    cases.enter(session, case, code="majority.near", subject=case.id)
    await session.flush()


async def born(session: AsyncSession, case: Case, month: str | None) -> None:
    """Go by the month in which the child of a locked case turns 18, as intake knows it from now on.

    Where that is later than was thought, tasks that nobody has done are cancelled: they open again in time.
    """
    if case.majority_month == month:
        return
    case.majority_month = month
    cases.changed(session, case)
    audit.wrote(session, SYSTEM, "learn_month", "case", case.id)
    standing = await store.standing(session, case.id)
    if not standing or (month is not None and month <= _horizon()):
        return
    for task in standing:
        if task.state is TaskState.OPEN:
            task.state = TaskState.CANCELLED
            await clocks.cancel(session, rules.DEADLINE[task.duty].id, task.id)
    if not any(task.state is TaskState.DONE for task in standing):
        cases.close_gate(session, SYSTEM, case, Gate.MAJORITY_NEAR, evidence=case.id)


async def closed(session: AsyncSession, case: Case) -> None:
    """Take in that a case was closed: what is still open of its tasks falls away."""
    for task in await store.standing(session, case.id):
        if task.state is TaskState.OPEN:
            task.state = TaskState.CANCELLED


async def index(session: AsyncSession, caller: Caller, case_id: str) -> list[TaskOut]:
    """Return the tasks of a case that the caller may read, oldest first."""
    await cases.find(session, caller, case_id)
    return [_show(caller, task) for task in await store.of_case(session, caller, case_id)]


async def do(session: AsyncSession, caller: Caller, case_id: str, task_id: str, body: StepIn) -> TaskOut:
    """Take down that a task was done, by the agency that owes it. Raises NotFound, IllegalMove."""
    case = await cases.find_with_clocks(session, caller, case_id)
    task = await store.get(session, caller, case.id, task_id)
    if task is None:
        raise NotFound
    if task.agency != caller.agency:
        raise IllegalMove("Who owes a task does it.", allowed_actions=[])
    task.state = rules.done(task.state)
    task.done_at, task.done_by, task.reference = clock.now(), f"{caller.agency}/{body.officer}", body.reference
    await clocks.meet(session, rules.DEADLINE[task.duty].id, task.id)
    audit.wrote(session, caller, "done", "task", task.id, case=case.id, duty=task.duty.value)
    cases.enter(session, case, code="majority.task_done", subject=task.id, agency=caller.agency)
    return _show(caller, task)


def _show(caller: Caller, task: Task) -> TaskOut:
    may = ["done"] if task.state is TaskState.OPEN and task.agency == caller.agency else []
    return TaskOut(allowed_actions=may, **task.model_dump())
