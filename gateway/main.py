"""The gateway as one ASGI app: the edge, the door, then the proxy or its own few routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway import docs, errors, status
from gateway.clients import routes as administration
from gateway.clients import upkeep
from gateway.door import Door
from gateway.keys import routes as keys
from gateway.keys import service as keys_service
from gateway.limits.service import Limits
from gateway.proxy import Proxy
from gateway.refusals import refuse
from gateway.standing import routes as standing
from gateway.standing import service as standing_service
from gateway.tokens import routes as tokens
from gateway.tokens import service as token_service
from gateway.upstreams import longer
from shared import health, problems, telemetry
from shared.app import VERSION
from shared.openapi.describe import describe
from shared.routing import mount
from shared.runtime import Runtime

_DESCRIPTION = (
    "Mexico's Comprehensive Care Route for the Rights of Migrant Children and Adolescents. "
    "Get a token from `POST /oauth/token`; send it with every request; send an `Idempotency-Key` with every POST. "
    "Every problem has a page at `/errors`."
)


def api(runtime: Runtime) -> ASGIApp:
    """Return the app."""
    limits = Limits(runtime.settings)
    proxy = Proxy(runtime, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        forever = (token_service.prune_forever, upkeep.seal_forever, upkeep.keep_forever, keys_service.keep_forever)
        tasks = [asyncio.create_task(each(runtime)) for each in forever]
        follower = standing_service.follower(runtime)
        async with follower.running():
            with suppress(TimeoutError):  # a database that is late must not keep /livez away
                await asyncio.wait_for(follower.tried.wait(), 2)
            yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await proxy.close()
        await runtime.close()

    app = FastAPI(
        title="Ruta", version=VERSION, description=_DESCRIPTION, lifespan=lifespan,
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.runtime = runtime
    own = [tokens.router, keys.keys, *administration.routers, status.administration, errors.router, status.router]
    app.state.routers = [*own, standing.internal]
    app.state.asks = proxy.asks
    app.state.status = status.watched(app, runtime, proxy.asks)
    app.state.description = docs.described(app, runtime)
    problems.install(app)
    mount(app, app.state.routers)
    docs.install(app)
    describe(app, "gateway")
    health.install(app, runtime, "gateway")  # after our own /status, which comes first
    return telemetry.Edge(
        Door(app, proxy, limits, runtime.settings), service="gateway", body_limit=runtime.settings.body_limit,
        refuse=refuse, trust_id=False, longer=longer,
    )  # fmt: skip
