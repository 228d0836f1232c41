"""Every SQL statement on assistance."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.assistance.models import Assistance
from services.intake.children import store as children
from services.intake.children.models import Child
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the help given to the children whom the caller may know of."""
    return select(Assistance).where(col(Assistance.child_id).in_(children.readable(caller).with_only_columns(Child.id)))


async def times_of(session: AsyncSession, encounter_ids: Collection[str]) -> dict[str, dict[str, datetime]]:
    """Return what was given or declined, and first when, at encounters that the caller may read."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    statement = select(Assistance.encounter_id, Assistance.code, Assistance.given_at).where(
        col(Assistance.encounter_id).in_(encounter_ids)
    )
    for encounter_id, code, given_at in (await session.exec(statement)).all():
        known = found[encounter_id]
        known[code] = min(known.get(code, given_at), given_at)
    return found
