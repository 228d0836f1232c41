"""`/docs` and `/openapi.json`: the whole API in one place, without an outside host."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from gateway import openapi
from gateway.cached import Cached
from gateway.upstreams import SERVICES, UPSTREAMS
from shared import telemetry
from shared.openapi import deprecation
from shared.runtime import Runtime

router = APIRouter(include_in_schema=False)
_DEADLINE = 2.0
_A_WHILE = "public, max-age=3600"
_CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"
_KEPT_SECONDS = 5.0
# Swagger UI writes style attributes and shows images that it holds as data. It runs no inline script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ruta API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/static/favicon.png"><link rel="stylesheet" href="/docs/static/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, filter: true,
  docExpansion: "none", layout: "BaseLayout", presets: [SwaggerUIBundle.presets.apis],
});
"""


class _Files(StaticFiles):
    """Packaged files: they change only with a release, so a browser may keep them."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = _A_WHILE
        return response


def install(app: FastAPI) -> None:
    """Add the pages and the packaged files of Swagger UI."""
    app.include_router(router)
    app.mount("/docs/static", _Files(directory=str(files("fastapi_offline") / "static")))


def described(app: FastAPI, runtime: Runtime) -> Cached[dict[str, Any]]:
    """Return the merged description, made anew at most every few seconds."""
    return Cached(lambda: _describe(app, runtime), seconds=_KEPT_SECONDS)


async def _describe(app: FastAPI, runtime: Runtime) -> dict[str, Any]:
    found = await asyncio.gather(*(_fetch(runtime, prefix, name) for prefix, name in UPSTREAMS.items()))
    services = {name: each for name, each in zip(SERVICES, found, strict=True) if each is not None}
    result = openapi.merged(app.openapi(), services)
    if missing := [name for name in SERVICES if name not in services]:
        result["info"]["description"] += f"\n\nNot answering now, and therefore left out: {', '.join(missing)}."
    return result


async def _fetch(runtime: Runtime, prefix: str, name: str) -> dict[str, Any] | None:
    try:
        async with asyncio.timeout(_DEADLINE):
            return dict(await runtime.peers.fetch(f"{runtime.settings.peer_url(name).rstrip('/')}{prefix}openapi.json"))
    except Exception as error:  # whatever kept it from answering
        telemetry.say("warning", "openapi_unreachable", peer=name, error=type(error).__name__)
        return None


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    return JSONResponse(await request.app.state.description.get())


@router.get("/")
async def root() -> Response:
    return RedirectResponse("/docs", 307)


@router.get("/docs")
async def page() -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})


@router.get(deprecation.CHANGES)
async def changes() -> Response:
    """What changed from version to version: where Deprecation and Sunset headers lead."""
    return Response(_CHANGELOG.read_bytes(), media_type="text/markdown", headers={"Cache-Control": _A_WHILE})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(_START, media_type="text/javascript", headers={"Cache-Control": _A_WHILE})
