"""The server at the socket: nothing lasts for ever, nothing is answered twice, nothing is lost (H1, D1, D6, D7)."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from shared.edge import listener
from shared.edge.listener import Listener
from tests.unit.gateway.conftest import read_answer

GOOD = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


class App:
    """Answers `/a` at once, `/slow` when it is let to, `/long` by more than anybody's buffers hold."""

    def __init__(self) -> None:
        self.port = 0
        self.paths: list[str] = []
        self.let = asyncio.Event()
        self.server: uvicorn.Server | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if scope["path"] == "/slow":
            await self.let.wait()
        body = b"x" * (20_000_000 if scope["path"] == "/long" else 2)
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @contextlib.asynccontextmanager
    async def running(self, **options: int) -> AsyncIterator["App"]:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
            config = uvicorn.Config(
                self, http=partial(Listener, **options), ws="none", lifespan="off", log_config=None,  # type: ignore[arg-type]  # a class
                access_log=False, server_header=False, timeout_keep_alive=5, timeout_graceful_shutdown=3,
            )  # fmt: skip
            server = self.server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[bound]))
            while not server.started:
                await asyncio.sleep(0.005)
            yield self
            for writer in self.writers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            server.should_exit = True
            await task

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with App().running() as made:
        yield made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of waiting is a tenth of a second."""
    for name, seconds in (("HEAD_SECONDS", 0.2), ("LINGER_SECONDS", 0.1), ("TICK_SECONDS", 0.05)):
        monkeypatch.setattr(listener, name, seconds)


async def closes(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection ends."""
    try:
        return await asyncio.wait_for(reader.read(-1), 3)
    except ConnectionResetError:
        return b""


async def test_what_is_no_http_is_a_problem_document(app: App) -> None:
    reader, writer = await app.connect()
    writer.write(b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n")
    answer = await read_answer(reader)
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"], answer.closed) == (400, "malformed_request", True)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert app.paths == []


async def test_a_malformed_request_never_speaks_into_another_ones_answer(app: App) -> None:
    reader, writer = await app.connect()
    writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n")
    assert await closes(reader) == b""  # a 400 here would be taken for the answer to /slow
    app.let.set()


async def test_what_was_asked_before_is_answered_before_the_refusal(app: App) -> None:
    reader, writer = await app.connect()
    writer.write(GOOD)
    assert (await read_answer(reader)).status == 200
    writer.write(b"GARBAGE\r\n\r\n")
    assert (await read_answer(reader)).status == 400


@pytest.mark.parametrize("piece", [b"x" * 8192, b"x: 1\r\n" * 1000, b"x" * 4000 + b": 1\r\n"])
async def test_a_head_without_end_is_a_431(app: App, piece: bytes) -> None:
    reader, writer = await app.connect()
    writer.write(b"GET /a HTTP/1.1\r\nHost: a\r\n")
    answer = asyncio.create_task(read_answer(reader, quiet=2))
    for _ in range(200):
        writer.write(piece)
        with contextlib.suppress(OSError):
            await writer.drain()
        await asyncio.sleep(0)
        if answer.done():
            break
    assert (await answer).status in (431, 0)  # 0: reset, with the answer lost on the way of all that still came
    assert app.paths == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sent", [b"", b"GET /a HT", b"GET /a HTTP/1.1\r\nHost: a\r\n", b"\r\n\r\n", GOOD + b"\r\n"])
async def test_a_head_that_does_not_come_ends_the_connection(app: App, sent: bytes) -> None:
    reader, writer = await app.connect()
    writer.write(sent)
    raw = await closes(reader)
    assert (b" 408 " in raw) == (sent.startswith(b"GET") and sent != GOOD + b"\r\n")


@pytest.mark.usefixtures("hurried")
async def test_a_head_that_comes_drop_by_drop_ends_the_connection(app: App) -> None:
    reader, writer = await app.connect()
    ended = asyncio.create_task(reader.read(65536))  # at once: what is written after the end resets the connection
    for byte in b"GET /a HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000:
        if ended.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)
    assert b" 408 " in await ended
    assert app.paths == []


@pytest.mark.usefixtures("hurried")
async def test_a_request_that_is_being_answered_is_not_hurried(app: App) -> None:
    reader, writer = await app.connect()
    writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    asyncio.get_running_loop().call_later(0.4, app.let.set)
    assert (await read_answer(reader)).status == 200


@pytest.mark.usefixtures("hurried")
async def test_a_client_that_reads_nothing_is_cut_off(app: App) -> None:
    assert app.server is not None
    with socket.create_connection(("127.0.0.1", app.port)) as client:
        client.sendall(b"GET /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for _ in range(200):
            if app.paths and not app.server.server_state.connections:
                break
            await asyncio.sleep(0.02)
        assert not app.server.server_state.connections


async def test_many_connections_cost_those_that_wait_longest_theirs() -> None:
    async with App().running(max_connections=8) as app:
        busy, writer = await app.connect()
        writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        while not app.paths:
            await asyncio.sleep(0.005)
        idle = [await app.connect() for _ in range(7)]
        await asyncio.sleep(0.02)
        late, late_writer = await app.connect()
        late_writer.write(GOOD)
        assert (await read_answer(late)).status == 200  # health stays up
        assert await closes(idle[0][0]) == b""
        app.let.set()
        assert (await read_answer(busy)).status == 200


async def test_hundreds_of_requests_in_advance_are_too_many(app: App) -> None:
    reader, writer = await app.connect()
    writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + GOOD * 500)
    assert await closes(reader) == b""
    app.let.set()


async def test_the_end_of_the_process_loses_no_request(app: App) -> None:
    assert app.server is not None
    (slow, slow_writer), (idle, idle_writer), (part, part_writer) = [await app.connect() for _ in range(3)]
    slow_writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    idle_writer.write(GOOD)
    assert (await read_answer(idle)).status == 200
    part_writer.write(GOOD[:20])
    while len(app.paths) < 2:
        await asyncio.sleep(0.005)
    app.server.should_exit = True
    while app.server.servers[0].is_serving():
        await asyncio.sleep(0.005)
    idle_writer.write(GOOD)  # on its way when the process was told to end
    part_writer.write(GOOD[20:])
    app.let.set()
    for reader in (slow, idle, part):
        answer = await read_answer(reader)
        assert (answer.status, answer.headers.get("connection")) == (200, "close")
