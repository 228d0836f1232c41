"""The consular service in process, with referral and receivers as small servers on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from starlette.types import ASGIApp

from services.consular.consulates import service as directory
from services.consular.main import api
from services.consular.notices.gate import permit_gate
from services.consular.notices.rules import CHAIN
from shared import clock, ids, testing
from shared.app import prepare
from shared.delivery import signing
from shared.delivery.parcels import Gate
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer
from shared.events import NoticeIssued, ReleaseGranted
from shared.runtime import Runtime
from shared.testing import Keys, client, key

TAPACHULA = "con-hnd-tapachula"
SALVADORAN = "con-slv-tapachula"
PP = {"id": "pp-chp", "name": "Procuraduría de Protección de Niñas, Niños y Adolescentes de Chiapas"}
DIF = {"id": "dif-chp", "name": "Sistema DIF Chiapas"}

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handle: Handle) -> AsyncIterator[str]:
    """Serve every path by `handle`, on a free port of the loopback. Yields the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Referral:
    """Stands in for referral: answers permits, and takes events."""

    verdicts: dict[str, str] = field(default_factory=dict)
    default: str = "open"
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.path == "/internal/events":
            self.events.append(body)
            return web.json_response({"status": "received"})
        assert (request.method, request.path) == ("POST", "/internal/permits")
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        self.asked.append(body["release_id"])
        return web.json_response(permit(body["release_id"], self.verdicts.get(body["release_id"], self.default)))


def permit(release_id: str, verdict: str = "open") -> dict[str, Any]:
    """Return a permit as referral answers it: without an id and an end unless it is open."""
    is_open = verdict == "open"
    return {
        "permit_id": ids.opaque("per") if is_open else None,
        "release_id": release_id,
        "verdict": verdict,
        "expires_at": (clock.now() + timedelta(seconds=2)).isoformat() if is_open else None,
    }


@dataclass
class Receiver:
    """A consulate's system: keeps what it gets, and answers as it is told."""

    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    registered: dict[str, Any] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=self.status)


@dataclass
class World:
    """One consular service with its database."""

    runtime: Runtime
    app: ASGIApp
    keys: Keys
    referral: Referral
    gate: Gate

    @classmethod
    @asynccontextmanager
    async def open(cls, database_url: str, folder: Path, keys: Keys | None = None) -> AsyncIterator["World"]:
        keys, referral = keys or Keys(), Referral()
        async with server(referral.handle) as url:
            settings = testing.settings("consular", folder, keys, database_url)
            runtime = testing.runtime(settings.model_copy(update={"referral_url": url}))
            await prepare(runtime, directory.load)
            yield cls(runtime, api(runtime), keys, referral, permit_gate(runtime.peers))
            await runtime.close()

    # -- who calls -----------------------------------------------------------------------------------

    def token(self, agency: str, kind: str, **claims: Any) -> str:
        return self.keys.token(client_id=f"{agency}-system", agency=agency, agency_kind=kind, **claims)

    def consulate(self, consulate_id: str = TAPACHULA, country: str | None = None) -> Any:
        country = country or consulate_id.split("-")[1].upper()
        return client(self.app, self.token(consulate_id, "CONSULATE", country=country))

    def agency(self, agency: str = "inm-chp", kind: str = "INM", state: str = "MX-CHP") -> Any:
        return client(self.app, self.token(agency, kind, state=state))

    # -- what happens --------------------------------------------------------------------------------

    async def event(self, message: dict[str, Any], secret: str | None = None) -> httpx.Response:
        """Deliver an event as referral would."""
        body = json.dumps(message).encode()
        used = signing.given_key(secret or testing.event_secret("referral", "consular"))
        signed = signing.headers(message["id"], body, [used])
        async with client(self.app) as referral:
            return await referral.post("/internal/events", content=body, headers=signed)

    async def release(self, nationality: str = "HND", state: str = "MX-CHP", **data: Any) -> str:
        """Release a notice. Returns the release's id."""
        message = granted(nationality, state, **data)
        answer = await self.event(message)
        assert answer.status_code == 200, answer.text
        return str(message["data"]["release_id"])

    async def register(self, url: str, consulate_id: str = TAPACHULA, **more: Any) -> dict[str, Any]:
        """Register a consulate's endpoint. Returns it with its secret."""
        async with self.consulate(consulate_id) as consulate:
            answer = await consulate.post("/v1/consular/endpoints", json={"url": url, **more}, headers=key())
        assert answer.status_code == 201, answer.text
        await testing.count_as_proven(self.runtime.database)
        created: dict[str, Any] = answer.json()
        return created

    async def turn(self, gate: Gate | None = None, sender: Any = None, after: float = 0) -> int:
        """Let the delivery loop come round once, some seconds from now. Returns how much it claimed."""
        own = sender or Sender(timeout=2, allow_loopback=True)
        worker = Deliverer(
            self.runtime.database, self.runtime.vault, own, lease=timedelta(seconds=30), gate=gate or self.gate,
            chains={NoticeIssued.TYPE: CHAIN},
        )  # fmt: skip
        with clock.at(clock.now() + timedelta(seconds=after)):
            claimed = await worker.turn()
            await worker.drain()
        if sender is None:
            await own.close()
        await asyncio.sleep(0)
        return claimed

    async def notices(self, who: Any, path: str = "/v1/consular/notices") -> list[dict[str, Any]]:
        async with who as caller:
            answer = await caller.get(path)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def notice(self) -> dict[str, Any]:
        """Return the one notice that there is, as INM sees it."""
        (only,) = await self.notices(self.agency())
        return only


def granted(nationality: str = "HND", state: str = "MX-CHP", **data: Any) -> dict[str, Any]:
    """Return a `release.granted` event."""
    fact = {"release_id": ids.opaque("rel"), "nationality": nationality, "state": state, "pp": PP, "dif": DIF}
    return {
        "id": ids.new("evt"),
        "type": ReleaseGranted.TYPE,
        "version": 1,
        "time": clock.now().isoformat(),
        "audience": "whe_x",
        "sequence": 1,
        "data": fact | data,
    }


def same_but_for_request(answer: httpx.Response) -> dict[str, Any]:
    """Return what an answer says, apart from the request's own id and from how a feed's cursor was sealed."""
    body: dict[str, Any] = answer.json()
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return {"status": answer.status_code, "headers": headers, "body": without_chance(body) | {"request_id": None}}


def without_chance(body: Any) -> Any:
    """Return a body with each cursor of a feed replaced by its length: sealed anew, it is another text each time."""
    if isinstance(body, list):
        return [without_chance(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        name: len(value) if name in ("next", "cursor") and value else without_chance(value)
        for name, value in body.items()
    }
