"""Every SQL statement of the official tables. They read no identity and have no unscoped rows to give."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import func
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind
from shared.db import run


async def counts(
    session: AsyncSession, dimensions: Sequence[str], first: date, last: date
) -> Sequence[tuple[Any, ...]]:
    """Return for each combination of dimensions: its values, the events, the persons. Days are inclusive."""
    columns: list[Any] = [_column(session, name) for name in dimensions]
    persons = func.count(func.distinct(Encounter.child_id))
    statement = (
        sqlalchemy.select(*columns, func.count(), persons)
        .where(
            col(Encounter.kind) == EncounterKind.FOREIGN_MET,
            col(Encounter.local_day) >= first,
            col(Encounter.local_day) <= last,
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    return [tuple(row) for row in await run(session, statement)]


def _column(session: AsyncSession, name: str) -> Any:
    if name != "month":
        return getattr(Encounter, name)
    if session.info["database"].is_sqlite:
        return func.strftime("%Y-%m", Encounter.local_day)
    return func.to_char(Encounter.local_day, "YYYY-MM")
