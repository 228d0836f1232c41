"""One request, one transaction: the route class that every router of a service uses.

In this order: authenticate and check the scope, look at the Idempotency-Key, read and parse the
body strictly, open the unit of work, claim the key, run the handler, keep its answer, commit, answer. A refusal
anywhere rolls everything back. FastAPI's own `yield` dependencies end after the response, so a
failing commit would be answered with 200; that is why the transaction lives here.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from shared import idempotency, jsons, problems
from shared.auth import Guard
from shared.db import unit_of_work
from shared.edge.finder import Finder
from shared.errors import Invalid, Refusal
from shared.openapi import deprecation

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=BaseModel)


def audited_read(endpoint: F) -> F:
    """Mark a GET whose reading is recorded: it gets a transaction that may write."""
    endpoint.__ruta_writes__ = True  # type: ignore[attr-defined]  # a mark on the function itself
    return endpoint


class Route(APIRoute):
    """A route whose whole work is one transaction. One that neither takes a `Session` nor has a key opens none."""

    keyed = True
    """Whether a POST here needs an Idempotency-Key."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        guards = guards_of(self)
        writes = not methods_of(self) <= {"GET", "HEAD"} or hasattr(self.endpoint, "__ruta_writes__")
        body_model = body_model_of(self)
        keyed = self.keyed and "POST" in methods_of(self)
        works = keyed or _asks_for(self.dependant, unit_of_work)

        async def answer(request: Request) -> Response:
            await authenticate(request, guards)
            scope = idempotency.scope_of(request) if keyed else None
            if body_model is not None:
                request._json = await parse(request, body_model)
            if not works:
                return await handle(request)
            async with request.app.state.runtime.database.work(write=writes) as session:
                request.state.session = session
                if scope is None:
                    return await handle(request)
                claim = await idempotency.claim(session, request, scope)
                if claim.stored is not None:
                    return claim.stored
                response = await handle(request)
                idempotency.keep(claim, response)
                return response

        return deprecation.announced(self.endpoint, answer)


class InternalRoute(Route):
    """A route for sister services, which the gateway never forwards to."""

    keyed = False


def router(prefix: str, tag: str) -> APIRouter:
    """Return the router of a slice."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route)


def mount(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Add the routes of routers to an app, as they are: several apps of one process may share them.

    Not `include_router`, which makes each route a second time, on the first request that comes by, and looks for it
    twice on every request. What it would add, a prefix or tags of the whole router, our routers have said themselves.
    """
    routes = app.router.routes
    if not (routes and isinstance(routes[0], Finder)):
        routes.insert(0, Finder())
    finder = cast("Finder", routes[0])
    for router in routers:
        routes.extend(router.routes)
        finder.learn(router.routes)


def internal_router(prefix: str) -> APIRouter:
    """Return the router of what a slice offers to sister services."""
    return APIRouter(prefix=f"/internal{prefix}", include_in_schema=False, route_class=InternalRoute)


async def authenticate(request: Request, guards: list[Guard]) -> None:
    if not guards:
        return
    caller = await request.app.state.runtime.verifier.caller(request.scope)
    for guard in guards:
        guard.check(caller)
    request.state.caller = caller


async def parse(request: Request, model: type[M]) -> M:
    """Read the body as `model`, strictly. Raises Refusal with pointers, never with values."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(code="unsupported_media_type")
    body = await request.body()
    try:
        jsons.loads(body)
        return model.model_validate_json(body, strict=True)
    except jsons.BadJson as error:
        raise Refusal(f"The body is refused: {error}.", code="malformed_json") from None
    except ValidationError as error:
        raise Invalid(faults=problems.faults(error)) from None


def methods_of(route: APIRoute) -> set[str]:
    """Return the methods of a route."""
    return route.methods or set()


def guards_of(route: APIRoute) -> list[Guard]:
    """Return what a route asks of its caller. None means that it is public."""
    return _find(route.dependant)


def _asks_for(dependant: Dependant, call: Callable[..., Any]) -> bool:
    return dependant.call is call or any(_asks_for(child, call) for child in dependant.dependencies)


def _find(dependant: Dependant) -> list[Guard]:
    own = [dependant.call] if isinstance(dependant.call, Guard) else []
    return own + [guard for child in dependant.dependencies for guard in _find(child)]


def body_model_of(route: APIRoute) -> type[BaseModel] | None:
    if route.body_field is None:
        return None
    model = route.body_field.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError("A body is one model.")
    return model
