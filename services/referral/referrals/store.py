"""Every SQL statement of referrals."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import false, true
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import LIVE, ReferralKind
from shared.auth import Caller
from shared.clocks.models import Clock


def readable(caller: Caller) -> Any:
    """Select the referrals that the caller may know of: its own, and to whom the child is represented.

    The Procuraduría of the territory represents the child and sees all of them. INM sees only
    those that it takes part in: a notice to COMAR that another agency caused is not INM's to know.
    """
    return select(Referral).where(
        or_(
            Referral.sender == caller.agency,
            Referral.recipient == caller.agency,
            Referral.escalated_to == caller.agency,
            _represented(caller),
        )
    )


def _represented(caller: Caller) -> Any:
    if caller is SYSTEM:
        return true()
    if caller.agency_kind != "PP":
        return false()
    return col(Referral.case_id).in_(select(Case.id).where(cases.in_territory(caller)))


async def get(session: AsyncSession, caller: Caller, referral_id: str, *, lock: bool = False) -> Referral | None:
    """Return one referral that the caller may read, locked if wished."""
    statement = readable(caller).where(Referral.id == referral_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Referral | None = (await session.exec(statement)).first()
    return found


async def of_case(session: AsyncSession, case_id: str, caller: Caller = SYSTEM) -> Sequence[Referral]:
    """Return the referrals of a case that the caller may read (the system: all), oldest first."""
    statement = readable(caller).where(Referral.case_id == case_id).order_by(col(Referral.id))
    found: Sequence[Referral] = (await session.exec(statement)).all()
    return found


async def live(session: AsyncSession, case_id: str, kind: ReferralKind, recipient: str) -> Referral | None:
    """Return the referral of this kind that the recipient still has open, if any."""
    statement = (
        readable(SYSTEM)
        .where(Referral.case_id == case_id, Referral.kind == kind, Referral.recipient == recipient)
        .where(col(Referral.state).in_(LIVE))
    )
    found: Referral | None = (await session.exec(statement)).first()
    return found


async def clocks_of(session: AsyncSession, referral_ids: Collection[str]) -> Sequence[Clock]:
    """Return the clocks of referrals that the caller has been shown to be able to read."""
    statement = select(Clock).where(col(Clock.resource_id).in_(referral_ids)).order_by(col(Clock.due_at))
    return (await session.exec(statement)).all()
