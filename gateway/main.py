"""The gateway as one ASGI app: the edge, the door, then the proxy or its own few routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway import docs, errors, status
from gateway.door import Door
from gateway.proxy import Proxy
from gateway.refusals import refuse
from gateway.tokens import routes as tokens
from gateway.tokens import service as token_service
from shared import health, problems, telemetry
from shared.app import VERSION
from shared.runtime import Runtime

_DESCRIPTION = (
    "Mexico's Comprehensive Care Route for the Rights of Migrant Children and Adolescents. "
    "Get a token from `POST /oauth/token`; send it with every request; send an `Idempotency-Key` with every POST. "
    "Every problem has a page at `/errors`."
)


def api(runtime: Runtime) -> ASGIApp:
    """Return the app."""
    proxy = Proxy(runtime)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pruning = asyncio.create_task(token_service.prune_forever(runtime))
        yield
        pruning.cancel()
        await proxy.close()
        await runtime.close()

    app = FastAPI(
        title="Ruta", version=VERSION, description=_DESCRIPTION, lifespan=lifespan,
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.runtime = runtime
    app.state.routers = [tokens.router, errors.router, status.router]
    app.state.status = status.watched(app, runtime)
    app.state.description = docs.described(app, runtime)
    app.state.published_keys = token_service.published_keys(runtime)
    # Our own tokens count by our own keys, whatever the trust file has forgotten.
    runtime.verifier.trust.replace(runtime.settings.issuer, app.state.published_keys.model_dump())
    problems.install(app)
    for each in app.state.routers:
        app.include_router(each)
    docs.install(app)
    health.install(app, runtime, "gateway")  # after our own /status, which comes first
    return telemetry.Edge(
        Door(app, proxy), service="gateway", body_limit=runtime.settings.body_limit, refuse=refuse, trust_id=False
    )
