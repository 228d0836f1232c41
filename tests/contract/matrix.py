"""Requests made out of routes: one for each place where a route takes an id, with whatever else it needs."""

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from shared import auth, ids
from shared.openapi.describe import api_routes
from shared.routing import methods_of
from shared.testing import Keys, client, key
from tests.contract.law import KINDS, READERS

SERVICES = ("intake", "referral", "consular")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
EVERY_SCOPE = " ".join(f"{name}:{right}" for name in SERVICES for right in ("read", "write")) + " statistics:read"
CALLERS_OWN = ("external_id",)
"""Ids of the callers' own objects: nobody else's can be named by them."""
_ENGINE = ("endpoint", "delivery", "alarm", "key")
"""What the webhook engine has in each service that mounts it."""


_LISTS = ("screenings", "findings", "interviews", "representations", "risks", "closings", "tasks")
"""Lists below an object which fewer may read than the object itself."""


@dataclass
class Place:
    """One service with its story: which objects there are, by the names of the law."""

    name: str
    app: ASGIApp
    keys: Keys
    objects: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    """What stands in an address beside an id, by the parameter's name: the endpoint of a key, a key of it."""

    @property
    def inner(self) -> FastAPI:
        app: Any = self.app
        while not isinstance(app, FastAPI):
            app = app.app
        return app

    def token(self, who: str, **more: Any) -> str:
        """Return a token of a caller of the law, with every scope."""
        if who.startswith("service:"):
            scope = f"{self.name}:read {self.name}:write"
            return auth.service_token(self.keys.signers[who.partition(":")[2]], self.name, scope)
        agency, client_id = who.partition("/")[0], who.replace("/", "-") + "-system"
        claims = {
            "aud": "ruta", "sub": client_id, "client_id": client_id, "jti": ids.opaque("jti"), "agency": agency,
            "role": "officer", "scope": EVERY_SCOPE,
        }  # fmt: skip
        return self.keys.signers["gateway"].sign(
            claims | KINDS[who] | more, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE
        )

    def as_(self, who: str, **more: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Return a client of a caller."""
        return client(self.app, self.token(who, **more))

    def filled(self, route: APIRoute, body: Any) -> dict[str, Any]:
        """Return the arguments of a request to a route about objects of the story."""
        path = re.sub(r"\{(\w+?)_id\}", lambda found: self._some(found[1]), route.path_format)
        return {"url": path, "json": body, "headers": key() | {"If-Match": '"v1"'}}

    def _some(self, kind: str) -> str:
        own = self.situations(kind) or self.situations(f"{self.name}:{kind}")
        return self.objects[own[0]]

    def situations(self, kind: str) -> list[str]:
        """Return the objects of a kind, in every situation."""
        return [name for name in self.objects if name == kind or name.startswith(f"{kind}/")]


@dataclass(frozen=True)
class Asked:
    """A request to a route, and where in it the id of `kind` stands."""

    route: APIRoute
    method: str
    place: str
    param: str
    kind: str
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.route.path_format} ({self.place} {self.param})"

    def made(self, value: str, beside: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments of the request with this id."""
        path, query, body = self.route.path_format, {}, copy.deepcopy(self.body)
        if self.place == "path":
            path = path.replace(f"{{{self.param}}}", value)
        elif self.place == "query":
            query[self.param] = value
        else:
            body[self.param] = value
        path = re.sub(r"\{(\w+)\}", lambda found: beside[found[1]], path)
        headers = key() | {"If-Match": '"v1"'}
        return {"method": self.method, "url": path, "params": query, "json": body, "headers": headers}


def asked(place: Place) -> Iterator[Asked]:
    """Yield a request for every place of every route of a service that takes an id."""
    described = place.inner.openapi()
    for route in api_routes(place.inner):
        for method in sorted(methods_of(route)):
            operation = described["paths"][route.path_format][method.lower()]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = content.get("example")
            for param in re.findall(r"\{(\w+)\}", route.path_format):
                if param.endswith("_id"):
                    yield Asked(route, method, "path", param, kind_of(place, route, param), body)
            for each in operation.get("parameters", []):
                if each["in"] == "query" and each["name"].endswith("_id"):
                    yield Asked(route, method, "query", each["name"], kind_of(place, route, each["name"]), body)
            shape = described["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2])
            for name in (shape or {}).get("properties", {}):
                if name.endswith("_id") and name not in CALLERS_OWN:
                    yield Asked(route, method, "body", name, kind_of(place, route, name), _without(place, body, name))


def kind_of(place: Place, route: APIRoute, param: str) -> str:
    """Return which object of the law a parameter names, in this route."""
    kind = param.removesuffix("_id")
    if kind in _ENGINE:
        read = "feed" if "/events" in route.path_format and kind == "endpoint" else kind
        return f"{place.name}:{read}"
    if route.path_format == "/v1/referral/indications" and "GET" in methods_of(route):
        return "indications"
    word = route.path_format.rpartition("/")[2]
    if kind == "notice" and word == "history":
        return "notice_history"  # a consulate reads its notice, and no history of it
    if word == "disclosure":
        return "disclosed"  # the referral; a disclosure is one reading
    if word in _LISTS and "GET" in methods_of(route):
        return word
    if word in ("contacts", "location", "capacity") and kind in ("agency", "cas"):
        return word
    if kind == "child" and route.path_format == "/v1/intake/lodging":
        return "lodged"  # DIF may not read the child, and says where it sleeps
    return kind


def _without(place: Place, body: Any, name: str) -> Any:
    """Return an example in which this id may stand: an encounter is of a new child or of a known one."""
    if name == "announcement_id":  # goes with the child who was announced
        return _without(place, body, "child_id") | {"child_id": place.objects["child"]}
    return {field: value for field, value in body.items() if f"{field}_id" != name}


def foreign(kind: str, value: str) -> str:
    """Return an id of the same form that nothing has."""
    return ids.opaque(value[:3]) if re.fullmatch(ids.PATTERN, value) else f"nobody-{len(kind)}"


def plain(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], Any]:
    """Return an answer without the request's own id and what runs by itself: what it tells about the object."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in ("x-request-id", "date"))
    try:
        body = answer.json()
    except ValueError:
        return answer.status_code, headers, answer.content
    if isinstance(body, dict):
        body = {name: None if name in ("request_id", "left_seconds") else value for name, value in body.items()}
    return answer.status_code, headers, body


def readers(name: str) -> frozenset[str]:
    """Return who may read an object. Fails with what is to be added, where the law is silent."""
    assert name in READERS, f"Say in READERS of tests/contract/law.py who may read a {name}."
    return READERS[name]
