"""Every SQL statement of actas."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.actas.models import Acta
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the actas of the caller's territory, and those by which it handed over or received a child.

    Of a withheld case (R29) those stay with both who made them: each has to prove that it did (LM 112-I, R6).
    """
    local = select(Case.id).where(cases.in_territory(caller), col(Case.id).not_in(cases.kept_from(caller)))
    return select(Acta).where(
        or_(Acta.issued_by == caller.agency, Acta.dif == caller.agency, col(Acta.case_id).in_(local))
    )


async def get(session: AsyncSession, caller: Caller, acta_id: str) -> Acta | None:
    """Return one acta that the caller may read."""
    found: Acta | None = (await session.exec(readable(caller).where(Acta.id == acta_id))).first()
    return found


async def of_case(session: AsyncSession, case_id: str) -> Sequence[Acta]:
    """Return the actas of a case that the caller may read, newest first."""
    statement = select(Acta).where(Acta.case_id == case_id)
    return (await session.exec(statement.order_by(col(Acta.issued_at).desc(), col(Acta.id).desc()))).all()
