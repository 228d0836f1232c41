"""Every SQL statement of cases."""

from datetime import datetime
from typing import Any

from sqlalchemy import false, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases.models import Case, CaseParty
from shared.auth import Caller

FEDERAL_PP = "pp-fed"


def readable(caller: Caller) -> Any:
    """Select the cases that the caller may know of: of its territory, or that it takes part in."""
    taken = select(CaseParty.case_id).where(CaseParty.agency == caller.agency)
    return select(Case).where(or_(in_territory(caller), col(Case.id).in_(taken)))


def in_territory(caller: Caller) -> Any:
    """Say whether a case is of the caller's territory: INM's and the Procuraduría's by law (R37)."""
    if caller is SYSTEM or caller.agency == FEDERAL_PP:
        return true()
    if caller.agency_kind == "INM" and caller.state is None:
        return true()
    if caller.agency_kind in ("INM", "PP") and caller.state is not None:
        return Case.state == caller.state
    return false()


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


async def join(session: AsyncSession, case_id: str, agency: str, since: datetime) -> None:
    """Let an agency take part in a case, unless it does already."""
    row = {"case_id": case_id, "agency": agency, "since": since}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await session.exec(insert(CaseParty).values(row).on_conflict_do_nothing())
