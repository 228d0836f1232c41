"""Every SQL statement of return points."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.return_points.models import ReturnPoint, ReturnPointVersion
from shared.auth import Caller


def readable(_: Caller) -> Any:
    """Select what the caller may read: every point."""
    return select(ReturnPoint)


def of(statement: Any, country: str | None, on: date | None) -> Any:
    """Keep the points of a country, and those in force on a day."""
    if country is not None:
        statement = statement.where(ReturnPoint.country == country)
    if on is not None:
        over = or_(col(ReturnPoint.valid_to).is_(None), col(ReturnPoint.valid_to) > on)
        statement = statement.where(col(ReturnPoint.valid_from) <= on, over)
    return statement


async def get(session: AsyncSession, caller: Caller, point_id: str, *, lock: bool = False) -> ReturnPoint | None:
    """Return one point, locked if wished."""
    statement = readable(caller).where(ReturnPoint.id == point_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: ReturnPoint | None = (await session.exec(statement)).first()
    return found


async def history(session: AsyncSession, point_id: str) -> Sequence[ReturnPointVersion]:
    """Return what a point was, oldest first."""
    statement = select(ReturnPointVersion).where(ReturnPointVersion.point_id == point_id)
    return (await session.exec(statement.order_by(col(ReturnPointVersion.version)))).all()
