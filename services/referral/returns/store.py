"""Every SQL statement of returns."""

from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.protection import store as guard
from services.referral.returns.models import AssistedReturn
from services.referral.returns.rules import LIVE
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the returns that the caller may know of: INM's and the Procuraduría's, and the DIF's in charge (R29)."""
    here = cases.in_territory(caller)
    if caller.agency_kind == Kind.DIF:
        here = or_(here, Case.dif == caller.agency)
    known = select(Case.id).where(here, col(Case.id).not_in(cases.kept_from(caller)))
    return select(AssistedReturn).where(col(AssistedReturn.case_id).in_(known))


async def get(session: AsyncSession, caller: Caller, return_id: str, *, lock: bool = False) -> AssistedReturn | None:
    """Return one return that the caller may know of, locked if wished."""
    statement = readable(caller).where(AssistedReturn.id == return_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: AssistedReturn | None = (await session.exec(statement)).first()
    return found


async def live(session: AsyncSession, case_id: str) -> AssistedReturn | None:
    """Return the return of a locked case that is under way, if there is one."""
    statement = select(AssistedReturn).where(AssistedReturn.case_id == case_id, col(AssistedReturn.state).in_(LIVE))
    return (await session.exec(statement)).first()


async def residence(session: AsyncSession, child_id: str) -> str | None:
    """Return where a child lived, as intake's facts have it."""
    found = (await guard.guards(session, [child_id])).get(child_id)
    return found.residence if found is not None else None
