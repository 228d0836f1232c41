"""Every SQL statement of what follows from a case. No reader asks: referral says it, and the worker goes by it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import SQLModel, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.cases.models import CaseStanding
from services.intake.children.models import Child
from services.intake.encounters.models import Encounter
from services.intake.families.models import FamilyMember
from services.intake.matches.models import Match
from services.intake.orientation.models import PaisanoInquiry
from services.intake.retention.rules import ADULT, CARER, CHILD, INQUIRY

MODELS: dict[str, Any] = {CHILD: Child, ADULT: Encounter, CARER: FamilyMember, INQUIRY: PaisanoInquiry}
"""The table of each kind of record that has a schedule."""
SEALED: dict[str, str] = {ADULT: "adult", CARER: "identity", INQUIRY: "complainant"}
"""The column that identifies somebody, of those that do not go whole with a child."""


async def locked(session: AsyncSession, child_id: str) -> Child | None:
    """Return a child, locked: what is said of its case is taken in one after another."""
    return (await session.exec(select(Child).where(Child.id == child_id).with_for_update())).first()


async def standing(session: AsyncSession, child_id: str) -> CaseStanding | None:
    """Return how a child's case stands, if referral has said so."""
    return await session.get(CaseStanding, child_id)


async def move_matches(session: AsyncSession, child_id: str, state: str) -> None:
    """Let the matches of a child be reviewed where it is now."""
    for child, column in ((Match.child_a, "state_a"), (Match.child_b, "state_b")):
        await session.exec(update(Match).where(col(child) == child_id).values({column: state}))


async def keep_adults(session: AsyncSession, child_id: str, erase_after: datetime | None) -> None:
    """Set when the adults are erased whom a child was met with; without a date they are not, and are read again."""
    named = update(Encounter).where(col(Encounter.child_id) == child_id, col(Encounter.adult).is_not(None))
    await session.exec(named.values(_dates(erase_after)))


async def families(session: AsyncSession, child_id: str) -> list[str]:
    """Return the families that a child belongs to, or did."""
    statement = select(FamilyMember.family_id).where(FamilyMember.child_id == child_id)
    return sorted(set((await session.exec(statement)).all()))


async def closings(session: AsyncSession, family_id: str) -> Sequence[datetime | None]:
    """Return when the case of each child of a family was closed: none where it is open, or nobody said."""
    statement = (
        select(CaseStanding.closed_at)
        .select_from(FamilyMember)
        .join(CaseStanding, col(CaseStanding.child_id) == col(FamilyMember.child_id), isouter=True)
        .where(FamilyMember.family_id == family_id, col(FamilyMember.child_id).is_not(None))
    )
    return (await session.exec(statement)).all()


async def keep_carers(session: AsyncSession, family_id: str, erase_after: datetime | None) -> None:
    """Set when the carers of a family are erased; without a date they are not, and are read again."""
    named = update(FamilyMember).where(
        col(FamilyMember.family_id) == family_id, col(FamilyMember.identity).is_not(None)
    )
    await session.exec(named.values(_dates(erase_after)))


def _dates(erase_after: datetime | None) -> dict[str, Any]:
    return {"erase_after": erase_after} | ({"blocked_at": None} if erase_after is None else {})


# -- the worker ----------------------------------------------------------------------------------------


async def to_block(
    session: AsyncSession, record: str, blocked: timedelta, now: datetime, limit: int
) -> Sequence[SQLModel]:
    """Return records whose time to be blocked has come, locked, without those that others hold."""
    model = MODELS[record]
    statement = select(model).where(col(model.erase_after) <= now + blocked, col(model.blocked_at).is_(None))
    if record == CHILD:
        statement = statement.where(~_met_since().exists())
    found: Sequence[SQLModel] = (
        await session.exec(statement.order_by(col(model.erase_after)).limit(limit).with_for_update(skip_locked=True))
    ).all()
    return found


def _met_since() -> Any:
    """Select the encounters of a child after its case was closed: the case is about to begin again."""
    return (
        select(Encounter.id)
        .join(CaseStanding, col(CaseStanding.child_id) == col(Encounter.child_id))
        .where(col(Encounter.child_id) == col(Child.id), col(Encounter.recorded_at) > col(CaseStanding.closed_at))
    )


async def to_erase(session: AsyncSession, record: str, now: datetime, limit: int) -> Sequence[Any]:
    """Return records of which what identifies somebody is to be erased now, locked."""
    model = MODELS[record]
    statement = select(model).where(
        col(model.erase_after) <= now,
        col(model.blocked_at).is_not(None),
        col(getattr(model, SEALED[record])).is_not(None),
    )
    found: Sequence[Any] = (
        await session.exec(statement.order_by(col(model.erase_after)).limit(limit).with_for_update(skip_locked=True))
    ).all()
    return found
