"""The one place that wires a service together: routes, problems, health, docs, the edge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.types import ASGIApp

from shared import health, problems, telemetry
from shared.delivery import service as delivery
from shared.inbox import PATH, Handler, inbox
from shared.openapi import describe
from shared.runtime import Runtime

VERSION = "0.2.0"
Start = Callable[[Runtime, AsyncSession], Awaitable[None]]


def create_app(
    runtime: Runtime,
    package: str,
    routers: Sequence[APIRouter],
    *,
    handlers: Mapping[str, Handler] | None = None,
    on_start: Start | None = None,
) -> ASGIApp:
    """Return the ASGI app of a service. `handlers` take in the events of sister services."""
    name = runtime.settings.service

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.create_task(prepare(runtime, on_start))
        await asyncio.wait([preparing], timeout=2)  # a database that is late must not keep /livez away
        yield
        preparing.cancel()
        await runtime.close()

    app = FastAPI(
        title=f"Ruta: {name}", version=VERSION, lifespan=lifespan,
        openapi_url=f"/v1/{name}/openapi.json", docs_url=None, redoc_url=None,
        redirect_slashes=False, strict_content_type=True,
    )  # fmt: skip
    app.state.runtime = runtime
    app.state.routers = routers
    problems.install(app)
    for each in routers:
        app.include_router(each)
    if handlers:
        app.include_router(inbox(runtime.event_secrets("incoming"), handlers))
    health.install(app, runtime, package)
    describe(app)
    return telemetry.Edge(
        app, service=name, body_limit=runtime.settings.body_limit, refuse=problems.render, trust_id=True
    )


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
