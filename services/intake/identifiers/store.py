"""Every SQL statement on external ids."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.identifiers.models import ExternalId
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the external ids of the children whom the caller may know of."""
    return select(ExternalId).where(col(ExternalId.child_id).in_(children.readable(caller).with_only_columns(Child.id)))


async def of_child(session: AsyncSession, caller: Caller, child_id: str) -> Sequence[ExternalId]:
    """Return a child's external ids, oldest first."""
    statement = readable(caller).where(ExternalId.child_id == child_id).order_by(col(ExternalId.id))
    found: Sequence[ExternalId] = (await session.exec(statement)).all()
    return found


async def sharing(session: AsyncSession, caller: Caller, digests: Collection[bytes]) -> dict[bytes, list[str]]:
    """Return, for each digest, the readable children who have it, oldest first."""
    found: dict[bytes, list[str]] = defaultdict(list)
    statement = readable(caller).where(col(ExternalId.digest).in_(digests)).order_by(col(ExternalId.id))
    for row in (await session.exec(statement)).all():
        found[row.digest].append(row.child_id)
    return found
