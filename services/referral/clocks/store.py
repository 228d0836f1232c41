"""What is due for an agency, soonest first."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.clocks import store
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.paging import Paging


def readable(caller: Caller) -> Any:
    """Select the clocks of the duties that the caller's agency owes."""
    return store.readable(caller)


async def due(session: AsyncSession, caller: Caller, paging: Paging, state: ClockState | None) -> Sequence[Clock]:
    """Return one page, and one row more, by due time."""
    statement = readable(caller)
    if state is not None:
        statement = statement.where(Clock.state == state)
    if paging.after is not None:  # due times never change, so the last row shown is a firm anchor
        last = select(Clock.due_at).where(Clock.id == paging.after).scalar_subquery()
        later = and_(col(Clock.due_at) == last, col(Clock.id) > paging.after)
        statement = statement.where(or_(col(Clock.due_at) > last, later))
    statement = statement.order_by(col(Clock.due_at), col(Clock.id)).limit(paging.limit + 1)
    found: Sequence[Clock] = (await session.exec(statement)).all()
    return found
