"""Every SQL statement of calendars."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.clocks.models import Suspension


def readable(_: Caller) -> Any:
    """Select suspensions: all of them, since they are published."""
    return select(Suspension)


def of(statement: Any, authority: str | None, state: str | None, on: date | None) -> Any:
    """Keep those of an authority, of a state, and on a day."""
    if authority is not None:
        statement = statement.where(Suspension.authority == authority)
    if state is not None:
        statement = statement.where(Suspension.state == state)
    if on is not None:
        statement = statement.where(Suspension.first <= on, Suspension.last >= on)
    return statement


async def get(
    session: AsyncSession, caller: Caller, calendar_suspension_id: str, *, lock: bool = False
) -> Suspension | None:
    """Return one suspension, locked if wished."""
    statement = readable(caller).where(Suspension.id == calendar_suspension_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Suspension | None = (await session.exec(statement)).first()
    return found


async def known(session: AsyncSession, ids: Sequence[str]) -> set[str]:
    """Return which of these there are."""
    return set((await session.exec(select(Suspension.id).where(col(Suspension.id).in_(ids)))).all())
