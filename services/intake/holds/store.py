"""Every SQL statement on holds. They are asked about children whom the caller has been shown to be able to read."""

from datetime import datetime

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from services.intake.holds.models import Hold


async def knows(session: AsyncSession, child_id: str) -> bool:
    """Whether there is a record of this child, for the system's own use."""
    return (await session.exec(select(Child.id).where(Child.id == child_id))).first() is not None


async def between(session: AsyncSession, child_id: str, since: datetime, until: datetime | None) -> Hold | None:
    """Return the first hold that stood at some time from one moment to another; null: to this day."""
    statement = select(Hold).where(Hold.child_id == child_id, or_(col(Hold.until).is_(None), col(Hold.until) > since))
    if until is not None:
        statement = statement.where(col(Hold.since) < until)
    return (await session.exec(statement.order_by(col(Hold.since)).limit(1))).first()
