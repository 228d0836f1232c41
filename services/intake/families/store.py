"""Every SQL statement on families."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.families.models import CarerFinding, Family, FamilyMember, FamilySeparation
from shared.auth import Caller

_PRESENT = col(FamilyMember.removed_at).is_(None)


def readable(caller: Caller) -> Any:
    """Select the families that have a child whom the caller may know of."""
    mine = children.readable(caller).with_only_columns(Child.id)
    theirs = select(FamilyMember.family_id).where(col(FamilyMember.child_id).in_(mine), _PRESENT)
    return select(Family).where(col(Family.id).in_(theirs))


def with_child(caller: Caller, child_id: str) -> Any:
    """Select the readable families of a child whom the caller may know of."""
    mine = children.readable(caller).where(Child.id == child_id).with_only_columns(Child.id)
    theirs = select(FamilyMember.family_id).where(col(FamilyMember.child_id).in_(mine), _PRESENT)
    return readable(caller).where(col(Family.id).in_(theirs))


async def get(session: AsyncSession, caller: Caller, family_id: str, *, lock: bool = False) -> Family | None:
    """Return a family that the caller may read, locked if wished."""
    statement = readable(caller).where(Family.id == family_id)
    found: Family | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def known_children(session: AsyncSession, caller: Caller, members: Collection[FamilyMember]) -> set[str]:
    """Return which children among these members the caller may know of."""
    names = [each.child_id for each in members if each.child_id is not None]
    return set(await children.several(session, caller, names))


async def members(session: AsyncSession, family_ids: Collection[str]) -> Sequence[FamilyMember]:
    """Return who belongs to these families now, in the order in which they joined."""
    statement = select(FamilyMember).where(col(FamilyMember.family_id).in_(family_ids), _PRESENT)
    return (await session.exec(statement.order_by(col(FamilyMember.id)))).all()


async def with_member(session: AsyncSession, child_id: str) -> Sequence[FamilyMember]:
    """Return who belongs now to the family of a child that the caller has been shown to be able to know of."""
    own = select(FamilyMember.family_id).where(FamilyMember.child_id == child_id, _PRESENT)
    statement = select(FamilyMember).where(col(FamilyMember.family_id).in_(own), _PRESENT)
    return (await session.exec(statement.order_by(col(FamilyMember.id)))).all()


async def present(session: AsyncSession, member_ids: Collection[str]) -> set[str]:
    """Return which of these members belong to their family now."""
    statement = select(FamilyMember.id).where(col(FamilyMember.id).in_(member_ids), _PRESENT)
    return set((await session.exec(statement)).all())


async def in_families(session: AsyncSession, child_ids: Collection[str]) -> set[str]:
    """Return which of these children belong to a family now."""
    statement = select(FamilyMember.child_id).where(col(FamilyMember.child_id).in_(child_ids), _PRESENT)
    return {name for name in (await session.exec(statement)).all() if name is not None}


async def separations(session: AsyncSession, family_ids: Collection[str]) -> Sequence[FamilySeparation]:
    """Return the separations of these families, oldest first."""
    statement = select(FamilySeparation).where(col(FamilySeparation.family_id).in_(family_ids))
    return (await session.exec(statement.order_by(col(FamilySeparation.id)))).all()


async def findings(session: AsyncSession, family_ids: Collection[str]) -> Sequence[CarerFinding]:
    """Return the findings on the carers of these families, oldest decision first."""
    statement = select(CarerFinding).where(col(CarerFinding.family_id).in_(family_ids))
    return (await session.exec(statement.order_by(col(CarerFinding.decided_at), col(CarerFinding.id)))).all()
