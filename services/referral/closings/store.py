"""Every SQL statement of closings."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.closings.models import Closing, Reopening
from services.referral.closings.rules import ClosingState
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState


def readable(caller: Caller) -> Any:
    """Select the closings of the cases that the caller may read."""
    return select(Closing).where(col(Closing.case_id).in_(cases.readable(caller).with_only_columns(Case.id)))


async def of_case(session: AsyncSession, caller: Caller, case_id: str) -> Sequence[Closing]:
    """Return the requests to close a case, oldest first."""
    statement = readable(caller).where(Closing.case_id == case_id).order_by(col(Closing.id))
    found: Sequence[Closing] = (await session.exec(statement)).all()
    return found


async def pending(session: AsyncSession, case_id: str) -> Closing | None:
    """Return the request of a locked case that nobody has decided on, if there is one."""
    statement = select(Closing).where(Closing.case_id == case_id, Closing.state == ClosingState.REQUESTED)
    return (await session.exec(statement)).first()


async def reopenings(session: AsyncSession, case_id: str) -> Sequence[Reopening]:
    """Return the reopenings of a case that the caller may read, oldest first."""
    return (await session.exec(select(Reopening).where(Reopening.case_id == case_id).order_by(col(Reopening.id)))).all()


async def running(session: AsyncSession, case_id: str) -> Sequence[Clock]:
    """Return the clocks that a case still has running."""
    statement = select(Clock).where(Clock.case_key == case_id, Clock.state == ClockState.RUNNING)
    return (await session.exec(statement.order_by(col(Clock.id)))).all()
