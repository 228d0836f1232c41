"""Every SQL statement of cases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, not_, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import recipients
from services.referral.cases.models import Case, CaseParty, CaseRepresentation, CaseRisk, CaseWithheld
from services.referral.cases.rules import FEDERAL_PP, Status
from shared.auth import Caller
from shared.clocks.models import Clock

ABROAD = ("CONSULATE", "CHILD_PROTECTION_ABROAD")
"""Kinds of body that are bound to a foreign state: they see what a release or a referral gives them, never a case."""


def readable(caller: Caller) -> Any:
    """Select the cases that the caller may know of: of its territory, or that it takes part in."""
    if caller.agency_kind in ABROAD:
        return select(Case).where(false())
    taken = select(CaseParty.case_id).where(CaseParty.agency == caller.agency)
    found = select(Case).where(or_(in_territory(caller), col(Case.id).in_(taken)))
    return found if caller is SYSTEM else found.where(col(Case.id).not_in(kept_from(caller)))


def kept_from(caller: Caller) -> Any:
    """Select the ids of the cases that are kept from the caller, whatever its role (R29). From no Procuraduría."""
    found = select(CaseWithheld.case_id)
    if caller.agency_kind == "PP":
        return found.where(false())
    told = recipients.names(caller.agency, caller.agency_kind)
    return found.where(col(CaseWithheld.whom).in_(told), col(CaseWithheld.until).is_(None))


async def withheld(session: AsyncSession, case_id: str) -> set[str]:
    """Return from whom a case is kept: ids of agencies, codes of classes."""
    statement = select(CaseWithheld.whom).where(CaseWithheld.case_id == case_id, col(CaseWithheld.until).is_(None))
    return set((await session.exec(statement)).all())


def in_territory(caller: Caller) -> Any:
    """Say whether a case is of the caller's territory: INM's and the Procuraduría's by law (R37)."""
    if caller is SYSTEM or caller.agency == FEDERAL_PP:
        return true()
    if caller.agency_kind == "INM" and caller.state is None:
        return true()
    if caller.agency_kind in ("INM", "PP") and caller.state is not None:
        return Case.state == caller.state
    return false()


def stands(caller: Caller, status: Status) -> Any:
    """Say whether a case stands there, as the caller may know it (`machine.seen_by`)."""
    fit = true() if caller is SYSTEM or caller.agency_kind == "COMAR" else represented(caller)
    if status is Status.REFUGE:
        return and_(col(Case.status) == Status.REFUGE, fit)
    hidden = and_(col(Case.status) == Status.REFUGE, not_(fit)) if status is Status.RESTITUTION else false()
    return or_(col(Case.status) == status, hidden)


def represented(caller: Caller) -> Any:
    """Say whether the caller is the Procuraduría to which the child of a case is represented."""
    return in_territory(caller) if caller.agency_kind == "PP" else false()


async def get(session: AsyncSession, caller: Caller, case_id: str, *, lock: bool = False) -> Case | None:
    """Return one case that the caller may read, locked if wished."""
    statement = readable(caller).where(Case.id == case_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Case | None = (await session.exec(statement)).first()
    return found


async def by_child(session: AsyncSession, child_id: str, *, lock: bool = False) -> Case | None:
    """Return the case of a child, for the system's own use."""
    statement = readable(SYSTEM).where(Case.child_id == child_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Case | None = (await session.exec(statement)).first()
    return found


async def hold_clocks(session: AsyncSession, case_id: str) -> None:
    """Lock every clock of a case, before the case, in one order for everybody: one that has spoken may move, too."""
    every = select(Clock.id).where(Clock.case_key == case_id).order_by(col(Clock.id))
    await session.exec(every.with_for_update())


async def join(session: AsyncSession, case_id: str, agency: str, since: datetime) -> None:
    """Let an agency take part in a case, unless it does already."""
    row = {"case_id": case_id, "agency": agency, "since": since}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await session.exec(insert(CaseParty).values(row).on_conflict_do_nothing())


async def representations(session: AsyncSession, case_id: str) -> Sequence[CaseRepresentation]:
    """Return who has represented the child of a case that the caller may read, oldest first."""
    statement = select(CaseRepresentation).where(CaseRepresentation.case_id == case_id)
    now = col(CaseRepresentation.until).is_(None)
    return (
        await session.exec(statement.order_by(now, col(CaseRepresentation.since), col(CaseRepresentation.id)))
    ).all()


async def risks(session: AsyncSession, case_id: str) -> Sequence[CaseRisk]:
    """Return the assessments of risk of a case that the caller may read, oldest first."""
    return (await session.exec(select(CaseRisk).where(CaseRisk.case_id == case_id).order_by(col(CaseRisk.id)))).all()
