"""Every SQL statement on migration procedures."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.encounters import store as encounters
from services.intake.encounters.models import Encounter
from services.intake.procedures.models import Procedure
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the procedures that followed meetings which the caller may read."""
    theirs = encounters.readable(caller).with_only_columns(Encounter.id)
    return select(Procedure).where(col(Procedure.encounter_id).in_(theirs))


async def meeting(session: AsyncSession, caller: Caller, encounter_id: str) -> Encounter | None:
    """Return a meeting that the caller may read, locked."""
    statement = encounters.readable(caller).where(Encounter.id == encounter_id).with_for_update()
    found: Encounter | None = (await session.exec(statement)).first()
    return found


async def of_meeting(session: AsyncSession, caller: Caller, encounter_id: str) -> Sequence[Procedure]:
    """Return the procedure that followed a meeting, if there is one."""
    found: Sequence[Procedure] = (
        await session.exec(readable(caller).where(Procedure.encounter_id == encounter_id))
    ).all()
    return found
