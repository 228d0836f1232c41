"""Every SQL statement about clients, suspensions and changes. Administrators and the token endpoint read them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, or_, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import rules
from gateway.clients.models import Change, Client, Suspension
from gateway.clients.rules import State, Subject
from shared import clock
from shared.paging import Paging

_LOCK = 0xAD31  # PostgreSQL advisory lock: one administrator writes at a time


async def alone(session: AsyncSession) -> None:
    """Let nobody else administer until this transaction ends: what was checked stays so.

    On SQLite a transaction that writes is alone from its beginning.
    """
    if not session.info["database"].is_sqlite:
        await session.scalar(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


# -- clients -------------------------------------------------------------------------------------------


async def find(session: AsyncSession, client_id: str, *, lock: bool = False) -> Client | None:
    """Return a client, disabled ones too."""
    return await session.get(Client, client_id, with_for_update=lock or None)


async def everyone(session: AsyncSession) -> Sequence[Client]:
    """Return all clients by id."""
    return (await session.exec(select(Client).order_by(col(Client.id)))).all()


async def of_agency(session: AsyncSession, agency: str) -> Sequence[Client]:
    """Return the clients of an agency, disabled ones too."""
    return (await session.exec(select(Client).where(Client.agency == agency))).all()


async def clients(
    session: AsyncSession, paging: Paging, *, agency: str | None, agency_kind: str | None
) -> Sequence[Client]:
    """Return a page of clients by id, and one more."""
    statement = select(Client).order_by(col(Client.id)).limit(paging.limit + 1)
    for column, wanted in ((Client.agency, agency), (Client.agency_kind, agency_kind)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if paging.after is not None:
        statement = statement.where(col(Client.id) > paging.after)
    return (await session.exec(statement)).all()


async def disabled(session: AsyncSession) -> list[str]:
    """Return the ids of the clients that never get anything again."""
    return list((await session.exec(select(Client.id).where(col(Client.disabled_at).is_not(None)))).all())


# -- suspensions ---------------------------------------------------------------------------------------

_OPEN = col(Suspension.lifted_at).is_(None)


async def suspensions(session: AsyncSession) -> list[Suspension]:
    """Return the suspensions that are open, and those lifted so lately that a token may be older than them."""
    lately = col(Suspension.lifted_at) > clock.now() - rules.STANDING_MEMORY
    return list((await session.exec(select(Suspension).where(or_(_OPEN, lately)))).all())


async def suspended(session: AsyncSession) -> set[tuple[Subject, str]]:
    """Return who is suspended now."""
    found = await session.exec(select(Suspension).where(_OPEN))
    return {(suspension.kind, suspension.subject) for suspension in found}


async def open_suspension(session: AsyncSession, kind: Subject, subject: str) -> Suspension | None:
    """Return what keeps a client or an agency out now, if anything."""
    statement = select(Suspension).where(Suspension.kind == kind, Suspension.subject == subject, _OPEN)
    return (await session.exec(statement)).first()


async def find_suspension(session: AsyncSession, suspension_id: str) -> Suspension | None:
    """Return a suspension, lifted ones too."""
    return await session.get(Suspension, suspension_id)


async def listed_suspensions(
    session: AsyncSession, paging: Paging, *, subject: str | None, is_open: bool | None
) -> Sequence[Suspension]:
    """Return a page of suspensions, newest first, and one more."""
    statement = select(Suspension)
    if subject is not None:
        statement = statement.where(Suspension.subject == subject)
    if is_open is not None:
        statement = statement.where(_OPEN if is_open else ~_OPEN)
    found: Sequence[Suspension] = (await session.exec(paging.apply(statement, Suspension.id))).all()
    return found


# -- changes -------------------------------------------------------------------------------------------


async def find_change(session: AsyncSession, change_id: str) -> Change | None:
    """Return a change, decided ones too."""
    return await session.get(Change, change_id)


async def changes(session: AsyncSession, paging: Paging, state: State | None) -> Sequence[Change]:
    """Return a page of changes, newest first, and one more."""
    statement: Any = select(Change)
    too_old = col(Change.proposed_at) <= clock.now() - rules.CHANGE_LIFE
    if state is State.PENDING:
        statement = statement.where(Change.state == state, ~too_old)
    elif state is State.EXPIRED:
        statement = statement.where(or_(Change.state == state, (col(Change.state) == State.PENDING) & too_old))
    elif state is not None:
        statement = statement.where(Change.state == state)
    found: Sequence[Change] = (await session.exec(paging.apply(statement, Change.id))).all()
    return found


async def overdue(session: AsyncSession, now: datetime) -> Sequence[Change]:
    """Return the changes that nobody decided in time."""
    old = col(Change.proposed_at) <= now - rules.CHANGE_LIFE
    return (await session.exec(select(Change).where(Change.state == State.PENDING, old))).all()
