"""What the worker does for claims: the time to file begins with an indication, a claim that nobody ratified lapses."""

import time
from contextlib import suppress
from datetime import timedelta

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.protection.models import Indication
from services.referral.protection.rules import IndicationCode
from services.referral.refuge import rules, service, store
from shared import audit, clock
from shared.clocks import service as clocks
from shared.errors import IllegalMove, RefusedByLaw
from shared.runtime import Runtime

POINTING = (
    IndicationCode.ASKS_FOR_REFUGE, IndicationCode.FEAR_OF_RETURN, IndicationCode.PERSECUTION,
    IndicationCode.GENERALISED_VIOLENCE, IndicationCode.FORCED_RECRUITMENT,
)  # fmt: skip
"""What points to a claim for refuge [design]. The guard closes by every indication, these or others."""
_BATCH = 20
_AGAIN = 1.0
_LONGEST = timedelta(minutes=10)
"""Longer than any transaction: an indication that is committed later than that with an older id is none of ours."""


class Turns:
    """A turn of the worker, every second."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.next_at = 0.0
        self.since = ""
        """Indications up to this id were seen to. It is forgotten by a restart, and then all are looked through."""

    async def turn(self) -> int:
        """See to what is due, if it is time to. Returns for how many cases."""
        if time.monotonic() < self.next_at:
            return 0
        self.next_at = time.monotonic() + _AGAIN
        return await self.begin() + await self.lapse()

    async def begin(self) -> int:
        """Let the time to file run, from when somebody first said that the child may need it (D6)."""
        before = clock.now() - _LONGEST
        codes = [code.value for code in POINTING]
        async with self.runtime.database.work(write=False) as session:
            found = await store.unwatched(session, rules.D6.id, codes, self.since, _BATCH)
        for each in found:
            await self._begin_one(each)
        if len(found) < _BATCH:
            self.since = f"ind_{int(before.timestamp() * 1000):012x}"
        return len(found)

    async def _begin_one(self, said: Indication) -> None:
        async with self.runtime.database.work() as session:
            case = await cases.find_with_clocks(session, SYSTEM, said.case_id)
            if await store.running(session, rules.D6.id, case.id):
                return  # another worker was here, or two indications speak of one child
            calendar = await clocks.calendar_of(session, rules.D6)
            made = clocks.started(
                rules.D6, case=case.id, resource_id=case.id, agency=case.representative, at=said.recorded_at,
                calendar=calendar,
            )  # fmt: skip
            session.add(made)
            if await store.filed(session, case.id) is not None:
                await session.flush()
                await clocks.meet(session, rules.D6.id, case.id)
            audit.wrote(session, SYSTEM, "begin", "clock", made.id, rule=rules.D6.id)

    async def lapse(self) -> int:
        """Let those claims lapse that nobody ratified in time (D7)."""
        async with self.runtime.database.work(write=False) as session:
            found = await store.unratified(session, rules.D7.id, clock.now(), _BATCH)
        for each in found:
            with suppress(IllegalMove, RefusedByLaw):  # it was ratified meanwhile, or its days were suspended
                async with self.runtime.database.work() as session:
                    await service.lapse(session, self.runtime.vault, each.id)
        return len(found)
