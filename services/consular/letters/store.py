"""Every SQL statement about letters."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, false, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.letters.models import Letter
from services.consular.letters.rules import AUTHORITIES, LetterKind, LetterStatus
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the letters that the caller may read: INM and the Procuraduría those of their state. A consulate none."""
    if caller.agency_kind in AUTHORITIES:
        return select(Letter).where(Letter.state == caller.state)
    return select(Letter).where(false())


def listed(caller: Caller, status: LetterStatus | None) -> Any:
    """Select the letters that the caller may read, only those that stand at `status` if one is named."""
    statement = readable(caller)
    return statement if status is None else statement.where(Letter.status == status)


async def find(session: AsyncSession, caller: Caller, letter_id: str, *, lock: bool = False) -> Letter | None:
    statement = readable(caller).where(Letter.id == letter_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Letter | None = (await session.exec(statement)).first()
    return found


async def of_notices(session: AsyncSession, notice_ids: Sequence[str]) -> Sequence[Letter]:
    """Return the letters of notices that the caller has been shown to be able to read, oldest first."""
    statement = select(Letter).where(col(Letter.notice_id).in_(notice_ids))
    return (await session.exec(statement.order_by(col(Letter.owed_at), col(Letter.id)))).all()


async def pending(session: AsyncSession, notice_id: str) -> Sequence[Letter]:
    """Return the letters of a notice that are still to be sent, locked."""
    statement = select(Letter).where(Letter.notice_id == notice_id, Letter.status == LetterStatus.TO_SEND)
    return (await session.exec(statement.order_by(col(Letter.id)).with_for_update())).all()


async def same(session: AsyncSession, notice_id: str, consulate_id: str, kind: LetterKind) -> Letter | None:
    """Return the letter of this kind that a post is owed or was sent, if there is one."""
    statement = select(Letter).where(
        Letter.notice_id == notice_id,
        Letter.consulate_id == consulate_id,
        Letter.kind == kind,
        Letter.status != LetterStatus.DROPPED,
    )
    return (await session.exec(statement)).first()


def sent_to(caller: Caller, notice_id: Any) -> Any:
    """Return the condition that a letter about a notice was handed over to the caller's post."""
    return (
        select(Letter.id)
        .where(
            Letter.notice_id == notice_id,
            Letter.consulate_id == caller.agency,
            Letter.status == LetterStatus.SENT,
        )
        .exists()
    )
