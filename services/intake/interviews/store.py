"""Every SQL statement on interviews."""

from typing import Any

from sqlmodel import col, false, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from services.intake.interviews.models import Interview
from services.intake.interviews.rules import AUTHORITIES
from shared.auth import Caller


def _children(caller: Caller) -> Any:
    """Select the ids of the children whose interviews the caller reads: INM shares them with Procuraduría and DIF.

    Those of its state; a federal office's are all (R37). Nobody reads of a child whose record is blocked (R35).
    """
    if caller.agency_kind not in AUTHORITIES:
        return select(Child.id).where(false())
    territory = Child.state == caller.state if caller.state else true()
    return select(Child.id).where(territory, col(Child.blocked_at).is_(None))


def readable(caller: Caller) -> Any:
    """Select the interviews of children of the caller's state."""
    return select(Interview).where(col(Interview.child_id).in_(_children(caller)))


async def child(session: AsyncSession, caller: Caller, child_id: str) -> Child | None:
    """Return a child whose interviews the caller reads."""
    statement = select(Child).where(col(Child.id) == child_id, col(Child.id).in_(_children(caller)))
    return (await session.exec(statement)).first()


async def get(session: AsyncSession, caller: Caller, interview_id: str) -> Interview | None:
    """Return an interview that the caller may read."""
    found: Interview | None = (await session.exec(readable(caller).where(Interview.id == interview_id))).first()
    return found
