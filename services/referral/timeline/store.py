"""Every SQL statement of the timeline."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case, CaseEntry, CaseEntryParty
from services.referral.cases.rules import Seen
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.paging import Paging


def readable(caller: Caller) -> Any:
    """Select the lines that the caller may read, of the cases that it may read."""
    named = select(CaseEntryParty.entry_id).where(CaseEntryParty.agency == caller.agency)
    known = cases.readable(caller).with_only_columns(Case.id)
    return (
        select(CaseEntry)
        .join(Case, col(Case.id) == col(CaseEntry.case_id))
        .where(col(CaseEntry.case_id).in_(known))
        .where(
            or_(
                col(CaseEntry.seen) == Seen.ALL,
                and_(col(CaseEntry.seen) == Seen.AUTHORITIES, cases.in_territory(caller)),
                and_(col(CaseEntry.seen) == Seen.PARTIES, col(CaseEntry.id).in_(named)),
                and_(col(CaseEntry.seen).in_([Seen.PARTIES, Seen.PP]), cases.represented(caller)),
            )
        )
    )


async def page(session: AsyncSession, caller: Caller, case_id: str, paging: Paging) -> Sequence[CaseEntry]:
    """Return one page, and one row more, oldest first."""
    statement = readable(caller).where(CaseEntry.case_id == case_id)
    if paging.after is not None:  # lines never change, so the last one shown is a firm anchor
        last = select(CaseEntry.at).where(CaseEntry.id == paging.after).scalar_subquery()
        later = and_(col(CaseEntry.at) == last, col(CaseEntry.id) > paging.after)
        statement = statement.where(or_(col(CaseEntry.at) > last, later))
    ordered = statement.order_by(col(CaseEntry.at), col(CaseEntry.id)).limit(paging.limit + 1)
    found: Sequence[CaseEntry] = (await session.exec(ordered)).all()
    return found


async def entered(session: AsyncSession, case_id: str) -> set[tuple[str, str]]:
    """Return which lines a locked case has: their codes and subjects."""
    statement = select(CaseEntry).where(CaseEntry.case_id == case_id)
    return {(entry.code, entry.subject) for entry in (await session.exec(statement)).all()}


async def unmet(session: AsyncSession, case_id: str) -> Sequence[Clock]:
    """Return the clocks of a case that the caller may read which are not met yet."""
    over = (ClockState.MET, ClockState.CANCELLED)
    statement = select(Clock).where(Clock.case_key == case_id, col(Clock.state).not_in(over))
    return (await session.exec(statement.order_by(col(Clock.due_at), col(Clock.id)))).all()
