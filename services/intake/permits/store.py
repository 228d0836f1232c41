"""Every SQL statement on permits."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.permits.models import HumanitarianPermit
from services.intake.permits.rules import CarerStatus, PermitStatus
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the permits of the children whom the caller may know of."""
    return select(HumanitarianPermit).where(
        col(HumanitarianPermit.child_id).in_(children.readable(caller).with_only_columns(Child.id))
    )


async def get(session: AsyncSession, caller: Caller, permit_id: str) -> HumanitarianPermit | None:
    """Return a permit that the caller may read."""
    found: HumanitarianPermit | None = (
        await session.exec(readable(caller).where(HumanitarianPermit.id == permit_id))
    ).first()
    return found


async def has_valid(session: AsyncSession, child_id: str) -> bool:
    """Whether a child, who is locked, has a permit that has not ended."""
    statement = select(HumanitarianPermit.id).where(
        HumanitarianPermit.child_id == child_id, HumanitarianPermit.status == PermitStatus.VALID
    )
    return (await session.exec(statement)).first() is not None


async def valid_of(session: AsyncSession, child_ids: Collection[str]) -> Sequence[HumanitarianPermit]:
    """Return the permits that have not ended, of children who are locked."""
    statement = select(HumanitarianPermit).where(
        col(HumanitarianPermit.child_id).in_(child_ids), HumanitarianPermit.status == PermitStatus.VALID
    )
    return (await session.exec(statement.order_by(col(HumanitarianPermit.id)))).all()


async def excluded(session: AsyncSession, encounter_id: str) -> bool:
    """Whether the Procuraduría's latest word on the carer met there, under any permit, keeps that adult out.

    Of a carer whom the permit knows by the family, the family says it.
    """
    statement = (
        select(HumanitarianPermit.carer)
        .where(
            HumanitarianPermit.encounter_id == encounter_id,
            col(HumanitarianPermit.member_id).is_(None),
            col(HumanitarianPermit.finding_at).is_not(None),
        )
        .order_by(col(HumanitarianPermit.finding_at).desc(), col(HumanitarianPermit.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first() == CarerStatus.EXCLUDED
