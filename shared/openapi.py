"""What the OpenAPI description of every service says alike: security, problems, headers."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.routing import guards_of, methods_of

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh key of yours; the same one when you repeat the request.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "fix", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "fix": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "rule": {"type": "string"},
        "source": {"type": "string"},
        "current": {"type": "string"},
        "allowed_actions": {"type": "array", "items": {"type": "string"}},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_ANSWER = {
    "description": "A problem document (RFC 9457); its page is at /errors/{code}",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI) -> None:
    """Complete what FastAPI generates."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = _PROBLEM
            components["securitySchemes"] = {
                "oauth2": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": _scopes(app)}},
                }
            }
            for route, method, operation in _operations(app, schema):
                _complete(route, method, operation)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Yield every route that partners may call."""
    for router in app.state.routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                yield route


def _operations(app: FastAPI, schema: dict[str, Any]) -> Iterator[tuple[APIRoute, str, dict[str, Any]]]:
    for route in api_routes(app):
        for method in methods_of(route):
            yield route, method, schema["paths"][route.path_format][method.lower()]


def _scopes(app: FastAPI) -> dict[str, str]:
    scopes = {guard.scope for route in api_routes(app) for guard in guards_of(route)}
    return {scope: scope.replace(":", ": ") for scope in sorted(scopes)}


def _complete(route: APIRoute, method: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _ANSWER
    if scopes := [guard.scope for guard in guards_of(route)]:
        operation["security"] = [{"oauth2": scopes}]
    if method == "POST":
        operation.setdefault("parameters", []).append(_KEY)
