"""Every SQL statement of assessments, hearings and determinations."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import SQLModel, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.determinations.models import Assessment, Determination, Hearing, Opinion, PanelSeat
from services.referral.determinations.rules import GOING_ON
from shared.auth import Caller


def _known(caller: Caller) -> Any:
    """Select the cases whose child the caller represents, or has accepted, and that are not kept from it (R29).

    Never INM's: it tells of protection.
    """
    own = or_(cases.represented(caller), col(Case.dif) == caller.agency)
    return select(Case.id).where(own, col(Case.id).not_in(cases.kept_from(caller)))


def readable(caller: Caller) -> Any:
    """Select the determinations that the caller may read."""
    return select(Determination).where(col(Determination.case_id).in_(_known(caller)))


def readable_assessments(caller: Caller) -> Any:
    """Select the assessments that the caller may read."""
    return select(Assessment).where(col(Assessment.case_id).in_(_known(caller)))


def readable_hearings(caller: Caller) -> Any:
    """Select the hearings that the caller may read: the Procuraduría's, to which the child is represented."""
    represented = select(Case.id).where(cases.represented(caller))
    return select(Hearing).where(col(Hearing.case_id).in_(represented))


async def one(session: AsyncSession, statement: Any, model: type[SQLModel], row_id: str) -> Any:
    """Return one row of a readable kind, as it is now, or None."""
    narrowed = statement.where(model.id == row_id)  # type: ignore[attr-defined]  # every table here has an id
    return (await session.exec(narrowed.execution_options(populate_existing=True))).first()


async def all_of(session: AsyncSession, case_id: str) -> Sequence[Determination]:
    """Return the determinations of a locked case, oldest first."""
    statement = select(Determination).where(Determination.case_id == case_id)
    return (await session.exec(statement.order_by(col(Determination.number)))).all()


async def going_on(session: AsyncSession, case_id: str) -> Determination | None:
    """Return the determination of a locked case that is open, decided or signed, if there is one."""
    return next((row for row in await all_of(session, case_id) if row.state in GOING_ON), None)


async def opinions(session: AsyncSession, ids: Sequence[str]) -> Sequence[Opinion]:
    """Return the opinions on determinations that the caller has been shown to be able to read, oldest first."""
    statement = select(Opinion).where(col(Opinion.determination_id).in_(ids)).order_by(col(Opinion.id))
    return (await session.exec(statement)).all()


async def panel(session: AsyncSession, ids: Sequence[str]) -> Sequence[PanelSeat]:
    """Return who sits on the panels of determinations that the caller has been shown to be able to read."""
    statement = select(PanelSeat).where(col(PanelSeat.determination_id).in_(ids)).order_by(col(PanelSeat.id))
    return (await session.exec(statement)).all()


async def cases_of(session: AsyncSession, rows: Sequence[Determination]) -> dict[str, Case]:
    """Return the cases of determinations that the caller has been shown to be able to read, by id."""
    found = await session.exec(select(Case).where(col(Case.id).in_({row.case_id for row in rows})))
    return {case.id: case for case in found.all()}
