"""Every SQL statement of absences."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.absences.models import Absence, AbsenceReview
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the absences of the cases that the caller may read."""
    return select(Absence).where(col(Absence.case_id).in_(cases.readable(caller).with_only_columns(Case.id)))


async def of_case(session: AsyncSession, caller: Caller, case_id: str) -> Sequence[Absence]:
    """Return the absences of a case, oldest first."""
    statement = readable(caller).where(Absence.case_id == case_id).order_by(col(Absence.id))
    found: Sequence[Absence] = (await session.exec(statement)).all()
    return found


async def get(session: AsyncSession, caller: Caller, case_id: str, absence_id: str) -> Absence | None:
    """Return an absence of a locked case that the caller may read."""
    statement = readable(caller).where(Absence.case_id == case_id, Absence.id == absence_id)
    found: Absence | None = (await session.exec(statement)).first()
    return found


async def present(session: AsyncSession, case_id: str) -> Absence | None:
    """Return the absence of a locked case that goes on, if there is one."""
    statement = select(Absence).where(Absence.case_id == case_id, col(Absence.ended_at).is_(None))
    return (await session.exec(statement)).first()


async def reviews(session: AsyncSession, absence_ids: Sequence[str]) -> Sequence[AbsenceReview]:
    """Return the reviews of absences that the caller has been shown to be able to read, oldest first."""
    statement = select(AbsenceReview).where(col(AbsenceReview.absence_id).in_(absence_ids))
    return (await session.exec(statement.order_by(col(AbsenceReview.number)))).all()
