"""Use cases: take in that a procedure is held up, or no longer; ask whether one is."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.holds import rules, store
from services.intake.holds.models import Hold
from shared import clock
from shared.clocks.facts import HoldMoved
from shared.inbox import Message


async def moved(session: AsyncSession, message: Message) -> None:
    """Take in how a hold stands. Of a child who was erased nothing is kept; what has ended stays ended."""
    fact = HoldMoved.model_validate(message.data)
    known = await session.get(Hold, fact.hold_id)
    if known is not None:
        known.until = known.until or fact.until
    elif await store.knows(session, fact.child_id):
        session.add(Hold(id=fact.hold_id, child_id=fact.child_id, since=fact.since, until=fact.until))


async def since(session: AsyncSession, child_id: str) -> datetime | None:
    """Return since when a child's procedure stands still; null: it does not."""
    found = await store.between(session, child_id, clock.now(), None)
    return found.since if found is not None else None


async def check_return(
    session: AsyncSession, child_id: str, begin: datetime, end: datetime | None, *allowed_actions: str
) -> None:
    """Raise RefusedByLaw where a return of the child would be prepared or recorded of a time of a hold (R24)."""
    held = await store.between(session, child_id, begin, end) is not None
    rules.check_return(held=held, allowed_actions=list(allowed_actions))
