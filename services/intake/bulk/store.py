"""Every SQL statement on uploads."""

from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.bulk.models import BulkBatch, BulkError, BulkLoad
from shared.auth import Caller
from shared.paging import Paging


def readable(caller: Caller) -> Any:
    """Select the uploads of the caller's own agency."""
    return select(BulkLoad).where(BulkLoad.agency == caller.agency)


async def get(session: AsyncSession, caller: Caller, load_id: str) -> BulkLoad | None:
    """Return an upload that the caller may read."""
    found: BulkLoad | None = (await session.exec(readable(caller).where(BulkLoad.id == load_id))).first()
    return found


async def counts(session: AsyncSession, load: BulkLoad) -> tuple[int, int, int, int]:
    """Return the last line, and how many lines were recorded, known and refused, of the last attempt."""
    statement = select(
        func.coalesce(func.max(BulkBatch.last_line), 0),
        func.coalesce(func.sum(BulkBatch.recorded), 0),
        func.coalesce(func.sum(BulkBatch.known), 0),
        func.coalesce(func.sum(BulkBatch.refused), 0),
    ).where(BulkBatch.load_id == load.id, BulkBatch.attempt == load.attempts)
    last, recorded, known, refused = (await session.exec(statement)).one()
    return int(last), int(recorded), int(known), int(refused)


def errors(load: BulkLoad, paging: Paging) -> Any:
    """Select one page, and one more, of the faults of the last attempt of a readable upload, by line."""
    statement = select(BulkError).where(BulkError.load_id == load.id, BulkError.attempt == load.attempts)
    if paging.after is not None:
        statement = statement.where(col(BulkError.id) > paging.after)
    return statement.order_by(col(BulkError.id)).limit(paging.limit + 1)
