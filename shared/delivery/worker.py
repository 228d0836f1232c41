"""The delivery loop of a worker: claim, ask the gate, write the attempt down, send, complete."""

import asyncio
from datetime import timedelta

from shared import clock, telemetry
from shared.crypto import Vault
from shared.db import Database
from shared.delivery import service, store
from shared.delivery.models import Delivery
from shared.delivery.sender import Sender
from shared.delivery.service import Gate, Permit, Verdict
from shared.errors import Refusal

_OPEN = Permit(Verdict.OPEN)
_MOST = 64


class Deliverer:
    """Delivers what the database of one service owes, any number of workers side by side."""

    def __init__(
        self, database: Database, vault: Vault, sender: Sender, *, lease: timedelta, gate: Gate | None = None
    ) -> None:
        self.database = database
        self.vault = vault
        self.sender = sender
        self.lease = lease
        self.gate = gate
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self) -> int:
        """Claim what is due and start sending it. Returns how many were claimed."""
        now = clock.now()
        async with self.database.work(write=False) as session:
            if not await store.any_due(session, now):
                return 0
        room = _MOST - len(self._tasks)
        if room <= 0:
            return 0
        async with self.database.work() as session:
            claimed = await store.claim(session, now, self.lease, room)
        for delivery, token in claimed:
            task = asyncio.create_task(self._deliver(delivery, token))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    async def drain(self) -> None:
        """Finish what is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.lease.total_seconds())

    async def _deliver(self, delivery: Delivery, token: str) -> None:
        try:
            permit = await self._ask(delivery)
            if permit.verdict is not Verdict.OPEN:
                async with self.database.work() as session:
                    await service.withhold(session, delivery, token, permit.verdict)
                return
            async with self.database.work() as session:
                parcel = await service.open_attempt(session, self.vault, delivery, token, permit)
            if parcel is None:
                return
            result = await self.sender.send(parcel)
            async with self.database.work() as session:
                await service.complete(session, parcel, result)
            telemetry.say(
                "info", "attempt", delivery=delivery.id, outcome=result.outcome.value, status=result.status,
                ms=result.milliseconds,
            )  # fmt: skip
        except Exception as error:  # the lease ends by itself; nothing is lost by giving up here
            telemetry.failed(error)

    async def _ask(self, delivery: Delivery) -> Permit:
        """Ask the gate. A delivery with a gate and no permit does not leave: no answer means no."""
        if delivery.gate is None:
            return _OPEN
        if self.gate is None:
            return Permit(Verdict.WAIT)
        try:
            return await self.gate(delivery.gate)
        except Refusal:
            return Permit(Verdict.WAIT)
