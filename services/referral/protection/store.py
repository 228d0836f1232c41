"""Every SQL statement of the guard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.protection.models import Guard, Indication, Kinship, Permit, Release
from services.referral.protection.rules import ReleaseState
from shared.auth import Caller
from shared.db import run


def readable(caller: Caller) -> Any:
    """Select the releases that the caller may know of: INM's and the Procuraduría's, in their territory."""
    territory = select(Case.id).where(cases.in_territory(caller))
    return select(Release).where(col(Release.case_id).in_(territory))


async def release(session: AsyncSession, caller: Caller, release_id: str, *, lock: bool = False) -> Release | None:
    """Return a release that the caller may read."""
    statement = readable(caller).where(Release.id == release_id)
    found: Release | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def release_for_sender(session: AsyncSession, release_id: str) -> Release | None:
    """Return a release for the consular service's permit."""
    return await session.get(Release, release_id)


async def live_releases(session: AsyncSession, child_id: str) -> Sequence[Release]:
    """Return the releases of a child that an indication must stop, locked."""
    living = [ReleaseState.PROPOSED, ReleaseState.CONCURRED, ReleaseState.RELEASED]
    statement = select(Release).where(Release.child_id == child_id, col(Release.state).in_(living))
    return (await session.exec(statement.with_for_update())).all()


async def indications(session: AsyncSession, case_id: str) -> Sequence[Indication]:
    """Return the indications of a case that the caller has been shown to be able to read, oldest first."""
    statement = select(Indication).where(Indication.case_id == case_id).order_by(col(Indication.id))
    return (await session.exec(statement)).all()


async def relatives(session: AsyncSession, child_id: str) -> list[str]:
    """Return the ids of a child's relatives."""
    statement = select(Kinship.relative_id).where(Kinship.child_id == child_id).order_by(col(Kinship.relative_id))
    return list((await session.exec(statement)).all())


async def family(session: AsyncSession, child_id: str) -> list[str]:
    """Return the ids of a child's relatives and of theirs: a sign of any of them protects the child.

    Two records of one child are relatives of each other, so the relatives of either are the family of both.
    """
    near = select(Kinship.relative_id).where(Kinship.child_id == child_id)
    far = select(Kinship.relative_id).where(col(Kinship.child_id).in_(near), Kinship.relative_id != child_id)
    return sorted(row[0] for row in await run(session, near.union(far)))


async def guards(session: AsyncSession, child_ids: Sequence[str], *, lock: bool = False) -> dict[str, Guard]:
    """Return the guards that these children have, locked if wished: in one order for everybody."""
    statement = select(Guard).where(col(Guard.child_id).in_(child_ids)).order_by(col(Guard.child_id))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return {guard.child_id: guard for guard in (await session.exec(statement)).all()}


async def open_permits(session: AsyncSession, child_ids: Sequence[str], now: datetime) -> Sequence[Permit]:
    """Return the permits of these children that a sender may still be acting on."""
    statement = select(Permit).where(col(Permit.child_id).in_(child_ids), Permit.expires_at > now)
    return (await session.exec(statement.order_by(col(Permit.id)))).all()


async def outdated(session: AsyncSession, limit: int) -> Sequence[str]:
    """Return the children whose facts intake has announced and referral has not fetched."""
    statement = select(Guard.child_id).where(col(Guard.facts_version) < col(Guard.announced_version)).limit(limit)
    return (await session.exec(statement)).all()
