"""Every SQL statement on half-yearly reports."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import false, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies.rules import COUNTRY, Kind
from services.referral.cas_reports.models import CasReport
from shared.auth import Caller
from shared.db import run


def is_federal(caller: Caller) -> bool:
    """Whether a caller is the federal Procuraduría, to which the others report."""
    own = agencies.of_caller(caller)
    return own is not None and own.kind is Kind.PP and COUNTRY in own.territory


def readable(caller: Caller) -> Any:
    """Select the reports that the caller may know of: its own, and all of them for the federal Procuraduría."""
    if is_federal(caller):
        return select(CasReport).where(true())
    own = CasReport.agency == caller.agency if caller.agency_kind == Kind.PP else false()
    return select(CasReport).where(own)


async def get(session: AsyncSession, caller: Caller, report_id: str, *, lock: bool = False) -> CasReport | None:
    """Return a report that the caller may read, locked if wished."""
    statement = readable(caller).where(CasReport.id == report_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: CasReport | None = (await session.exec(statement)).first()
    return found


async def open_once(session: AsyncSession, row: Mapping[str, Any]) -> bool:
    """Enter a report that is owed, unless it is there: of several workers one opens it. Returns whether it was us."""
    insert = sqlite.insert if session.info["database"].is_sqlite else postgresql.insert
    done = await run(session, insert(CasReport).values(dict(row)).on_conflict_do_nothing().returning(col(CasReport.id)))
    return done.first() is not None
