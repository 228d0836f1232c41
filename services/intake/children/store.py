"""Every SQL statement on children."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, false, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child, ChildChange
from shared.auth import Caller

AUTHORITIES = ("INM", "PP")


def readable(caller: Caller) -> Any:
    """Select the children whom the caller may know of: those of its state; a federal office's are all (R37).

    Nobody reads a child whose record is blocked: it only waits for its erasure (R35).
    """
    if caller.agency_kind not in AUTHORITIES:
        return select(Child).where(false())
    territory = Child.state == caller.state if caller.state else true()
    return select(Child).where(territory, col(Child.blocked_at).is_(None))


async def get(session: AsyncSession, caller: Caller, child_id: str, *, lock: bool = False) -> Child | None:
    """Return a child that the caller may read."""
    statement = readable(caller).where(Child.id == child_id)
    found: Child | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def several(session: AsyncSession, caller: Caller, child_ids: Collection[str]) -> dict[str, Child]:
    """Return those of these children whom the caller may read, by id."""
    found = (await session.exec(readable(caller).where(col(Child.id).in_(child_ids)))).all()
    return {child.id: child for child in found}


async def locked(session: AsyncSession, child_ids: Collection[str]) -> Sequence[Child]:
    """Return these children, locked in one order for everybody, as they are now."""
    statement = select(Child).where(col(Child.id).in_(child_ids)).order_by(col(Child.id)).with_for_update()
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def for_guard(session: AsyncSession, child_id: str) -> Child | None:
    """Return a child for referral's guard, which has no territory."""
    return await session.get(Child, child_id)


def changes(child_id: str) -> Any:
    """Select the changes of a child that the caller has been shown to be able to read."""
    return select(ChildChange).where(ChildChange.child_id == child_id)
