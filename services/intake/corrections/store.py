"""Every SQL statement on requests for correction."""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.corrections.models import Correction
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the requests about children whom the caller may know of."""
    mine = children.readable(caller).with_only_columns(Child.id)
    return select(Correction).where(col(Correction.child_id).in_(mine))


async def get(session: AsyncSession, caller: Caller, correction_id: str, *, lock: bool = False) -> Correction | None:
    """Return a request that the caller may read, locked if wished."""
    statement = readable(caller).where(Correction.id == correction_id)
    found: Correction | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found
