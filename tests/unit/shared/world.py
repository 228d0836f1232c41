"""A small service made of the kernel alone: memos, written in the standard way and in the hot one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime
from sqlalchemy import Connection
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, select, text
from starlette.types import ASGIApp

from shared import clock, etags, ids, kernel_tables, testing
from shared.app import create_app
from shared.auth import Allow, Caller
from shared.bundle import row
from shared.clocks import tables as clock_tables
from shared.db import Database, Session
from shared.delivery import keys as delivery_keys
from shared.delivery import service as delivery
from shared.delivery.models import Delivery, Endpoint
from shared.delivery.parcels import Gate
from shared.delivery.rules import DeliveryState
from shared.delivery.sender import Sender
from shared.delivery.tables import add_delivery
from shared.delivery.worker import Deliverer
from shared.errors import Conflict, Fault, Forbidden, Invalid, Law, NotFound, RefusedByLaw
from shared.etags import IfMatch
from shared.hot import Written, hot_router
from shared.inbox import Handler
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.runtime import Runtime
from shared.shapes import Country, Id, In, Line, Out, Past
from shared.testing import Keys, client

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
CANARY = "xochitl-canary-7391"
"""Stands for what identifies a child: it may be in no answer, log line or metric."""


class Apart(SQLModel, registry=registry()):
    """Keeps the table below out of the schemas that tests of services compare."""


class Memo(Apart, table=True):
    """A row whose foreign key is looked at only when the transaction commits."""

    __tablename__ = "memo"

    id: str = Field(primary_key=True)
    words: str
    parent: str | None = None
    version: int = 1


_TABLE = """CREATE TABLE memo (id VARCHAR PRIMARY KEY, words VARCHAR NOT NULL, version INTEGER NOT NULL,
    parent VARCHAR REFERENCES memo (id) DEFERRABLE INITIALLY DEFERRED)"""


class MemoIn(In):
    words: Line
    parent: str | None = None
    at: Past | None = None
    country: Country | None = None
    until: AwareDatetime | None = None


class MemoOut(Out):
    id: str
    words: str


class Nested(In):
    memos: list[MemoIn]


async def create_tables(url: str) -> None:
    """Make the kernel's tables as a first migration makes them, and the memos."""
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_create_tables)
    await database.close()


def _create_tables(connection: Connection) -> None:
    operations = Operations(MigrationContext.configure(connection))
    kernel_tables.create(operations)
    add_delivery(operations)
    clock_tables.add_calendar(operations)
    connection.execute(text(_TABLE))


# -- the service -----------------------------------------------------------------------------------------


def obey(words: str) -> None:
    """Fail as the words say."""
    failures: dict[str, Exception] = {
        "conflict": Conflict(),
        "forbidden": Forbidden("Not here."),
        "law": RefusedByLaw("First the other.", law=Law("R0", "LM 1"), allowed_actions=["wait"]),
        "fault": Invalid("Not like this.", faults=[Fault("/words", "unwelcome")]),
        "bug": LookupError(CANARY),
    }
    if words in failures:
        raise failures[words]


memos = router("/v1/referral/memos", "memos")


@memos.post("", status_code=201)
async def write(
    session: Session, response: Response, caller: Annotated[Caller, Allow("referral:write")], body: MemoIn
) -> MemoOut:
    """Write one."""
    made = Memo(id=ids.new("mem"), words=body.words, parent=body.parent)
    session.add(made)
    await session.flush()
    obey(body.words)
    response.headers["location"] = f"/v1/referral/memos/{made.id}"
    return MemoOut.model_validate(made)


@memos.post("/many")
async def write_many(session: Session, caller: Annotated[Caller, Allow("referral:write")], body: Nested) -> None:
    """Take many."""


@memos.get("")
async def index(session: Session, caller: Annotated[Caller, Allow("referral:read")], paging: Pages) -> Page[MemoOut]:
    """List them."""
    rows = (await session.exec(paging.apply(select(Memo), Memo.id))).all()
    return paging.page(rows, MemoOut.model_validate)


@memos.get("/others")
async def others(session: Session, caller: Annotated[Caller, Allow("referral:read")], paging: Pages) -> Page[MemoOut]:
    """List them under another address."""
    return await index(session, caller, paging)


@memos.get("/{memo_id}")
async def show(
    session: Session, response: Response, caller: Annotated[Caller, Allow("referral:read")], memo_id: Id
) -> MemoOut:
    """Read one."""
    found = (await session.exec(select(Memo).where(col(Memo.id) == memo_id))).first()
    if found is None:
        raise NotFound
    etags.show(response, found.version)
    return MemoOut.model_validate(found)


@memos.patch("/{memo_id}")
async def change(
    session: Session, caller: Annotated[Caller, Allow("referral:write")], memo_id: Id, given: IfMatch, body: MemoIn
) -> MemoOut:
    """Change one."""
    found = await session.get_one(Memo, memo_id)
    etags.must_match(given, found.version)
    found.words, found.version = body.words, found.version + 1
    return MemoOut.model_validate(found)


@memos.get("/{memo_id}/touched")
@audited_read
async def touch(session: Session, caller: Annotated[Caller, Allow("referral:read")], memo_id: Id) -> MemoOut:
    """Read one and leave a mark."""
    found = await session.get_one(Memo, memo_id)
    found.version += 1
    return MemoOut.model_validate(found)


@memos.post("/{memo_id}/seal", status_code=204)
async def seal(session: Session, caller: Annotated[Caller, Allow("referral:write", "INM")], memo_id: Id) -> None:
    """Do something that has no answer and no body."""


hot = hot_router("/v1/referral/hot", "hot")


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@hot.post("", status_code=201, response_model=MemoOut)
async def write_hot(
    runtime: Annotated[Runtime, Depends(_runtime)], caller: Annotated[Caller, Allow("referral:write")], body: MemoIn
) -> Written:
    """Write one on the hot path."""
    obey(body.words)
    made = Memo(id=ids.new("mem"), words=body.words, parent=body.parent)
    return Written("case", [row(made)], MemoOut.model_validate(made), f"/v1/referral/memos/{made.id}")


broken = APIRouter(prefix="/v1/referral/broken")


@broken.get("/{kind}")
async def break_down(kind: str) -> None:
    """Fail in some way that nobody has foreseen."""
    raise _BROKEN[kind]


class Unforeseen(Exception):
    """Of no kind that anybody knows."""


_BROKEN: dict[str, Exception] = {
    "unforeseen": Unforeseen(CANARY),
    "value": ValueError(CANARY),
    "unicode": UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
    "group": ExceptionGroup(CANARY, [ValueError(CANARY)]),
    "refused": ConnectionRefusedError(CANARY),
    "timeout": TimeoutError(CANARY),
}


# -- the world around it ---------------------------------------------------------------------------------


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
class Receiver:
    """A partner's system: keeps what it gets, and answers as it is told."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=self.status, headers=self.headers)

    def event_ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@dataclass
class World:
    """The small service with its database."""

    runtime: Runtime
    app: ASGIApp
    keys: Keys

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, folder: Path, handlers: dict[str, Handler] | None = None, **more: Any
    ) -> AsyncIterator["World"]:
        keys = Keys()
        runtime = testing.runtime(testing.settings("referral", folder, keys, url, **more))
        app = create_app(runtime, "services.referral", [memos, hot, broken], handlers=handlers)
        yield cls(runtime, app, keys)
        await runtime.close()

    @property
    def database(self) -> Database:
        return self.runtime.database

    def as_(self, client_id: str = "inm-chp-system", **claims: Any) -> Any:
        """Return a client with a token of these claims."""
        return client(self.app, self.keys.token(client_id=client_id, **claims))

    async def count(self, table: str) -> int:
        async with self.database.work(write=False) as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")))

    # -- deliveries ----------------------------------------------------------------------------------

    async def owner(self, name: str, url: str, **more: Any) -> str:
        """Give an owner an endpoint whose address counts as proven. Returns its id."""
        keys = [delivery_keys.of_secret(SECRET)]
        endpoint = delivery.new_endpoint(self.runtime.vault, ids.new("whe"), name, keys, url=url, **more)
        async with self.database.work() as session:
            session.add(endpoint)
        return endpoint.id

    async def publish(self, case: str = "cas_1", to: str = "pp", gate: str | None = None) -> str:
        """Publish an event to an owner. Returns its id."""
        async with self.database.work() as session:
            fact = await delivery.publish(
                session, "memo.written", case=case, subject="mem_1", audience=[to], data={"n": 1}, gate=gate
            )
        return fact.id

    def deliverer(self, sender: Any = None, gate: Gate | None = None, lease: float = 30) -> Deliverer:
        sender = sender or Sender(timeout=1, allow_loopback=True)
        return Deliverer(self.database, self.runtime.vault, sender, lease=timedelta(seconds=lease), gate=gate)

    async def turn(self, after: float = 0, gate: Gate | None = None, sender: Any = None) -> int:
        """Let the delivery loop come round once, some seconds from now. Returns how much it claimed."""
        own = sender or Sender(timeout=1, allow_loopback=True)
        worker = self.deliverer(own, gate)
        with clock.at(clock.now() + timedelta(seconds=after)):
            claimed = await worker.turn()
            await worker.drain()
        if sender is None:
            await own.close()
            await asyncio.sleep(0)
        return claimed

    async def deliveries(self) -> list[Delivery]:
        async with self.database.work(write=False) as session:
            statement = select(Delivery).order_by(col(Delivery.endpoint_id), col(Delivery.case_seq))
            return list((await session.exec(statement)).all())

    async def states(self) -> list[DeliveryState]:
        return [each.state for each in await self.deliveries()]

    async def change_endpoint(self, endpoint_id: str, **values: Any) -> None:
        """Put values into an endpoint's row, as some other process might."""
        async with self.database.work() as session:
            endpoint = await session.get_one(Endpoint, endpoint_id)
            for name, value in values.items():
                setattr(endpoint, name, value)

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        async with self.database.work(write=False) as session:
            return await session.get_one(Endpoint, endpoint_id)


SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
