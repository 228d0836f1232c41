"""A clock that a sister service follows tells it of whatever happens to it, in the same transaction."""

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clocks.facts import ClockMoved
from shared.clocks.models import Clock
from shared.delivery import service as delivery
from shared.delivery.keys import SERVICE


def told(found: Clock) -> ClockMoved:
    """Return what a follower learns of a clock."""
    return ClockMoved(
        clock_id=found.id, rule=found.rule, agency=found.agency, subject=found.case_key, resource_id=found.resource_id,
        state=found.state.value, started_at=found.started_at, due_at=found.due_at, met_at=found.met_at,
        breached_at=found.breached_at, paused_at=found.paused_at,
    )  # fmt: skip


async def moved(session: AsyncSession, found: Clock) -> None:
    """Tell the follower of a clock, if it has one, how the clock stands now."""
    if found.follower is not None:
        await delivery.publish(
            session, ClockMoved.TYPE, case=found.case_key, subject=found.id, audience=[SERVICE + found.follower],
            data=told(found).model_dump(mode="json"),
        )  # fmt: skip
