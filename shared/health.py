"""`/livez`, `/readyz`, `/metrics`, `/status`, `/ages`. Readiness depends on this process and its database alone."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from shared import clock, migrate, telemetry
from shared.delivery import store
from shared.delivery.ages import ages
from shared.rollout import leaving
from shared.runtime import Runtime

_FRESH = 1.0
BEHIND = timedelta(seconds=5)


@dataclass(slots=True)
class Health:
    """Whether one process is ready. While it is, its database is asked at most once a second."""

    runtime: Runtime
    package: str
    _well_at: float = -1e9
    _knew_schema: bool = False

    async def reason(self) -> str | None:
        """Return why this process is not ready, or None."""
        if leaving.said():
            return "draining"
        if time.monotonic() - self._well_at < _FRESH and not self.runtime.database.full:
            return None
        reason = await self._check()
        if reason is None:
            self._well_at = time.monotonic()
        return reason

    async def _check(self) -> str | None:
        database = self.runtime.database
        try:
            async with asyncio.timeout(1):
                revision = await migrate.current(self.runtime.probe)
                if database.full and not await database.has_room():
                    return "the database cannot be written"
        except Exception:  # whatever kept the database from answering
            return "the database does not answer"
        if revision == migrate.head(self.package):
            self._knew_schema = True
            return None
        # A newer release has migrated meanwhile. Migrations only add, so what ran before goes on.
        newer = self._knew_schema and revision is not None and revision not in migrate.revisions(self.package)
        return None if newer else "the schema is another one"


def alive(service: str) -> dict[str, Any]:
    """Return what `/livez` says."""
    return {"status": "ok", "service": service, "pid": os.getpid()}


async def status(runtime: Runtime) -> dict[str, Any]:
    """Say which sister services are behind with what they are owed. No counts, no ages: those are for operators."""
    try:
        async with runtime.database.work(write=False) as session:
            owed = await store.owed(session)
    except Exception as error:
        telemetry.failed(error)
        return {"status": "down", "service": runtime.settings.service, "missing": ["database"]}
    now = clock.now()
    late = [
        owner.removeprefix("service:")
        for owner, _, since in owed
        if owner.startswith("service:") and now - since > BEHIND
    ]
    return {"status": "degraded" if late else "up", "service": runtime.settings.service, "missing": sorted(late)}


def install(app: FastAPI, runtime: Runtime, package: str, stale: Callable[[], list[str]] = list) -> None:
    """Add the health routes to an app. `stale` names what hangs in this process, if anything."""
    health = app.state.health = Health(runtime, package)

    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        hanging = stale()
        return JSONResponse(alive(runtime.settings.service) | {"stale": hanging}, 503 if hanging else 200)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        reason = await health.reason()
        return JSONResponse({"status": "ok" if reason is None else reason}, 200 if reason is None else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        body, media_type = telemetry.metrics()
        return Response(body, media_type=media_type)

    if runtime.settings.service != "gateway":  # which answers to the outside, and asks the others
        app.get("/ages", include_in_schema=False)(partial(ages, runtime))

    @app.get("/status", include_in_schema=False)
    async def show_status() -> dict[str, Any]:
        return await status(runtime)
