"""`/status`: up or degraded, service by service. No counts and no ages: those are for operators."""

import asyncio

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from gateway import pages
from gateway.cached import Cached
from gateway.upstreams import SERVICES
from shared.catalogue import Text
from shared.health import Health
from shared.runtime import Runtime

router = APIRouter(tags=["status"])
_DEADLINE = 1.0
_KEPT_SECONDS = 2.0
UP, DEGRADED = "up", "degraded"
_WORDS = {UP: Text("up", "en servicio"), DEGRADED: Text("degraded", "degradado")}


def watched(app: FastAPI, runtime: Runtime) -> Cached[dict[str, str]]:
    """Return what each service says of itself, asked anew at most every two seconds."""
    return Cached(lambda: _ask_all(app, runtime), seconds=_KEPT_SECONDS)


async def _ask_all(app: FastAPI, runtime: Runtime) -> dict[str, str]:
    names = ("gateway", *SERVICES)
    found = await asyncio.gather(_gateway(app), *(_service(runtime, name) for name in SERVICES))
    return {name: UP if well else DEGRADED for name, well in zip(names, found, strict=True)}


async def _gateway(app: FastAPI) -> bool:
    health: Health = app.state.health
    return await health.reason() is None


async def _service(runtime: Runtime, name: str) -> bool:
    base = runtime.settings.peer_url(name).rstrip("/")
    try:
        async with asyncio.timeout(_DEADLINE):
            await runtime.peers.fetch(f"{base}/livez")
            return (await runtime.peers.fetch(f"{base}/status")).get("status") == UP
    except Exception:  # whatever kept it from answering
        return False


@router.get("/status", summary="Read whether every service is up")
async def show(request: Request) -> Response:
    services = await request.app.state.status.get()
    whole = UP if set(services.values()) == {UP} else DEGRADED
    if not pages.wants_html(request.headers.get("accept", "")):
        return JSONResponse({"status": whole, "services": services}, headers={"Vary": "Accept"})
    rows = "".join(
        f'<tr><td><code>{name}</code></td><td>{_WORDS[state].es}</td><td lang="en">{_WORDS[state].en}</td></tr>'
        for name, state in services.items()
    )
    title = Text("Every service is up", "Todo en servicio") if whole == UP else Text("Degraded", "Servicio degradado")
    return pages.page(title, f"<table>{rows}</table>")
