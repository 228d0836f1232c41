"""What the system does by itself: consents and overrides whose time is over end; whoever read under them is told."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.consents import overrides, rules, service, store, travel
from services.referral.consents.models import Consent, Override
from services.referral.consents.rules import ConsentAction, ConsentState, Part
from shared import audit, clock
from shared.clocks import service as clocks
from shared.errors import IllegalMove
from shared.runtime import Runtime

EVERY = timedelta(seconds=15)
_BATCH = 100
_End = Callable[[AsyncSession, str], Awaitable[None]]


class Expiry:
    """One turn of it, at most every 15 seconds. Several workers may take it: each ends once."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._next: datetime | None = None

    async def turn(self) -> int:
        """End what is over. Returns how many."""
        now = clock.now()
        if self._next is not None and self._next - EVERY <= now < self._next:  # a clock put back waits for nothing
            return 0
        async with self.runtime.database.work(write=False) as session:
            given, excepted = await store.over(session, now, _BATCH)
        ended = sum([await self._take(end_consent, each) for each in given])
        ended += sum([await self._take(end_override, each) for each in excepted])
        if not ended:
            self._next = now + EVERY
        return ended

    async def _take(self, end: _End, row_id: str) -> bool:
        """End one in a transaction of its own. Who took it back meanwhile, or another worker, was first."""
        try:
            async with self.runtime.database.work() as session:
                await end(session, row_id)
        except IllegalMove:
            return False
        return True


async def end_consent(session: AsyncSession, consent_id: str) -> None:
    """Take in that the time of a consent is over. Raises IllegalMove."""
    seen = await service.find(session, SYSTEM, consent_id)
    case = await cases.find_with_clocks(session, SYSTEM, seen.case_id)
    row: Consent = await store.one(session, store.readable(SYSTEM).where(Consent.id == seen.id), lock=True)
    row.state = ConsentState(rules.move(row.state, ConsentAction.EXPIRE, {Part.SYSTEM}))
    row.version += 1
    row.updated_at = clock.now()
    await clocks.cancel(session, rules.REVIEW.id, row.id)
    audit.wrote(session, SYSTEM, "expire", "consent", row.id)
    service.note(session, SYSTEM, case, "consent.expired", row.id, row.agency)
    await session.flush()
    await travel.tell_over(session, SYSTEM, case)


async def end_override(session: AsyncSession, override_id: str) -> None:
    """Take in that the time of an override is over. One that nobody reviewed still is to be. Raises IllegalMove."""
    statement = store.readable_overrides(SYSTEM).where(Override.id == override_id)
    seen: Override = await store.one(session, statement)
    case = await cases.find_with_clocks(session, SYSTEM, seen.case_id)
    row: Override = await store.one(session, statement, lock=True)
    if not overrides.end_if_over(row):  # it was upheld, or revoked, meanwhile
        raise IllegalMove("Its time is not over.", allowed_actions=[])
    row.version += 1
    audit.wrote(session, SYSTEM, "expire", "consent_override", row.id)
    service.note(session, SYSTEM, case, "override.expired", row.id, row.agency)
    await session.flush()
    await travel.tell_over(session, SYSTEM, case)
