"""Every SQL statement of disclosures that consents do not have already."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.consents.store import readable_disclosures as readable
from services.referral.referrals.models import Referral

__all__ = ["above", "readable"]


async def above(session: AsyncSession, referral: Referral) -> list[Referral]:
    """Return the referrals that one is part of, for the system's own use."""
    found, step = [], referral
    while step.parent_id is not None:
        step = (await session.exec(select(Referral).where(Referral.id == step.parent_id))).one()
        found.append(step)
    return found
