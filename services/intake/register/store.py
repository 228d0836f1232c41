"""Every SQL statement of the register's feed.

Every change in intake leaves an audit row in its own transaction, which the sealer numbers without gaps once it is
committed. So the numbers of the audit are the versions of everything that can change here, whoever changed it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import col, false, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from services.intake.encounters.models import Encounter
from services.intake.register.rules import CONDITION, KIND, READER
from shared.audit import AuditEntry
from shared.auth import Caller

Change = tuple[int, str, str, Mapping[str, Any] | None]
"""Number of a change, what was changed, its id, and what the row says besides."""


def readable(caller: Caller) -> Any:
    """Select the children of the register, for SNDIF: those met unaccompanied, of whom people may still read."""
    if caller.agency_kind != READER or caller.state is not None:
        return select(Child).where(false())
    met = select(Encounter.child_id).where(
        col(Encounter.child_id) == col(Child.id),
        Encounter.kind == KIND,
        Encounter.travel_condition == CONDITION,
    )
    return select(Child).where(met.exists(), col(Child.blocked_at).is_(None))


async def head(session: AsyncSession) -> int:
    """Return the number of the newest change."""
    return (await session.exec(select(func.max(AuditEntry.seq)))).one() or 0


async def changes(session: AsyncSession, after: int, until: int, limit: int) -> Sequence[Change]:
    """Return what was changed after a number, up to another one, in order."""
    statement = (
        select(AuditEntry.seq, AuditEntry.resource, AuditEntry.resource_id, AuditEntry.details)
        .where(col(AuditEntry.seq) > after, col(AuditEntry.seq) <= until, AuditEntry.action != "read")
        .order_by(col(AuditEntry.seq))
        .limit(limit)
    )
    return [
        (seq or 0, resource, name, details) for seq, resource, name, details in (await session.exec(statement)).all()
    ]


async def children(session: AsyncSession, caller: Caller, names: Sequence[str]) -> dict[str, Child]:
    """Return those of these children that are in the register, by id."""
    found = (await session.exec(readable(caller).where(col(Child.id).in_(names)))).all()
    return {child.id: child for child in found}


async def meetings(session: AsyncSession, names: Sequence[str]) -> Sequence[Encounter]:
    """Return the encounters of children that the caller may read, the earliest first."""
    statement = select(Encounter).where(col(Encounter.child_id).in_(names))
    return (await session.exec(statement.order_by(col(Encounter.occurred_at), col(Encounter.id)))).all()
