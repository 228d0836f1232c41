"""What the system does by itself: requests that nobody answers expire, and what did not arrive goes back."""

from datetime import datetime, timedelta

from services.referral.agencies.service import SYSTEM
from services.referral.referrals import service, store
from services.referral.referrals.deadlines import LAPSE
from services.referral.referrals.rules import Action
from shared import clock
from shared.errors import IllegalMove, RefusedByLaw
from shared.runtime import Runtime

EVERY = timedelta(seconds=15)
_BATCH = 100


class Upkeep:
    """One turn of it, at most every 15 seconds. Several workers may take it: each step happens once."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._next: datetime | None = None

    async def turn(self) -> int:
        """Look for both. Returns how many referrals moved."""
        now = clock.now()
        if self._next is not None and self._next - EVERY <= now < self._next:  # a clock put back waits for nothing
            return 0
        async with self.runtime.database.work(write=False) as session:
            lapsed = await store.lapsed(session, now - LAPSE, _BATCH)
            lost = await store.undelivered(session, now, _BATCH)
        moved = sum([await self._act(each, Action.EXPIRE) for each in lapsed])
        moved += sum([await self._act(each, Action.RETURN) for each in lost])
        if not moved:
            self._next = now + EVERY
        return moved

    async def _act(self, referral_id: str, action: Action) -> bool:
        """Move one referral in a transaction of its own. Who answered meanwhile, or another worker, was first."""
        try:
            async with self.runtime.database.work() as session:
                await service.act(session, self.runtime.vault, SYSTEM, referral_id, action)
        except (IllegalMove, RefusedByLaw):
            return False
        return True
