"""Every SQL statement on attendances."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.attendances.models import CarerAttendance
from services.intake.encounters import store as encounters
from services.intake.encounters.models import Encounter
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the attendances at meetings that the caller may read."""
    theirs = encounters.readable(caller).with_only_columns(Encounter.id)
    return select(CarerAttendance).where(col(CarerAttendance.encounter_id).in_(theirs))


async def meeting(session: AsyncSession, caller: Caller, encounter_id: str) -> Encounter | None:
    """Return a meeting that the caller may read, locked."""
    statement = encounters.readable(caller).where(Encounter.id == encounter_id).with_for_update()
    found: Encounter | None = (await session.exec(statement)).first()
    return found


async def known(session: AsyncSession, encounter_id: str) -> Encounter | None:
    """Return a meeting, locked, for what a sister says of it."""
    return (await session.exec(select(Encounter).where(Encounter.id == encounter_id).with_for_update())).first()


async def at_meeting(session: AsyncSession, caller: Caller, encounter_id: str) -> Sequence[CarerAttendance]:
    """Return the attendances at a meeting, oldest first."""
    statement = readable(caller).where(CarerAttendance.encounter_id == encounter_id).order_by(col(CarerAttendance.id))
    found: Sequence[CarerAttendance] = (await session.exec(statement)).all()
    return found
