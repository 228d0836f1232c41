"""Every SQL statement on children."""

from typing import Any

from sqlmodel import false, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from shared.auth import Caller

AUTHORITIES = ("INM", "PP")


def readable(caller: Caller) -> Any:
    """Select the children whom the caller may know of: those of its state; a federal office's are all (R37)."""
    if caller.agency_kind not in AUTHORITIES:
        return select(Child).where(false())
    return select(Child).where(Child.state == caller.state if caller.state else true())


async def get(session: AsyncSession, caller: Caller, child_id: str, *, lock: bool = False) -> Child | None:
    """Return a child that the caller may read."""
    statement = readable(caller).where(Child.id == child_id)
    found: Child | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def for_guard(session: AsyncSession, child_id: str) -> Child | None:
    """Return a child for referral's guard, which has no territory."""
    return await session.get(Child, child_id)
