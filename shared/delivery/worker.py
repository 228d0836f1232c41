"""The delivery loop of a worker: record what came back, claim what is due, ask gates, send."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import clock, telemetry
from shared.crypto import Vault
from shared.db import Database
from shared.delivery import metrics, store
from shared.delivery.parcels import Gate, Leased, Parcel, Permit, Result, Verdict
from shared.delivery.queue import Claimed, Queue
from shared.delivery.rules import Chain, Outcome
from shared.delivery.sender import Sender
from shared.errors import Refusal

_WAIT = Permit(Verdict.WAIT)
_SKEW_EVERY = 60.0
_SKEW_ALARM = timedelta(seconds=5)


class Deliverer:
    """Delivers what the database of one service owes, any number of workers side by side."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        sender: Sender,
        *,
        lease: timedelta,
        gate: Gate | None = None,
        chains: Mapping[str, Chain] | None = None,
        most: int = 200,
    ) -> None:
        self.database = database
        self.queue = Queue(vault, lease, gated=gate is not None, chains=chains)
        self.sender = sender
        self.lease = lease
        self.gate = gate
        self.most = most
        self.wake = asyncio.Event()
        """Set when something came back: the loop need not wait for its next round."""
        self.skew = timedelta()
        self._skew_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._returned: list[tuple[Parcel, Result]] = []
        self._asking: dict[str, Leased] = {}
        self._stopping = False

    def now(self) -> datetime:
        """Return the time by the database's clock, which all workers share."""
        return clock.now() + self.skew

    async def by_its_clock(self, turn: Callable[[], Awaitable[int]]) -> int:
        """Take another turn by the database's clock."""
        with clock.at(self.now()):
            return await turn()

    async def turn(self) -> int:
        """Record what came back, and claim what is due and start on it. Returns how many were claimed."""
        await self._compare_clocks()
        room = 0 if self._stopping else self.most - len(self._tasks)
        with clock.at(self.now()):
            if not self._returned and (room <= 0 or not await self._any_due()):
                return 0
            claimed = await self._exchange(room)
        for parcel in claimed.parcels:
            self._start(self._send(parcel))
        for leased in claimed.asked:
            self._asking[leased.delivery_id] = leased
            self._start(self._ask_and_send(leased))
        return len(claimed)

    async def _any_due(self) -> bool:
        async with self.database.work(write=False) as session:
            return await self.queue.any_due(session)

    async def _exchange(self, room: int) -> Claimed:
        """In one transaction: results in, claims out. What could not be recorded is kept for the next turn."""
        returned, self._returned = self._returned, []
        started = time.perf_counter()
        try:
            async with self.database.work() as session:
                if returned:
                    await self.queue.complete(session, returned)
                claimed = await self.queue.claim(session, room) if room > 0 else Claimed()
        except BaseException:
            self._returned[:0] = returned
            raise
        metrics.CLAIM.observe(time.perf_counter() - started)
        return claimed

    async def drain(self, grace: float | None = None) -> None:
        """Finish what is under way and record it. What is not done after `grace` seconds is given back."""
        self._stopping = grace is not None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.lease.total_seconds() if grace is None else grace)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with clock.at(self.now()):
            async with self.database.work() as session:
                if self._returned:
                    await self.queue.complete(session, self._returned)
                await self.queue.release(session, self._asking.values())
        self._returned.clear()
        self._asking.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.failed(error)  # the lease ends by itself; nothing is lost by giving up here

    async def _send(self, parcel: Parcel) -> None:
        if parcel.owed_since is not None:
            metrics.FIRST.observe(max(0.0, (self.now() - parcel.owed_since).total_seconds()))
        result = Result(Outcome.UNKNOWN)
        try:
            result = await self.sender.send(parcel)
        finally:
            self._returned.append((parcel, result))
            metrics.ATTEMPTS.labels(result.outcome.value).inc()
            telemetry.say(
                "info", "attempt", delivery=parcel.delivery_id, outcome=result.outcome.value, status=result.status,
                ms=result.milliseconds,
            )  # fmt: skip

    async def _ask_and_send(self, leased: Leased) -> None:
        parcel = await self._enter(leased, await self._ask(leased.gate))
        del self._asking[leased.delivery_id]
        if parcel is not None:
            await self._send(parcel)

    async def _enter(self, leased: Leased, permit: Permit) -> Parcel | None:
        with clock.at(self.now()):
            async with self.database.work() as session:
                if permit.verdict is Verdict.OPEN:
                    return await self.queue.open(session, leased, permit)
                await self.queue.withhold(session, leased, permit.verdict)
        return None

    async def _ask(self, gate: str) -> Permit:
        """Ask the gate. A delivery with a gate and no permit does not leave: no answer means no."""
        if self.gate is None:
            return _WAIT
        try:
            return await self.gate(gate)
        except Refusal:
            return _WAIT

    async def _compare_clocks(self) -> None:
        """Follow the database's clock: workers whose own clocks differ must agree on what is due."""
        if time.monotonic() - self._skew_at < _SKEW_EVERY:
            return
        self._skew_at = time.monotonic()
        async with self.database.work(write=False) as session:
            self.skew = await store.skew(session)
        metrics.SKEW.set(self.skew.total_seconds())
        if abs(self.skew) > _SKEW_ALARM:
            telemetry.say("warning", "clock_skew", seconds=round(self.skew.total_seconds(), 1))
