"""One parcel over real sockets, to receivers that behave as badly as they can."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.delivery import signing
from shared.delivery.egress import open_socket
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.delivery.sender import Sender
from shared.delivery.service import Parcel, Permit, Result, Verdict
from tests.unit.shared.world import SECRET, Receiver, World, server

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\n"


@dataclass
class Wire:
    """A receiver made of bytes: keeps what reached it."""

    talk: Talk
    got: bytearray = field(default_factory=bytearray)
    connections: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    url: str = ""

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while b"\r\n\r\n" not in self.got:
                piece = await reader.read(65536)
                self.got += piece
                if not piece:
                    return
            await self.talk(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def wire(talk: Talk) -> AsyncIterator[Wire]:
    made = Wire(talk)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook"
    yield made
    listening.close()
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await listening.wait_closed()


def parcel(url: str, *, internal: bool = False, until: float | None = None) -> Parcel:
    headers = {"content-type": "application/json", **signing.headers("evt_1", b"{}", [SECRET])}
    return Parcel("dlv_1", "lse_1", "att_1", url, internal, headers, b"{}", Permit(Verdict.OPEN, until))


async def send(url: str, *, loopback: bool = True, **more: Any) -> Result:
    sender = Sender(timeout=0.5, allow_loopback=loopback)
    try:
        return await sender.send(parcel(url, **more))
    finally:
        await sender.close()
        await asyncio.sleep(0)


def saying(*pieces: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"x-a: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"content-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()


BOMB = gzip.compress(b"\0" * 2_000_000)
ANSWERS: list[tuple[str, Talk, Outcome, int | None]] = [
    ("204", saying(b"HTTP/1.1 204 No Content\r\n\r\n"), Outcome.DELIVERED, 204),
    ("200 with a body", saying(HEAD + b"content-length: 2\r\n\r\nok"), Outcome.DELIVERED, 200),
    ("200 that breaks off in its body", saying(HEAD + b"content-length: 99\r\n\r\nok"), Outcome.DELIVERED, 200),
    ("200 with an endless body", endless, Outcome.DELIVERED, 200),
    ("200 whose body drips", drip_body, Outcome.DELIVERED, 200),
    ("500", saying(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"), Outcome.REFUSED, 500),
    ("410", saying(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"), Outcome.GONE, 410),
    ("silence", hang, Outcome.TIMEOUT, None),
    ("a head that drips", drip_head, Outcome.TIMEOUT, None),
    ("nothing", saying(), Outcome.UNREACHABLE, None),
    ("no HTTP", saying(b"SSH-2.0-x\r\n\r\n"), Outcome.UNREACHABLE, None),
    ("a line without end", saying(HEAD, b"x-a: ", *[b"b" * 4000] * 40), Outcome.UNREACHABLE, None),
]  # fmt: skip


@pytest.mark.parametrize(("talk", "outcome", "status"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_an_answer_decides(talk: Talk, outcome: Outcome, status: int | None) -> None:
    async with wire(talk) as receiver:
        started = time.monotonic()
        result = await send(receiver.url)
        assert (result.outcome, result.status) == (outcome, status)
        assert time.monotonic() - started < 5
        assert receiver.got.startswith(b"POST /hook HTTP/1.1\r\n")
        assert b"webhook-id: evt_1\r\n" in receiver.got.lower()
        assert b"cookie" not in receiver.got.lower()


async def test_a_compressed_answer_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("zlib.decompressobj", opened)
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB)
    async with wire(saying(head + BOMB)) as receiver:
        assert (await send(receiver.url)).outcome is Outcome.DELIVERED


async def test_a_redirect_is_not_followed() -> None:
    async with wire(saying(HEAD + b"content-length: 0\r\n\r\n")) as target:
        for status in (301, 302, 307, 308):
            moved = b"HTTP/1.1 %d X\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % (status, target.url.encode())
            async with wire(saying(moved)) as receiver:
                result = await send(receiver.url)
                assert (result.outcome, result.status, receiver.connections) == (Outcome.REFUSED, status, 1)
        assert target.connections == 0


async def test_a_wish_for_patience_is_read() -> None:
    async with wire(saying(b"HTTP/1.1 429 X\r\nRetry-After: 120\r\ncontent-length: 0\r\n\r\n")) as receiver:
        wait = (await send(receiver.url)).retry_after
        assert wait is not None
        assert wait.total_seconds() == 120


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://nobody.invalid/", "http://[::1/", "http://", "x"]
)
async def test_where_nobody_is_there_is_no_answer(url: str) -> None:
    assert (await send(url)).outcome is Outcome.UNREACHABLE


async def test_over_tls_a_certificate_of_nobody_is_refused() -> None:
    async with wire(saying(b"")) as receiver:
        assert (await send(receiver.url.replace("http:", "https:"))).outcome in (Outcome.UNREACHABLE, Outcome.TIMEOUT)
        assert b"webhook-id" not in receiver.got


# -- where it may go -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_the_loopback_is_reached(host: str) -> None:
    async with wire(saying(HEAD + b"content-length: 0\r\n\r\n")) as receiver:
        result = await send(receiver.url.replace("127.0.0.1", host), loopback=False)
        assert result.outcome is not Outcome.DELIVERED  # forbidden, or a name that nobody resolves in time
        if host in ("127.0.0.1", "localhost"):
            assert result.outcome is Outcome.FORBIDDEN_ADDRESS
        assert receiver.connections == 0


class Names(AbstractResolver):
    """Resolves every name to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["192.0.2.1", "127.0.0.1"]])
async def test_a_name_that_leads_inside_is_caught_when_the_socket_is_made(addresses: list[str]) -> None:
    async with wire(saying(HEAD + b"content-length: 0\r\n\r\n")) as receiver:
        sender = Sender(timeout=0.5, allow_loopback=False)
        connector = sender._outside.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        await connector._resolver.close()
        connector._resolver = Names(*addresses)
        result = await sender.send(parcel(receiver.url.replace("127.0.0.1", "hooks.example.org")))
        await sender.close()
        assert (result.outcome, receiver.connections) == (Outcome.FORBIDDEN_ADDRESS, 0)


async def test_a_sister_may_be_inside() -> None:
    async with wire(saying(HEAD + b"content-length: 0\r\n\r\n")) as receiver:
        assert (await send(receiver.url, loopback=False, internal=True)).outcome is Outcome.DELIVERED


# -- the permit ------------------------------------------------------------------------------------------


async def test_when_the_permit_ended_before_the_connection_was_ready_no_byte_leaves() -> None:
    async with wire(saying(HEAD + b"content-length: 0\r\n\r\n")) as receiver:
        until = asyncio.get_running_loop().time()
        assert (await send(receiver.url, until=until)).outcome is Outcome.PERMIT_EXPIRED
        assert bytes(receiver.got) == b""
        assert (await send(receiver.url, until=until + 10)).outcome is Outcome.DELIVERED


async def test_nor_over_a_connection_that_is_open_already() -> None:
    received = Receiver()
    async with server(received.handle) as url:
        sender = Sender(timeout=1, allow_loopback=True)
        now = asyncio.get_running_loop().time()
        outcomes = [(await sender.send(parcel(url, until=until))).outcome for until in (now + 10, now, now + 10, None)]
        await sender.close()
    assert outcomes == [Outcome.DELIVERED, Outcome.PERMIT_EXPIRED, Outcome.DELIVERED, Outcome.DELIVERED]
    assert len(received.got) == 3


async def test_an_expired_permit_leaves_no_socket_behind() -> None:
    made: list[socket.socket] = []

    def remembered(info: Any) -> socket.socket:
        made.append(open_socket(info))
        return made[-1]

    async with wire(hang) as receiver:
        sender = Sender(timeout=1, allow_loopback=True)
        sender._outside.connector._socket_factory = remembered  # type: ignore[union-attr]
        for _ in range(3):
            await sender.send(parcel(receiver.url, until=0))
        await asyncio.sleep(0.01)
        assert len(made) == 3
        assert [each.fileno() for each in made] == [-1] * 3
        await sender.close()


# -- the whole way ---------------------------------------------------------------------------------------


async def test_after_errors_everything_arrives_in_order(world: World, receiver: tuple[Receiver, str]) -> None:
    received, url = receiver
    await world.owner("pp", url)
    published = [await world.publish() for _ in range(3)]
    received.status = 500
    await world.turn()
    received.status = 200
    for after in (10, 11, 12, 13):
        await world.turn(after=after)
    assert received.event_ids() == [published[0], *published]
    assert set(await world.states()) == {DeliveryState.DELIVERED}
    assert signing.verify(received.got[-1][0], received.got[-1][1], SECRET) == published[-1]


@ONE
async def test_410_parks(world: World, receiver: tuple[Receiver, str]) -> None:
    received, url = receiver
    endpoint = await world.owner("pp", url)
    published = await world.publish()
    received.status = 410
    await world.turn()
    await world.turn(after=9999)
    assert await world.states() == [DeliveryState.PARKED]
    received.status = 200
    await world.set_endpoint(endpoint, EndpointState.ACTIVE)
    await world.turn()
    assert received.event_ids() == [published] * 2
