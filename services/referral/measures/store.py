"""Every SQL statement of measures and admissions."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.measures.models import Admission, Measure, MeasureStep
from services.referral.measures.rules import LIVE, MeasureCode
from shared.auth import Caller

_SNDIF = "dif-nacional"
"""Runs the database of LGDNNA 99: it may ask who was admitted where, from when until when."""


def _cared_for(caller: Caller) -> Any:
    """Select the cases whose child the caller represents, or has accepted, and that are not kept from it (R29)."""
    own = or_(cases.represented(caller), col(Case.dif) == caller.agency)
    return select(Case.id).where(own, col(Case.id).not_in(cases.kept_from(caller)))


def readable(caller: Caller) -> Any:
    """Select the measures that the caller may know of: the Procuraduría's, the DIF's, the centre's, the MP's own.

    A withheld case (R29) keeps no measure from the MP that has to order it (LGDNNA 122-VI): it holds codes.
    """
    here = Admission.cas == caller.agency, col(Admission.case_id).not_in(cases.kept_from(caller))
    housed = select(Admission.measure_id).where(*here, col(Admission.left_at).is_(None))
    return select(Measure).where(
        or_(col(Measure.case_id).in_(_cared_for(caller)), Measure.mp == caller.agency, col(Measure.id).in_(housed))
    )


def readable_admissions(caller: Caller) -> Any:
    """Select the admissions that the caller may know of. Never INM: it would learn where a shelter is (R31).

    The database of LGDNNA 99 holds every one, of withheld cases (R29) too: the article leaves none out.
    """
    if caller.agency == _SNDIF:
        return select(Admission)
    known = or_(col(Admission.case_id).in_(_cared_for(caller)), Admission.cas == caller.agency)
    return select(Admission).where(known, col(Admission.case_id).not_in(cases.kept_from(caller)))


async def get(session: AsyncSession, caller: Caller, measure_id: str) -> Measure | None:
    """Return one measure that the caller may read, as it is now."""
    statement = readable(caller).where(Measure.id == measure_id).execution_options(populate_existing=True)
    found: Measure | None = (await session.exec(statement)).first()
    return found


async def of_case(session: AsyncSession, case_id: str, measure_id: str) -> Measure | None:
    """Return one measure of a locked case that the caller may read."""
    statement = select(Measure).where(Measure.case_id == case_id, Measure.id == measure_id)
    return (await session.exec(statement)).first()


async def admission(session: AsyncSession, caller: Caller, admission_id: str) -> Admission | None:
    """Return one admission that the caller may read, as it is now."""
    statement = readable_admissions(caller).where(Admission.id == admission_id)
    found: Admission | None = (await session.exec(statement.execution_options(populate_existing=True))).first()
    return found


async def steps(session: AsyncSession, measure_ids: Sequence[str]) -> Sequence[MeasureStep]:
    """Return the decisions on measures that the caller has been shown to be able to read, oldest first."""
    statement = select(MeasureStep).where(col(MeasureStep.measure_id).in_(measure_ids))
    return (await session.exec(statement.order_by(col(MeasureStep.id)))).all()


async def live(session: AsyncSession, case_id: str) -> Sequence[Measure]:
    """Return the live measures of a locked case, oldest first."""
    statement = select(Measure).where(Measure.case_id == case_id, col(Measure.state).in_(LIVE))
    return (await session.exec(statement.order_by(col(Measure.id)))).all()


async def present(session: AsyncSession, case_id: str) -> Admission | None:
    """Return the admission of a locked case that goes on, if there is one."""
    statement = select(Admission).where(Admission.case_id == case_id, col(Admission.left_at).is_(None))
    return (await session.exec(statement)).first()


def houses(measure: Measure) -> bool:
    """Whether a child may be in a centre on this measure."""
    return measure.code is MeasureCode.CAS_ADMISSION and measure.state in LIVE


def is_present(present: bool) -> Any:
    """Say whether the child of an admission is still in the centre."""
    return col(Admission.left_at).is_(None) if present else col(Admission.left_at).is_not(None)


async def cases_of(session: AsyncSession, rows: Sequence[Measure] | Sequence[Admission]) -> dict[str, Case]:
    """Return the cases of what the caller has been shown to be able to read, by id."""
    found = await session.exec(select(Case).where(col(Case.id).in_({row.case_id for row in rows})))
    return {case.id: case for case in found.all()}
