"""Every SQL statement of plans."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.plans.models import ItemStep, Plan, PlanItem
from services.referral.plans.rules import PlanState
from shared.auth import Caller

_GIVEN = (PlanState.SIGNED, PlanState.SUPERSEDED)
"""The states in which an agency knows of what it answers for: a draft is the Procuraduría's."""


def readable(caller: Caller) -> Any:
    """Select the plans that the caller may read: the Procuraduría's, to which the child is represented."""
    return select(Plan).where(col(Plan.case_id).in_(select(Case.id).where(cases.represented(caller))))


def readable_items(caller: Caller) -> Any:
    """Select the items that the caller may read: all to the Procuraduría, its own to the agency that answers (R29)."""
    represented = select(Case.id).where(cases.represented(caller))
    given = select(Plan.id).where(col(Plan.state).in_(_GIVEN))
    own = and_(
        PlanItem.agency == caller.agency,
        col(PlanItem.plan_id).in_(given),
        col(PlanItem.case_id).not_in(cases.kept_from(caller)),
    )
    return select(PlanItem).where(or_(col(PlanItem.case_id).in_(represented), own))


async def plan(session: AsyncSession, caller: Caller, plan_id: str) -> Plan | None:
    """Return one plan that the caller may read, as it is now."""
    statement = readable(caller).where(Plan.id == plan_id).execution_options(populate_existing=True)
    found: Plan | None = (await session.exec(statement)).first()
    return found


async def item(session: AsyncSession, caller: Caller, item_id: str) -> PlanItem | None:
    """Return one item that the caller may read, as it is now."""
    statement = readable_items(caller).where(PlanItem.id == item_id).execution_options(populate_existing=True)
    found: PlanItem | None = (await session.exec(statement)).first()
    return found


async def plans_of(session: AsyncSession, case_id: str) -> Sequence[Plan]:
    """Return the versions of a locked case's plan, oldest first."""
    statement = select(Plan).where(Plan.case_id == case_id).order_by(col(Plan.number))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def items_of(session: AsyncSession, plan_ids: Sequence[str]) -> Sequence[PlanItem]:
    """Return the items of plans, in their order."""
    statement = select(PlanItem).where(col(PlanItem.plan_id).in_(plan_ids))
    ordered = statement.order_by(col(PlanItem.plan_id), col(PlanItem.number))
    return (await session.exec(ordered.execution_options(populate_existing=True))).all()


async def steps(session: AsyncSession, item_ids: Sequence[str]) -> Sequence[ItemStep]:
    """Return what was done with items that the caller has been shown to be able to read, oldest first."""
    statement = select(ItemStep).where(col(ItemStep.item_id).in_(item_ids)).order_by(col(ItemStep.id))
    return (await session.exec(statement)).all()


async def live(session: AsyncSession, item: PlanItem) -> bool:
    """Whether the plan of an item is the one that is carried out."""
    found = await session.exec(select(Plan.state).where(Plan.id == item.plan_id))
    return found.one() is PlanState.SIGNED


async def signed_among(session: AsyncSession, plan_ids: Sequence[str]) -> set[str]:
    """Return which of these plans are carried out."""
    statement = select(Plan.id).where(col(Plan.id).in_(plan_ids), Plan.state == PlanState.SIGNED)
    return set((await session.exec(statement)).all())


async def cases_of(session: AsyncSession, rows: Sequence[Plan] | Sequence[PlanItem]) -> dict[str, Case]:
    """Return the cases of what the caller has been shown to be able to read, by id."""
    found = await session.exec(select(Case).where(col(Case.id).in_({row.case_id for row in rows})))
    return {case.id: case for case in found.all()}
