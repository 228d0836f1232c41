"""The worker of a service: loops that look for work, and an admin port that says how they are."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from shared import health, sealer, telemetry
from shared.app import Start, prepare
from shared.clocks.firing import Fired, fire
from shared.delivery.chains import Escalate, beat, step
from shared.delivery.endpoints.proof import Prover
from shared.delivery.parcels import Gate
from shared.delivery.rules import Chain
from shared.delivery.sender import Sender
from shared.delivery.upkeep import Upkeep
from shared.delivery.worker import Deliverer
from shared.runtime import Runtime
from shared.settings import Settings

Turn = Callable[[], Awaitable[int]]
_STALE = 30.0
STOPPING_SECONDS = 10.0
GRACE_SECONDS = 8.0
"""Seconds in which sends that are under way may end, before their leases are given back."""


class Worker:
    """Runs each turn again and again: at once while it finds work, else after a pause."""

    def __init__(self, runtime: Runtime, turns: Mapping[str, Turn]) -> None:
        self.runtime = runtime
        self.turns = turns
        self.beats: dict[str, float] = {}
        """When each loop last came round. Empty until they run: waiting for the database is no fault of theirs."""
        self.wakes = {name: asyncio.Event() for name in turns}
        """Set one, and its loop comes round without waiting for its pause to end."""
        self._stopping = False

    def stale(self) -> list[str]:
        """Name the loops that have not come round lately."""
        now = time.monotonic()
        return [name for name, beat in self.beats.items() if now - beat > _STALE]

    async def run(self) -> None:
        """Run until `stop`."""
        async with asyncio.TaskGroup() as group:
            for name in self.turns:
                group.create_task(self._loop(name))

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True
        for wake in self.wakes.values():
            wake.set()

    async def _loop(self, name: str) -> None:
        wake = self.wakes[name]
        while not self._stopping:
            self.beats[name] = time.monotonic()
            wake.clear()
            wait = self.runtime.settings.poll_seconds
            try:
                if await self.turns[name]():
                    continue
            except Exception as error:  # the loop outlives a lost database and a bug in one row
                telemetry.failed(error)
                wait = 1.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), wait)


def create_worker(
    runtime: Runtime,
    package: str,
    *,
    fired: Fired,
    gate: Gate | None = None,
    chains: Mapping[str, Chain] | None = None,
    escalate: Escalate | None = None,
    on_start: Start | None = None,
    turns: Mapping[str, Turn] | None = None,
) -> FastAPI:
    """Return the admin app of a worker; its lifespan runs the loops."""
    settings = runtime.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sender = _sender(settings)
        deliverer = Deliverer(
            runtime.database, runtime.vault, sender, lease=timedelta(seconds=settings.lease_seconds), gate=gate,
            chains=chains,
        )  # fmt: skip
        own = {
            "deliveries": deliverer.turn,
            "steps": lambda: deliverer.by_its_clock(lambda: step(runtime.database, chains or {}, escalate)),
            "clocks": lambda: deliverer.by_its_clock(lambda: fire(runtime.database, fired)),
        }
        worker = app.state.worker = Worker(runtime, {**own, **_turns(runtime, sender), **(turns or {})})
        worker.wakes["deliveries"] = deliverer.wake
        running = asyncio.create_task(_run(worker, runtime, on_start))
        yield
        worker.stop()
        await asyncio.wait([running], timeout=STOPPING_SECONDS)
        running.cancel()
        await deliverer.drain(grace=GRACE_SECONDS)
        await sender.close()
        await runtime.close()

    app = FastAPI(title=f"Ruta: {settings.service} worker", lifespan=lifespan, openapi_url=None)
    health.install(app, runtime, package, stale=lambda: app.state.worker.stale())
    return app


async def _run(worker: Worker, runtime: Runtime, on_start: Start | None) -> None:
    await prepare(runtime, on_start)
    await worker.run()


def _turns(runtime: Runtime, sender: Sender) -> dict[str, Turn]:
    """Return the turns that every service's worker takes in the same way."""
    database, settings = runtime.database, runtime.settings
    return {
        "proofs": Prover(database, runtime.vault, sender, settings.webhook_origin).turn,
        "heartbeats": lambda: beat(database),
        "upkeep": Upkeep(database, timedelta(days=settings.attempt_days)).turn,
        "sealer": lambda: sealer.seal(database, runtime.signer),
    }


def _sender(settings: Settings) -> Sender:
    certificate, key = settings.webhook_certificate_file, settings.webhook_key_file
    return Sender(
        timeout=settings.delivery_timeout,
        allow_loopback=settings.allow_loopback_webhooks,
        proxy=settings.egress_proxy_url or None,
        certificate=(certificate, key) if certificate and key else None,
        trusted_ca=settings.webhook_ca_file,
    )
