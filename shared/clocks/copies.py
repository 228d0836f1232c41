"""A clock that a sister service follows tells it of whatever happens to it, in the same transaction."""

from collections.abc import Mapping
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clocks.facts import ClockMoved
from shared.clocks.models import Clock
from shared.delivery import service as delivery
from shared.delivery.keys import SERVICE

_NAMES = {"clock_id": "id", "subject": "case_key"} | {
    name: name
    for name in (
        "rule", "agency", "resource_id", "state", "started_at", "due_at", "met_at", "breached_at", "paused_at",
    )
}  # fmt: skip
"""The fields of `ClockMoved`, and the columns that they come from."""


def told(clock: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a follower learns of a clock, whose columns these are."""
    return {field: clock[column] for field, column in _NAMES.items()}


async def moved(session: AsyncSession, found: Clock) -> None:
    """Tell the follower of a clock, if it has one, how the clock stands now."""
    if found.follower is not None:
        now = {column: getattr(found, column) for column in _NAMES.values()}
        await delivery.publish(
            session, ClockMoved.TYPE, case=found.case_key, subject=found.id, audience=[SERVICE + found.follower],
            data=ClockMoved(**told(now)).model_dump(mode="json"),
        )  # fmt: skip
