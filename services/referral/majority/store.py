"""Every SQL statement of the tasks of stage 4."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Status
from services.referral.majority.models import Task
from services.referral.majority.rules import TaskState
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the tasks that the caller's agency owes, and for the Procuraduría those of its territory."""
    local = cases.readable(caller).where(cases.represented(caller)).with_only_columns(Case.id)
    own = and_(Task.agency == caller.agency, col(Task.case_id).not_in(cases.kept_from(caller)))
    return select(Task).where(or_(own, col(Task.case_id).in_(local)))


async def of_case(session: AsyncSession, caller: Caller, case_id: str) -> Sequence[Task]:
    """Return the tasks of a case that the caller may read, oldest first."""
    statement = readable(caller).where(Task.case_id == case_id).order_by(col(Task.id))
    found: Sequence[Task] = (await session.exec(statement)).all()
    return found


async def get(session: AsyncSession, caller: Caller, case_id: str, task_id: str) -> Task | None:
    """Return a task of a locked case that the caller may read."""
    found: Task | None = (
        await session.exec(readable(caller).where(Task.case_id == case_id, Task.id == task_id))
    ).first()
    return found


async def standing(session: AsyncSession, case_id: str) -> Sequence[Task]:
    """Return the tasks of a locked case that were not cancelled."""
    statement = select(Task).where(Task.case_id == case_id, Task.state != TaskState.CANCELLED)
    return (await session.exec(statement.order_by(col(Task.id)))).all()


async def near(session: AsyncSession, horizon: str, limit: int) -> Sequence[Case]:
    """Return open cases of children who soon turn 18 and have no tasks yet, locked; what is locked is skipped."""
    tasked = select(Task.case_id).where(Task.state != TaskState.CANCELLED)
    statement = (
        cases.readable(SYSTEM)
        .where(col(Case.majority_month) <= horizon, Case.status != Status.CLOSED, col(Case.id).not_in(tasked))
        .order_by(col(Case.majority_month), col(Case.id))
        .limit(limit)
    )
    locked = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    found: Sequence[Case] = (await session.exec(locked)).all()
    return found


async def any_near(session: AsyncSession, horizon: str) -> bool:
    """Whether there is such a case: a read, so that an idle worker takes no write lock."""
    tasked = select(Task.case_id).where(Task.state != TaskState.CANCELLED)
    statement = select(Case.id).where(
        col(Case.majority_month) <= horizon, Case.status != Status.CLOSED, col(Case.id).not_in(tasked)
    )
    return (await session.exec(statement.limit(1))).first() is not None
