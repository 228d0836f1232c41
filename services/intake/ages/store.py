"""Every SQL statement on age decisions."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.ages.models import AgeDecision
from services.intake.children import store as children
from services.intake.children.models import Child
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the decisions on the children whom the caller may know of."""
    mine = children.readable(caller).with_only_columns(Child.id)
    return select(AgeDecision).where(col(AgeDecision.child_id).in_(mine))


async def of_child(session: AsyncSession, caller: Caller, child_id: str) -> Sequence[AgeDecision]:
    """Return the decisions on a child's age, oldest first."""
    statement = readable(caller).where(AgeDecision.child_id == child_id).order_by(col(AgeDecision.id))
    found: Sequence[AgeDecision] = (await session.exec(statement)).all()
    return found
