"""Every SQL statement on screenings."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.screenings.models import Screening
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the screenings of the children whom the caller may know of. What they found is the Procuraduría's."""
    return select(Screening).where(col(Screening.child_id).in_(children.readable(caller).with_only_columns(Child.id)))


async def of_child(session: AsyncSession, caller: Caller, child_id: str) -> Sequence[Screening]:
    """Return a child's screenings, oldest first."""
    statement = readable(caller).where(Screening.child_id == child_id).order_by(col(Screening.id))
    found: Sequence[Screening] = (await session.exec(statement)).all()
    return found
