"""Every SQL statement of transfers."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, false, true
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import store as cases
from services.referral.cases.models import Case, CaseParty
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import LIVE, UNDER_WAY, TransferKind, TransferState
from shared.auth import Caller
from shared.clocks.models import Clock


def readable(caller: Caller) -> Any:
    """Select the transfers that the caller may know of: its own, and those of the children whom it represents."""
    own = or_(Transfer.sender == caller.agency, Transfer.recipient == caller.agency, _represented(caller))
    found = select(Transfer).where(own)
    return found if caller is SYSTEM else found.where(col(Transfer.case_id).not_in(cases.kept_from(caller)))


def _represented(caller: Caller) -> Any:
    if caller is SYSTEM:
        return true()
    if caller.agency_kind != "PP":
        return false()
    return col(Transfer.case_id).in_(select(Case.id).where(cases.in_territory(caller)))


async def get(session: AsyncSession, caller: Caller, transfer_id: str, *, lock: bool = False) -> Transfer | None:
    """Return one transfer that the caller may read, locked if wished."""
    statement = readable(caller).where(Transfer.id == transfer_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Transfer | None = (await session.exec(statement)).first()
    return found


async def live(session: AsyncSession, case_id: str, kind: TransferKind) -> bool:
    """Whether a case has a transfer of this kind that has not ended."""
    statement = select(Transfer.id).where(
        Transfer.case_id == case_id, Transfer.kind == kind, col(Transfer.state).in_(LIVE)
    )
    return (await session.exec(statement)).first() is not None


async def another_under_way(session: AsyncSession, transfer: Transfer) -> bool:
    """Whether the same child is on its way by another transfer too: child and case may move together."""
    statement = select(Transfer.id).where(
        Transfer.case_id == transfer.case_id, Transfer.id != transfer.id, col(Transfer.state).in_(UNDER_WAY)
    )
    return (await session.exec(statement)).first() is not None


async def overdue(session: AsyncSession, now: datetime, limit: int) -> Sequence[str]:
    """Return the transfers whose child should have arrived by now."""
    statement = select(Transfer.id).where(Transfer.state == TransferState.DEPARTED, col(Transfer.arrive_by) <= now)
    return (await session.exec(statement.order_by(col(Transfer.arrive_by)).limit(limit))).all()


async def lock_clocks(session: AsyncSession, transfer_id: str) -> None:
    """Lock the clocks of a transfer, in one order for everybody, before the transfer itself."""
    statement = select(Clock).where(Clock.resource_id == transfer_id).order_by(col(Clock.id)).with_for_update()
    await session.exec(statement)


async def parties(session: AsyncSession, case_id: str) -> Sequence[str]:
    """Return the agencies that take part in a case."""
    statement = select(CaseParty.agency).where(CaseParty.case_id == case_id).order_by(col(CaseParty.agency))
    return (await session.exec(statement)).all()


async def leave(session: AsyncSession, case_id: str, agencies: Collection[str]) -> None:
    """Let agencies take part in a case no longer. What they were asked in it they go on reading by itself."""
    statement = delete(CaseParty).where(col(CaseParty.case_id) == case_id, col(CaseParty.agency).in_(agencies))
    await session.exec(statement)


async def cases_of(session: AsyncSession, transfers: Sequence[Transfer]) -> dict[str, Case]:
    """Return the cases of transfers that the caller has been shown to be able to read, by id."""
    names = {each.case_id for each in transfers}
    rows = (await session.exec(select(Case).where(col(Case.id).in_(names)))).all() if names else []
    return {case.id: case for case in rows}
