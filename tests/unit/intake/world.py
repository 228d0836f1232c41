"""The intake service in process, with referral as a small server on a real socket."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from sqlalchemy import inspect, text
from starlette.types import ASGIApp

from services.intake.encounters import service as encounters
from services.intake.main import api
from services.intake.worker import worker
from shared import auth, clock, ids, testing
from shared.app import prepare
from shared.clocks import service as clocks
from shared.delivery import signing
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer
from shared.events import DutyMet
from shared.keyring import Keyring
from shared.runtime import Runtime
from shared.testing import Keys, client, key
from shared.trust.verifier import Verifier

ENCOUNTERS = "/v1/intake/encounters"
CHILDREN = "/v1/intake/children"
Row = dict[str, Any]


@asynccontextmanager
async def server(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
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
    """Stands in for referral: confirms facts, and takes events."""

    status: int = 200
    events: list[Row] = field(default_factory=list)
    facts: list[tuple[str, str, Row]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.path == "/internal/events":
            self.events.append(body)
            return web.json_response({"status": "received"}, status=self.status)
        assert request.method == "PUT"
        self.facts.append((request.path, request.headers["Authorization"], body))
        return web.json_response({"status": "taken"}, status=self.status)


@dataclass
class World:
    """One intake service with its database and its keyring."""

    runtime: Runtime
    app: ASGIApp
    keys: Keys
    referral: Referral

    @classmethod
    @asynccontextmanager
    async def open(cls, database_url: str, keyring_url: str, folder: Path) -> AsyncIterator["World"]:
        keys, referral = Keys(), Referral()
        async with server(referral.handle) as url:
            settings = testing.settings("intake", folder, keys, database_url, keyring_url=keyring_url)
            runtime = testing.runtime(settings.model_copy(update={"referral_url": url}))
            assert runtime.keyring is not None
            await runtime.keyring.create()
            await prepare(runtime)
            yield cls(runtime, api(runtime), keys, referral)
            await runtime.close()

    @property
    def keyring(self) -> Keyring:
        assert self.runtime.keyring is not None
        return self.runtime.keyring

    def without_referral(self) -> "World":
        """The same service, when nobody listens where referral should be."""
        nowhere = self.runtime.settings.model_copy(update={"referral_url": "http://127.0.0.1:9"})
        self.runtime.peers.settings = nowhere
        return self

    # -- who calls -----------------------------------------------------------------------------------

    def calling(self, kind: str = "INM", state: str | None = "MX-CHP", **claims: Any) -> Any:
        """A client of an agency; by default the INM office of Chiapas."""
        agency = claims.pop("agency", f"{kind.lower()}-{state[3:].lower() if state else 'federal'}")
        return client(self.app, self.token(agency=agency, agency_kind=kind, state=state, **claims))

    def token(self, **claims: Any) -> str:
        """An access token by the gateway. A claim that is None is left out: a federal office has no state."""
        client_id = claims.pop("client_id", f"{claims['agency']}-system")
        full = {
            "aud": "ruta", "sub": client_id, "client_id": client_id, "jti": ids.opaque("jti"), "role": "officer",
            "scope": "intake:read intake:write",
        } | claims  # fmt: skip
        known = {name: value for name, value in full.items() if value is not None}
        return self.keys.signers["gateway"].sign(known, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)

    def service(self, name: str, scope: str) -> Any:
        """A sister service, with a token that it signed itself."""
        return client(self.app, auth.service_token(self.keys.signers[name], "intake", scope))

    def referrals_verifier(self) -> Verifier:
        """What referral would verify tokens with."""
        settings = self.runtime.settings.model_copy(update={"service": "referral"})
        return Verifier(settings, self.runtime.verifier.trust, testing.EveryoneStands())

    # -- what happens --------------------------------------------------------------------------------

    async def post(self, body: Any, headers: dict[str, str] | None = None, **who: Any) -> httpx.Response:
        """Record an encounter as an agency's system would."""
        async with self.calling(**who) as caller:
            answer: httpx.Response = await caller.post(ENCOUNTERS, json=body, headers=key() | (headers or {}))
        return answer

    async def met(self, body: Row | None = None, **who: Any) -> Row:
        """Record an encounter that must succeed."""
        answer = await self.post(body or encounter(), **who)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, path: str, **who: Any) -> httpx.Response:
        async with self.calling(**who) as caller:
            answer: httpx.Response = await caller.get(path)
        return answer

    async def child(self, child_id: str, **who: Any) -> Row:
        answer = await self.get(f"{CHILDREN}/{child_id}", **who)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def patch(self, child_id: str, body: Any, etag: str | None = '"v1"', **who: Any) -> httpx.Response:
        """Correct a child, from the version that `etag` names."""
        async with self.calling(**who) as caller:
            headers = {} if etag is None else {"If-Match": etag}
            answer: httpx.Response = await caller.patch(f"{CHILDREN}/{child_id}", json=body, headers=headers)
        return answer

    async def add(self, child_id: str, what: str, body: Any, **who: Any) -> httpx.Response:
        """Add something to a child: an external id, a screening, a decision, a request."""
        async with self.calling(**who) as caller:
            answer: httpx.Response = await caller.post(f"{CHILDREN}/{child_id}/{what}", json=body, headers=key())
        return answer

    async def send(self, path: str, body: Any, **who: Any) -> Row:
        """Post what must be taken."""
        async with self.calling(**who) as caller:
            answer = await caller.post(path, json=body, headers=key())
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def upload(
        self, content: Any, media_type: str = "application/x-ndjson", name: str | None = None, **who: Any
    ) -> httpx.Response:
        """Send a file of encounters; `name` is its Idempotency-Key."""
        headers = {"Content-Type": media_type, "Idempotency-Key": name or ids.opaque("idk")}
        async with self.calling(**who) as caller:
            answer: httpx.Response = await caller.post(f"{ENCOUNTERS}/bulk", content=content, headers=headers)
        return answer

    async def duty_met(
        self, duty: str, child_id: str, met_at: datetime | None = None, event_id: str | None = None
    ) -> httpx.Response:
        """Deliver the event by which referral says that a duty was done."""
        message = duty_met(duty, child_id, met_at or clock.now(), event_id)
        return await self.event(message)

    async def event(self, message: Row, secret: str | None = None) -> httpx.Response:
        body = json.dumps(message).encode()
        signed = signing.headers(
            message["id"], body, [signing.given_key(secret or testing.event_secret("referral", "intake"))]
        )
        async with client(self.app) as referral:
            return await referral.post("/internal/events", content=body, headers=signed)

    async def fire(self) -> int:
        """Let the clocks that are due speak."""
        return await clocks.fire(self.runtime.database, encounters.fired)

    async def deliver(self) -> int:
        """Let the delivery loop come round until nothing is due. Returns how much it claimed."""
        sender = Sender(timeout=2, allow_loopback=True)
        deliverer = Deliverer(self.runtime.database, self.runtime.vault, sender, lease=timedelta(seconds=30))
        claimed = 0
        while turn := await deliverer.turn():
            claimed += turn
            await deliverer.drain()
        await sender.close()
        return claimed

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the service's own worker, as its process would."""
        app = worker(self.runtime)
        async with app.router.lifespan_context(app):
            yield

    # -- what is there afterwards --------------------------------------------------------------------

    async def rows(self, table: str, order: str = "id") -> list[Row]:
        """Return the rows of one table."""
        async with self.runtime.database.engine.connect() as connection:
            found = await connection.execute(text(f'SELECT * FROM "{table}" ORDER BY {order}'))
            return [dict(row) for row in found.mappings()]

    async def everything(self) -> dict[str, list[str]]:
        """Return every row of every table of both databases, as text."""
        kept: dict[str, list[str]] = {}
        for database in (self.runtime.database, self.keyring.database):
            async with database.engine.connect() as connection:
                for name in await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
                    found = (await connection.execute(text(f'SELECT * FROM "{name}"'))).all()
                    kept[name] = sorted(repr(tuple(row)) for row in found)
        return kept

    def files(self) -> bytes:
        """Return the bytes of the SQLite files, write-ahead logs included. Empty on PostgreSQL."""
        found = b""
        for database in (self.runtime.database, self.keyring.database):
            if database.is_sqlite:
                file = Path(database.url.partition(":///")[2])
                found += b"".join(part.read_bytes() for part in file.parent.glob(file.name + "*"))
        return found


# -- what is sent ------------------------------------------------------------------------------------


def ago(**span: float) -> str:
    """A moment that long ago, as a partner writes it."""
    return (clock.now() - timedelta(**span)).isoformat()


def girl(**changes: Any) -> Row:
    """A girl from Honduras, 14 years old or as changed. None leaves a field out."""
    born = clock.now().date() - timedelta(days=14 * 366)
    child = {
        "given_names": "Ana", "first_surname": "Flores", "birth_date": born.isoformat(), "sex": "F",
        "nationalities": ["HND"], "languages": ["spa"],
    }  # fmt: skip
    return {name: value for name, value in (child | changes).items() if value is not None}


def encounter(**changes: Any) -> Row:
    """An encounter at Tapachula, an hour ago, of a girl alone. None leaves a field out."""
    body = {
        "occurred_at": ago(hours=1),
        "place": {"state": "MX-CHP", "municipality": "Tapachula"},
        "adult": {"tie": "NOBODY"},
        "child": girl(),
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def cared_for() -> list[Row]:
    """Help that meets every basic need, half an hour ago."""
    return [{"code": code, "given_at": ago(minutes=30)} for code in ("FOOD", "HEALTH", "REST", "PHONE_CALL")]


def again(child_id: str, **changes: Any) -> Row:
    """An encounter of a child who is known."""
    return encounter(child=None, child_id=child_id, **changes)


def estimated(low: int, high: int, **changes: Any) -> Row:
    """A girl whose age is an estimate."""
    return girl(birth_date=None, estimated_age={"low": low, "high": high, "basis": "dental"}, **changes)


def duty_met(duty: str, child_id: str, met_at: datetime, event_id: str | None = None) -> Row:
    """The event by which referral says that a duty was done."""
    return {
        "id": event_id or ids.new("evt"), "type": DutyMet.TYPE, "version": 1, "time": clock.now().isoformat(),
        "audience": "whe_x", "sequence": 1,
        "data": {"duty": duty, "child_id": child_id, "met_at": met_at.isoformat()},
    }  # fmt: skip


# -- what is expected --------------------------------------------------------------------------------


_MEMBERS = {"type", "title", "status", "code", "detail", "fix", "request_id"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> Row:
    """Assert that an answer is this problem, with every member. Returns the document."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    document: Row = answer.json()
    assert document.keys() >= _MEMBERS
    assert all(document[name] for name in _MEMBERS)
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/errors/{code}")
    assert document["request_id"] == answer.headers["x-request-id"]
    assert re.fullmatch(r"req_[0-9a-f]{32}", document["request_id"])
    assert answer.headers["cache-control"] == "no-store"
    return document


def same_but_for_request(answer: httpx.Response) -> Row:
    """What an answer says, apart from the request's own id."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return {"status": answer.status_code, "headers": headers, "body": answer.json() | {"request_id": None}}


async def eventually(what: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait for something that a worker does in its own time."""
    end = time.monotonic() + seconds
    while not await what():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)
