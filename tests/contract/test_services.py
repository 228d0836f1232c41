"""What holds for every service alike: nobody gets in unasked, and every write can be repeated."""

import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from shared import testing
from shared.edge.finder import Finder
from shared.routing import InternalRoute, guards_of, methods_of
from shared.routing import Route as OwnRoute
from shared.settings import ServiceName
from shared.testing import Keys, client

PUBLIC = {"/livez", "/readyz", "/metrics", "/status", "/ages", "/internal/events"}
"""`/internal/events` is guarded by its signature. The OpenAPI description is public too."""
NAMES: tuple[ServiceName, ...] = ("intake", "referral", "consular")


@asynccontextmanager
async def app_of(name: ServiceName, folder: Path) -> Any:
    more = {"keyring_url": f"sqlite:///{folder}/keyring.db"} if name == "intake" else {}
    runtime = testing.runtime(testing.settings(name, folder, Keys(), f"sqlite:///{folder}/{name}.db", **more))
    yield import_module(f"services.{name}.main").api(runtime)
    await runtime.close()


def leaves(routes: list[BaseRoute]) -> Iterator[Route]:
    """Yield every route. What stands before them only looks them up."""
    for route in routes:
        if not isinstance(route, Finder):
            assert isinstance(route, Route)
            yield route


@pytest.fixture(params=NAMES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The app of each service in turn, with its name."""
    async with app_of(request.param, tmp_path) as app:
        yield request.param, app


async def test_every_route_asks_who_calls(service: tuple[str, Any]) -> None:
    name, app = service
    inner: FastAPI = app.app
    unguarded = {
        route.path for route in leaves(inner.routes) if not isinstance(route, APIRoute) or not guards_of(route)
    }
    assert unguarded <= PUBLIC | {f"/v1/{name}/openapi.json"}
    assert len(list(leaves(inner.routes))) > 10


async def test_guards_name_scopes_of_their_own_service(service: tuple[str, Any]) -> None:
    name, app = service
    for route in leaves(app.app.routes):
        if not isinstance(route, APIRoute):
            continue
        for guard in guards_of(route):
            if isinstance(route, InternalRoute):
                assert guard.kinds == ("SERVICE",), route.path
            else:
                assert re.fullmatch(rf"({name}:(read|write)|statistics:read)", guard.scope), route.path
                assert guard.scope.endswith("read") == (methods_of(route) == {"GET"}), route.path
                assert "SERVICE" not in guard.kinds


async def test_every_address_belongs_to_its_service(service: tuple[str, Any]) -> None:
    name, app = service
    for route in leaves(app.app.routes):
        assert route.path in PUBLIC or route.path.startswith((f"/v1/{name}/", "/internal/")), route.path
        if isinstance(route, APIRoute) and route.path not in PUBLIC:
            assert isinstance(route, OwnRoute), route.path


async def test_nobody_gets_in_without_a_token(service: tuple[str, Any]) -> None:
    _, app = service
    async with client(app) as stranger:
        for route in leaves(app.app.routes):
            if not (isinstance(route, APIRoute) and guards_of(route)):
                continue
            for method in methods_of(route):
                answer = await stranger.request(method, re.sub(r"\{.*?\}", "x_" + "0" * 32, route.path))
                assert answer.status_code == 401, route.path


async def test_the_description_tells_what_partners_may_call(service: tuple[str, Any]) -> None:
    name, app = service
    async with client(app) as stranger:
        described = (await stranger.get(f"/v1/{name}/openapi.json")).json()
    assert not [path for path in described["paths"] if not path.startswith(f"/v1/{name}/")]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["security"], path
            assert operation["responses"]["422"] == {"$ref": "#/components/responses/Problem422"}, path
            assert operation["responses"]["default"], path
            keyed = any(
                each["name"] == "Idempotency-Key" and each["required"] for each in operation.get("parameters", [])
            )
            assert keyed == (method == "post"), path
