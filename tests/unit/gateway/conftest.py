"""A gateway in process, a gateway on a real socket, and a service behind it that records every byte."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway.breaker import Breaker
from gateway.main import api
from gateway.proxy import Proxy
from shared import testing
from shared.edge.listener import Listener
from shared.runtime import Runtime
from shared.settings import Settings
from shared.testing import Keys
from tests.listening import listening

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def settings(tmp_path: Path, keys: Keys) -> Settings:
    """Settings with a database that nobody has created: for what needs none."""
    return testing.settings("gateway", tmp_path, keys, f"sqlite+aiosqlite:///{tmp_path}/none.db")


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    made = testing.runtime(settings)
    yield made
    await made.close()


class Upstream:
    """A service that records what it gets and answers as `script` says."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.answer = OK
        self.script: Script = self.answering
        self.port = 0

    async def answering(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request with `answer`."""
        while request := await read_request(reader):
            self.requests.append(request)
            writer.write(self.answer)
            await writer.drain()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Upstream"]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            await self.script(reader, writer)

        async with listening(handle) as self.port:
            yield self

    def headers(self, number: int = -1) -> list[tuple[str, str]]:
        """The headers of a request, names as they came."""
        lines = self.requests[number].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def target(self, number: int = -1) -> str:
        """The request target, as it came."""
        return self.requests[number].split(b" ", 2)[1].decode("latin-1")


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One whole request as it came, or nothing when the connection ends before one begins."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        return head + await reader.readuntil(b"0\r\n\r\n")
    if b"\r\ncontent-length: " in lower:
        return head + await reader.readexactly(int(lower.partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0]))
    return head


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream().running() as made:
        yield made


class Gateway:
    """A gateway on a real socket, with raw connections to it."""

    def __init__(self, port: int, keys: Keys, proxy: Proxy) -> None:
        self.port = port
        self.keys = keys
        self.proxy = proxy

    def breaker(self, service: str) -> Breaker:
        """What decides whether a service is asked at present."""
        return self.proxy.lanes[service].breaker

    @property
    def bearer(self) -> bytes:
        return b"Authorization: Bearer " + self.keys.token().encode() + b"\r\n"

    def request(self, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
        """A well-formed request with a good token, and these headers as they are."""
        lines = "".join(f"{line}\r\n" for line in headers)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"{method} {target} HTTP/1.1\r\nHost: gw\r\n{length}{lines}".encode() + self.bearer + b"\r\n" + body

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def send(self, raw: bytes) -> "Answer":
        """Send bytes as they are; return the first answer and whether the gateway then closed."""
        async with self.connected() as (reader, writer):
            writer.write(raw)
            with contextlib.suppress(OSError):
                await writer.drain()
            return await read_answer(reader)


class Answer:
    """An answer as it came over the wire."""

    def __init__(self, raw: bytes, *, closed: bool) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.closed = closed


async def read_answer(reader: asyncio.StreamReader, quiet: float = 0.3) -> Answer:
    """Read an answer: to its length, to the end of the connection, or until nothing came for `quiet` seconds."""
    raw, closed = b"", False
    with contextlib.suppress(TimeoutError):
        while not _complete(raw):
            try:
                piece = await asyncio.wait_for(reader.read(65536), quiet if raw else 5)
            except ConnectionResetError:
                piece = b""
            if not piece:
                closed = True
                break
            raw += piece
    return Answer(raw, closed=closed)


def _complete(raw: bytes) -> bool:
    head, _, body = raw.lower().partition(b"\r\n\r\n")
    length = head.partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0]
    return b"\r\nconnection: close" not in head and length.isdigit() and len(body) >= int(length)


@contextlib.asynccontextmanager
async def serving(settings: Settings, keys: Keys) -> AsyncIterator[Gateway]:
    """Run a gateway as production does: uvicorn with httptools on a socket."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app: Any = api(testing.runtime(settings))
    config = uvicorn.Config(
        app, http=Listener, ws="none", lifespan="on", access_log=False, log_config=None,
        server_header=False, proxy_headers=False, timeout_keep_alive=5, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done()
    yield Gateway(listener.getsockname()[1], keys, app.app.proxy)
    server.should_exit = True
    await task
    listener.close()


@pytest.fixture
async def gateway(settings: Settings, keys: Keys, upstream: Upstream) -> AsyncIterator[Gateway]:
    """A gateway whose intake is `upstream`; nobody listens where its referral should be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    urls = {"intake_url": f"http://127.0.0.1:{upstream.port}", "referral_url": f"http://127.0.0.1:{nobody}"}
    async with serving(settings.model_copy(update=urls), keys) as made:
        yield made


@pytest.fixture
def stored(tmp_path: Path, keys: Keys, migrated_database: Callable[[str], str]) -> Settings:
    """Settings of a gateway with a migrated database, on either kind."""
    return testing.settings("gateway", tmp_path, keys, migrated_database("gateway"))
