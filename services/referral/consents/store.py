"""Every SQL statement of consents, withdrawals, overrides and withholdings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import store as cases
from services.referral.cases.models import Case, CaseRepresentation, CaseWithheld
from services.referral.consents.models import (
    Consent,
    Disclosure,
    DisclosureStop,
    Override,
    Withdrawal,
    WithdrawalNotice,
)
from services.referral.consents.rules import ConsentState, NoticeState, OverrideState
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import LIVE
from shared.auth import Caller


def _represented(caller: Caller) -> Any:
    """Select the ids of the cases whose child is represented to the caller."""
    return select(Case.id).where(cases.represented(caller))


def readable(caller: Caller) -> Any:
    """Select the consents that the caller may know of: what it recorded, and of the children whom it represents.

    They may tell of a wish for protection, so nobody else reads them.
    """
    if caller is SYSTEM:
        return select(Consent)
    own = col(Consent.agency) == caller.agency
    own = own & col(Consent.case_id).not_in(cases.kept_from(caller))
    return select(Consent).where(or_(own, col(Consent.case_id).in_(_represented(caller))))


def readable_notices(caller: Caller) -> Any:
    """Select the notices to the caller, of what it recorded, and of the children whom it represents."""
    recorded = col(WithdrawalNotice.recorded_by) == caller.agency
    recorded = recorded & col(WithdrawalNotice.case_id).not_in(cases.kept_from(caller))
    theirs = col(WithdrawalNotice.case_id).in_(_represented(caller))
    return select(WithdrawalNotice).where(or_(WithdrawalNotice.agency == caller.agency, recorded, theirs))


def readable_overrides(caller: Caller) -> Any:
    """Select the overrides that the caller made, and those of the children whom it represents."""
    if caller is SYSTEM:
        return select(Override)
    own = (col(Override.agency) == caller.agency) & col(Override.case_id).not_in(cases.kept_from(caller))
    return select(Override).where(or_(own, col(Override.case_id).in_(_represented(caller))))


def readable_withholdings(caller: Caller) -> Any:
    """Select the withholdings of the children whom the caller represents: nobody else knows of them."""
    return select(CaseWithheld).where(col(CaseWithheld.case_id).in_(_represented(caller)))


def readable_disclosures(caller: Caller) -> Any:
    """Select what the caller read, and what was read of the children whom it represents."""
    own = (col(Disclosure.agency) == caller.agency) & col(Disclosure.case_id).not_in(cases.kept_from(caller))
    return select(Disclosure).where(or_(own, col(Disclosure.case_id).in_(_represented(caller))))


async def one(session: AsyncSession, statement: Any, *, lock: bool = False) -> Any:
    """Return the one row of a statement that began with a `readable`, locked and fresh if wished; or nothing."""
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(statement)).first()


async def consents(session: AsyncSession, case_id: str) -> Sequence[Consent]:
    """Return the consents of a case as they are now, oldest first."""
    statement = readable(SYSTEM).where(Consent.case_id == case_id).order_by(col(Consent.id))
    found: Sequence[Consent] = (await session.exec(statement.execution_options(populate_existing=True))).all()
    return found


async def overrides(session: AsyncSession, case_id: str) -> Sequence[Override]:
    """Return the overrides of a case as they are now, oldest first."""
    statement = select(Override).where(Override.case_id == case_id).order_by(col(Override.id))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def withdrawals(session: AsyncSession, consent_ids: Sequence[str]) -> Sequence[Withdrawal]:
    """Return what was taken back of consents that the caller may read, oldest first."""
    statement = select(Withdrawal).where(col(Withdrawal.consent_id).in_(consent_ids)).order_by(col(Withdrawal.id))
    return (await session.exec(statement)).all()


async def readings(session: AsyncSession, case_id: str, grant_id: str) -> list[Disclosure]:
    """Return what was read in a case under a consent or an override."""
    statement = select(Disclosure).where(Disclosure.case_id == case_id).order_by(col(Disclosure.id))
    return [each for each in (await session.exec(statement)).all() if grant_id in each.grants]


async def notices(session: AsyncSession, grant_id: str) -> Sequence[WithdrawalNotice]:
    """Return the notices that were opened for a consent or an override."""
    return (await session.exec(select(WithdrawalNotice).where(WithdrawalNotice.grant_id == grant_id))).all()


async def representation(session: AsyncSession, case_id: str) -> CaseRepresentation | None:
    """Return who represents the child of a locked case; nothing while nobody but the Procuraduría ever did."""
    statement = select(CaseRepresentation).where(CaseRepresentation.case_id == case_id)
    return (await session.exec(statement.where(col(CaseRepresentation.until).is_(None)))).first()


async def withholding(session: AsyncSession, case_id: str, whom: str) -> CaseWithheld | None:
    """Return the standing withholding of a locked case from somebody."""
    statement = select(CaseWithheld).where(CaseWithheld.case_id == case_id, CaseWithheld.whom == whom)
    return (await session.exec(statement.where(col(CaseWithheld.until).is_(None)))).first()


async def moving(session: AsyncSession, case_id: str) -> Sequence[Transfer]:
    """Return the transfers of a locked case that have not ended."""
    statement = select(Transfer).where(Transfer.case_id == case_id, col(Transfer.state).in_(LIVE))
    return (await session.exec(statement)).all()


async def stopped(session: AsyncSession, referral_id: str) -> bool:
    """Whether the Procuraduría ended the disclosures of a referral."""
    statement = select(DisclosureStop.referral_id).where(DisclosureStop.referral_id == referral_id)
    return (await session.exec(statement)).first() is not None


async def over(session: AsyncSession, now: datetime, limit: int) -> tuple[Sequence[str], Sequence[str]]:
    """Return the ids of consents and of overrides whose time is over, and that still stand as if it were not."""
    given = select(Consent.id).where(Consent.state == ConsentState.ACTIVE, col(Consent.expires_at) <= now)
    waiting = and_(Override.state == OverrideState.PENDING, col(Override.review_by) <= now)
    upheld = and_(Override.state == OverrideState.UPHELD, col(Override.expires_at) <= now)
    excepted = select(Override.id).where(or_(waiting, upheld))
    return (
        (await session.exec(given.order_by(col(Consent.expires_at)).limit(limit))).all(),
        (await session.exec(excepted.order_by(col(Override.id)).limit(limit))).all(),
    )


def overdue(statement: Any, now: datetime) -> Any:
    """Keep the notices whose time is over."""
    return statement.where(WithdrawalNotice.state == NoticeState.OPEN, col(WithdrawalNotice.due_at) <= now)
