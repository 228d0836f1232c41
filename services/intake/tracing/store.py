"""Every SQL statement on searches for relatives."""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.tracing.models import Tracing
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the searches for relatives of children whom the caller may know of."""
    return select(Tracing).where(col(Tracing.child_id).in_(children.readable(caller).with_only_columns(Child.id)))


async def get(session: AsyncSession, caller: Caller, tracing_id: str, *, lock: bool = False) -> Tracing | None:
    """Return a search that the caller may read, locked if wished."""
    statement = readable(caller).where(Tracing.id == tracing_id)
    found: Tracing | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found
