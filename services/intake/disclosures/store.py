"""Every SQL statement of disclosures: what is read of one child for one reader."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, false, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.assistance.models import Assistance
from services.intake.children.models import Child
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind
from services.intake.interviews.models import Interview
from services.intake.lodging.models import Stay
from services.intake.lodging.rules import StayStatus
from shared.auth import Caller

REFERRAL = "urn:ruta:referral"
"""The one service that knows what may be shown to whom."""


def readable(caller: Caller) -> Any:
    """Select the children of whom referral may ask, and no other sister: nobody whose record is blocked (R35)."""
    if not caller.is_service or caller.client_id != REFERRAL:
        return select(Child).where(false())
    return select(Child).where(col(Child.blocked_at).is_(None))


async def get(session: AsyncSession, caller: Caller, child_id: str) -> Child | None:
    """Return a child of whom the caller may ask."""
    found: Child | None = (await session.exec(readable(caller).where(Child.id == child_id))).first()
    return found


async def last_met(session: AsyncSession, child: Child) -> Encounter | None:
    """Return the latest meeting with a child."""
    statement = select(Encounter).where(Encounter.child_id == child.id, Encounter.kind != EncounterKind.ANNOUNCED)
    return (await session.exec(statement.order_by(col(Encounter.occurred_at).desc()).limit(1))).first()


async def sleeps(session: AsyncSession, child: Child) -> Stay | None:
    """Return where a child sleeps now."""
    statement = select(Stay).where(Stay.child_id == child.id, col(Stay.until).is_(None))
    return (await session.exec(statement.where(Stay.status != StayStatus.VOID))).first()


async def helped(session: AsyncSession, child: Child) -> Sequence[str]:
    """Return the codes of the help that a child took."""
    statement = select(Assistance.code).where(Assistance.child_id == child.id, col(Assistance.declined).is_(False))
    return (await session.exec(statement.distinct().order_by(col(Assistance.code)))).all()


async def interviews(session: AsyncSession, child: Child) -> Sequence[Interview]:
    """Return the interviews with a child, oldest first."""
    statement = select(Interview).where(Interview.child_id == child.id)
    return (await session.exec(statement.order_by(col(Interview.held_at)))).all()
