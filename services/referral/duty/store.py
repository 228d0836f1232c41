"""Every SQL statement on duty contacts."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.duty.models import DutyRoster


def readable(body_ids: Collection[str]) -> Any:
    """Select the rosters of bodies whose contacts the caller may know."""
    return select(DutyRoster).where(col(DutyRoster.body_id).in_(body_ids))


async def roster(session: AsyncSession, body_id: str, *, lock: bool = False) -> DutyRoster | None:
    """Return the roster of a body whose contacts the caller may know, locked if wished."""
    statement = readable([body_id])
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: DutyRoster | None = (await session.exec(statement)).first()
    return found


async def rosters(session: AsyncSession, body_ids: Collection[str]) -> Sequence[DutyRoster]:
    """Return the rosters of bodies whose contacts the caller may know."""
    found: Sequence[DutyRoster] = (await session.exec(readable(body_ids))).all()
    return found
