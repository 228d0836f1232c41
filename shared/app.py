"""The one place that wires a service together: routes, problems, health, docs, the edge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.types import ASGIApp

from shared import health, problems, telemetry
from shared.bulk.route import limits
from shared.delivery import service as delivery
from shared.inbox import PATH, Handler, inbox
from shared.openapi.describe import describe
from shared.routing import mount
from shared.runtime import Runtime
from shared.trust import feed

VERSION = "0.5.0"
Start = Callable[[Runtime, AsyncSession], Awaitable[None]]
Beside = Callable[[Runtime], Coroutine[Any, Any, None]]


def create_app(
    runtime: Runtime,
    package: str,
    routers: Sequence[APIRouter],
    *,
    handlers: Mapping[str, Handler] | None = None,
    on_start: Start | None = None,
    beside: Beside | None = None,
) -> ASGIApp:
    """Return the ASGI app of a service. `handlers` take in the events of sister services.

    `beside` runs as long as the process does: what it holds in memory is kept true there.
    """
    name = runtime.settings.service
    app = FastAPI(
        title=f"Ruta: {name}", version=VERSION, lifespan=lambda _: _running(runtime, on_start, beside),
        openapi_url=f"/v1/{name}/openapi.json", docs_url=None, redoc_url=None,
        redirect_slashes=False, strict_content_type=True,
    )  # fmt: skip
    app.state.runtime = runtime
    app.state.routers = routers
    problems.install(app)
    mount(app, routers)
    if handlers:
        mount(app, [inbox(runtime.event_secrets("incoming"), handlers)])
    health.install(app, runtime, package)
    describe(app, package)
    longer = limits(routers)
    return telemetry.Edge(
        app, service=name, body_limit=runtime.settings.body_limit, refuse=problems.render, trust_id=True,
        longer=lambda path: longer.get(path, 0),
    )  # fmt: skip


@asynccontextmanager
async def _running(runtime: Runtime, on_start: Start | None, beside: Beside | None) -> AsyncIterator[None]:
    preparing, follower = asyncio.create_task(prepare(runtime, on_start)), feed.follower(runtime)
    other = asyncio.create_task(beside(runtime)) if beside is not None else None
    async with follower.running():
        with suppress(TimeoutError):  # a database or a gateway that is late must not keep /livez away
            async with asyncio.timeout(2):
                await asyncio.wait([preparing])
                await follower.tried.wait()
        yield
    preparing.cancel()
    if other is not None:
        other.cancel()
    await runtime.close()


async def prepare(runtime: Runtime, on_start: Start | None = None) -> None:
    """Make sure that what this process relies on is in the database. Waits for the database to come."""
    while True:
        try:
            async with runtime.database.work() as session:
                for name, secrets in runtime.event_secrets("outgoing").items():
                    url = runtime.settings.peer_url(name) + PATH
                    several = [secrets] if isinstance(secrets, str) else secrets
                    runtime.sisters[name] = await delivery.connect_sister(session, runtime.vault, name, url, several)
                if on_start is not None:
                    await on_start(runtime, session)
            return
        except Exception as error:  # not migrated or not there yet: /readyz says so meanwhile
            telemetry.failed(error)
            await asyncio.sleep(1)
