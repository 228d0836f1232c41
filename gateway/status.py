"""`/status`: up or degraded, service by service. Counts and ages are for administrators: `/v1/gateway/status`."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from gateway import pages
from gateway.cached import Cached
from gateway.upstreams import SERVICES
from shared.auth import Allow, Caller
from shared.catalogue import Text
from shared.delivery.ages import ages
from shared.health import Health
from shared.routing import router as own_router
from shared.runtime import Runtime
from shared.shapes import Out

router = APIRouter(tags=["status"])
administration = own_router("/v1/gateway/status", "status")
Administrator = Annotated[Caller, Allow("gateway:admin", "OPERATOR")]
Asks = Callable[[str], bool]
"""Whether the gateway forwards to a service at present: not while its breaker is open."""

_DEADLINE = 1.0
_KEPT_SECONDS = 2.0
UP, DEGRADED = "up", "degraded"
_WORDS = {UP: Text("up", "en servicio"), DEGRADED: Text("degraded", "degradado")}


def watched(app: FastAPI, runtime: Runtime, asks: Asks) -> Cached[dict[str, str]]:
    """Return what each service says of itself, asked anew at most every two seconds."""
    return Cached(lambda: _ask_all(app, runtime, asks), seconds=_KEPT_SECONDS)


async def _ask_all(app: FastAPI, runtime: Runtime, asks: Asks) -> dict[str, str]:
    names = ("gateway", *SERVICES)
    found = await asyncio.gather(_gateway(app), *(_service(runtime, name) for name in SERVICES))
    stands = {name: well and (name == "gateway" or asks(name)) for name, well in zip(names, found, strict=True)}
    return {name: UP if well else DEGRADED for name, well in stands.items()}


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


class StatusOut(Out):
    """Whether everything is up. No counts and no ages: those are for operators."""

    status: Literal["up", "degraded"]
    services: dict[str, Literal["up", "degraded"]]


@router.get("/status", summary="Read whether every service is up", response_model=StatusOut, responses=pages.AS_PAGE)
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


# -- for administrators ------------------------------------------------------------------------------------


class ServiceStatus(Out):
    """How one service is, as the gateway finds it."""

    name: str
    reachable: bool
    database: bool
    forwarding: bool
    oldest_due_seconds: float | None
    unsealed_seconds: float | None
    behind: list[str]


class SystemStatus(Out):
    """How the whole system is."""

    services: list[ServiceStatus]


@administration.get("", summary="Read how every service is")
async def details(request: Request, caller: Administrator) -> SystemStatus:
    """For administrators. Ages are of what should have been done by now; what a gate withholds counts nowhere."""
    runtime: Runtime = request.app.state.runtime
    asks: Asks = request.app.state.asks
    found = await asyncio.gather(_own_details(runtime), *(_details(runtime, name, asks) for name in SERVICES))
    return SystemStatus(services=list(found))


async def _own_details(runtime: Runtime) -> ServiceStatus:
    found: dict[str, Any] = {"oldest_due_seconds": None, "unsealed_seconds": None}
    try:
        async with asyncio.timeout(_DEADLINE):
            found = await ages(runtime)
        well = True
    except Exception:  # whatever kept the database from answering
        well = False
    return ServiceStatus(name="gateway", reachable=True, database=well, forwarding=True, behind=[], **found)


async def _details(runtime: Runtime, name: str, asks: Asks) -> ServiceStatus:
    base = runtime.settings.peer_url(name).rstrip("/")
    said: dict[str, Any] = {}
    for path in ("/livez", "/status", "/ages"):  # in this order: each says more, and needs more
        try:
            async with asyncio.timeout(_DEADLINE):
                said[path] = await runtime.peers.fetch(base + path)
        except Exception:  # whatever kept it from answering
            break
    old = said.get("/ages", {})
    return ServiceStatus(
        name=name, reachable="/livez" in said, database="/ages" in said, forwarding=asks(name),
        oldest_due_seconds=old.get("oldest_due_seconds"), unsealed_seconds=old.get("unsealed_seconds"),
        behind=said.get("/status", {}).get("missing", []),
    )  # fmt: skip
