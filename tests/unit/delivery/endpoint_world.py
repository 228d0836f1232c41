"""Endpoints over HTTP, for tests: callers, registrations, and receivers that prove their address."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from shared.app import create_app
from shared.delivery import signing
from shared.delivery.endpoints.proof import Prover
from shared.delivery.endpoints.routes import alarms, endpoints
from shared.delivery.sender import Sender
from shared.testing import key
from tests.unit.shared.world import World

PATH = "/v1/referral/endpoints"
ALARMS = "/v1/referral/alarms"
OPERATOR = {"agency": "ruta", "agency_kind": "OPERATOR"}
DIF = {"agency": "dif-chp", "agency_kind": "DIF"}
HOOK = "https://hooks.example.org/ruta"
NOWHERE = "http://127.0.0.1:1/hook"


@asynccontextmanager
async def opened(url: str, folder: Path, kinds: tuple[str, ...] = ()) -> AsyncIterator[World]:
    """Open the small service with its endpoints, and nothing else of it."""
    async with World.open(url, folder) as world:
        world.app = create_app(world.runtime, "services.referral", [endpoints("referral", kinds), alarms("referral")])
        yield world


def strict(world: World, **more: Any) -> None:
    """Let the world have the settings of one outside the sandbox."""
    world.runtime.settings = world.runtime.settings.model_copy(update={"allow_loopback_webhooks": False, **more})


async def call(world: World, method: str, path: str, body: Any = None, **claims: Any) -> httpx.Response:
    """Call as the INM of Chiapas, or as the claims say."""
    headers = key() if method == "POST" else {}
    if isinstance(body, tuple):
        headers["If-Match"], body = body
    async with world.as_(**claims) as caller:
        answer: httpx.Response = await caller.request(method, path, json=body, headers=headers)
        return answer


async def register(world: World, url: str | None = NOWHERE, *, claims: Any = None, **body: Any) -> dict[str, Any]:
    """Register an endpoint, and return what its owner is shown this once."""
    answer = await call(world, "POST", PATH, body if url is None else {"url": url, **body}, **(claims or {}))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def act(world: World, endpoint_id: str, action: str, **claims: Any) -> httpx.Response:
    """Take a step with an endpoint."""
    return await call(world, "POST", f"{PATH}/{endpoint_id}/{action}", **claims)


async def change(world: World, endpoint_id: str, body: dict[str, Any], **claims: Any) -> httpx.Response:
    """Change an endpoint as it is now."""
    tag = (await call(world, "GET", f"{PATH}/{endpoint_id}", **claims)).headers["etag"]
    return await call(world, "PATCH", f"{PATH}/{endpoint_id}", (tag, body), **claims)


async def read(world: World, endpoint_id: str, **claims: Any) -> dict[str, Any]:
    """Read an endpoint."""
    answer = await call(world, "GET", f"{PATH}/{endpoint_id}", **claims)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@dataclass
class Hook:
    """A partner's receiver: says whether it wants our events, gives challenges back, keeps what it gets."""

    welcome: str | None = "gateway.test"
    answer: Callable[[str], Any] = lambda challenge: {"challenge": challenge}
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    consents: list[str] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    before_answer: Callable[[], Any] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            self.consents.append(request.headers["webhook-request-origin"])
            return web.Response(headers={"webhook-allowed-origin": self.welcome} if self.welcome else {})
        body = await request.read()
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        event = json.loads(body)
        if event["type"] != "endpoint.challenge":
            return web.Response(status=204)
        if self.before_answer is not None:
            await self.before_answer()
        answer = self.answer(event["data"]["challenge"])
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(status=self.status, headers=self.headers, text=text)

    def events(self) -> list[dict[str, Any]]:
        """Return the bodies of what came, challenges aside."""
        told = [json.loads(body) for _, body in self.got]
        return [each for each in told if each["type"] != "endpoint.challenge"]

    def verified(self, *keys: str) -> list[str]:
        """Return the ids of all that came, if each was signed by one of the keys. Raises BadSignature."""
        return [signing.verify(headers, body, keys) for headers, body in self.got]


@asynccontextmanager
async def prover(world: World, patience: float = 1) -> AsyncIterator[Prover]:
    """Make a Prover with a sender of its own."""
    sender = Sender(timeout=patience, allow_loopback=True)
    yield Prover(world.database, world.runtime.vault, sender, world.runtime.settings.webhook_origin)
    await sender.close()


async def prove(world: World) -> int:
    """Let a Prover come round once."""
    async with prover(world) as made:
        return await made.turn()


async def run_all(world: World) -> None:
    """Let the worker come round until everything that is due has been sent."""
    while await world.turn():
        pass
