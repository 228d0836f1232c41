"""Use cases: one official table over a period."""

from calendar import monthrange
from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.statistics import rules, store
from services.intake.statistics.rules import Cell, TableName
from services.intake.statistics.schemas import CellOut, TableOut
from shared import clock
from shared.auth import Caller
from shared.errors import Fault, Forbidden, Invalid
from shared.shapes import State
from shared.zones import local_day

_LAST_ZONE = State.BCN
"""Where each day ends last: a month is over when it is over in Tijuana."""


async def table(session: AsyncSession, caller: Caller, name: TableName, first: str, last: str) -> TableOut:
    """Return a table over the months `first` to `last`, exact for those who publish it."""
    if caller.agency_kind in rules.NO_READERS:
        raise Forbidden("Consulates have no statistics.")
    if first > last:
        raise Invalid(faults=[Fault("/query/first_month", "after_last_month")])
    start, end = _first_day(first), _last_day(last)
    today = local_day(clock.now(), _LAST_ZONE)
    exact = caller.agency_kind in rules.EXACT_READERS and caller.state is None
    if not exact:
        rules.check_release(first, last, ended=end < today)
    dimensions = rules.DIMENSIONS[name]
    cells = [
        Cell(dict(zip(dimensions, row[:-2], strict=True)), row[-2], row[-1])
        for row in await store.counts(session, dimensions, start, end)
    ]
    return TableOut(
        table=name,
        first_month=first,
        last_month=last,
        cutoff=min(today, end),
        provisional=end >= today,
        exact=exact,
        cells=[CellOut.model_validate(cell) for cell in (cells if exact else rules.published(cells))],
    )


def _first_day(month: str) -> date:
    return date.fromisoformat(month + "-01")


def _last_day(month: str) -> date:
    first = _first_day(month)
    return first.replace(day=monthrange(first.year, first.month)[1])
