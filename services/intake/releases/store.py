"""Every SQL statement of releases. They hold no identity; what the public may read of them is marked in each cell."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, false, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.counts.rules import TableName
from services.intake.releases.models import Release, ReleaseCell
from services.intake.releases.rules import NO_READERS
from shared.auth import Caller
from shared.delivery import bulk

_CELLS: sa.Table = ReleaseCell.__table__  # type: ignore[attr-defined]  # SQLModel adds it


def readable(caller: Caller) -> Any:
    """Select the releases: everybody's, but no consulate's."""
    return select(Release).where(false()) if caller.agency_kind in NO_READERS else select(Release)


async def latest(session: AsyncSession, first: str, last: str, version: int | None = None) -> Release | None:
    """Return the newest release of a period, or the one of a version."""
    statement = select(Release).where(Release.first_month == first, Release.last_month == last)
    if version is not None:
        statement = statement.where(Release.version == version)
    return (await session.exec(statement.order_by(col(Release.version).desc()).limit(1))).first()


async def released(session: AsyncSession) -> set[tuple[str, str]]:
    """Return the periods that have been released."""
    return set((await session.exec(select(Release.first_month, Release.last_month).distinct())).all())


async def cells(session: AsyncSession, release: Release, tables: Iterable[TableName]) -> Sequence[ReleaseCell]:
    """Return the cells of a release."""
    statement = select(ReleaseCell).where(
        ReleaseCell.release_id == release.id, col(ReleaseCell.table_name).in_(list(tables))
    )
    return (await session.exec(statement)).all()


async def add(session: AsyncSession, release: Release, rows: Sequence[ReleaseCell]) -> None:
    """Write a release, which never changes afterwards."""
    session.add(release)
    await session.flush()
    await bulk.insert(session, _CELLS, [row.model_dump() for row in rows])
