"""Every SQL statement on field actions and inquiries."""

from typing import Any

from sqlmodel import col, false, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.orientation.models import FieldAction, PaisanoInquiry
from shared.auth import Caller

HOLDER = "INM"
"""Grupos Beta and Programa Paisano are INM's."""


def actions(caller: Caller) -> Any:
    """Select the field actions in the caller's state; a federal office's are all (R37)."""
    if caller.agency_kind != HOLDER:
        return select(FieldAction).where(false())
    return select(FieldAction).where(FieldAction.state == caller.state if caller.state else true())


def readable(caller: Caller) -> Any:
    """Select the inquiries in the caller's state; a federal office's are all (R37)."""
    if caller.agency_kind != HOLDER:
        return select(PaisanoInquiry).where(false())
    territory = PaisanoInquiry.state == caller.state if caller.state else true()
    return select(PaisanoInquiry).where(territory, col(PaisanoInquiry.blocked_at).is_(None))


async def get(session: AsyncSession, caller: Caller, inquiry_id: str, *, lock: bool = False) -> PaisanoInquiry | None:
    """Return an inquiry that the caller may read."""
    statement = readable(caller).where(PaisanoInquiry.id == inquiry_id)
    found: PaisanoInquiry | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found
