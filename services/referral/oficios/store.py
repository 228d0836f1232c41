"""Every SQL statement of oficios."""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.oficios.models import Oficio
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the oficios of the caller's territory: INM's, whose presentación waits for it, and the Procuraduría's.

    Not of a case that is kept from the caller (R29): that the Procuraduría attended stands at the encounter.
    """
    local = select(Case.id).where(cases.in_territory(caller), col(Case.id).not_in(cases.kept_from(caller)))
    return select(Oficio).where(col(Oficio.case_id).in_(local))


async def get(session: AsyncSession, caller: Caller, oficio_id: str) -> Oficio | None:
    """Return one oficio that the caller may read."""
    found: Oficio | None = (await session.exec(readable(caller).where(Oficio.id == oficio_id))).first()
    return found


async def exists(session: AsyncSession, encounter_id: str) -> bool:
    """Whether there is an oficio of a meeting, whose case is locked."""
    return (await session.exec(select(Oficio.id).where(Oficio.encounter_id == encounter_id))).first() is not None
