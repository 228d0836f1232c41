"""Receivers, proxies and names made of bytes, on real sockets of the loopback."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.delivery.parcels import Parcel, Permit, Result, Verdict
from shared.delivery.sender import Sender
from tests.listening import Talk as Talk
from tests.listening import listening

HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"content-length: 0\r\n\r\n"
HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}
BODY = b'{"name": "X\xc3\xb3chitl"}'


def on_each_loop(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests (as its `pytest_generate_tests`) on asyncio's loop, and on uvloop as the workers do."""
    if asyncio.iscoroutinefunction(metafunc.function):
        metafunc.fixturenames.append(_LOOP)
        loops = [asyncio.new_event_loop, uvloop.new_event_loop]
        metafunc.parametrize(_LOOP, loops, ids=["asyncio", "uvloop"], indirect=True, scope="function")


_LOOP = "_asyncio_loop_factory"  # pytest-asyncio's own; its hook for this would hold for whole folders


# -- receivers -------------------------------------------------------------------------------------------


@dataclass
class Wire:
    """A receiver: keeps each request as it came, to the byte, and how it was reached."""

    talk: Talk
    keep: bool = False
    """Whether it goes on listening on a connection after it has talked."""
    hears: bool = True
    """Whether it waits for the body of what it is sent."""
    got: list[bytes] = field(default_factory=list)
    connections: int = 0
    greeted: list[str | None] = field(default_factory=list)
    """The names that TLS was asked for, one for each connection."""
    known: list[dict[str, Any] | None] = field(default_factory=list)
    """The certificates that senders presented, one for each request."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def at(self, name: str) -> str:
        """Return the https URL under this name."""
        return f"https://{name}:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while request := await _read_request(reader, self.hears):
            self.got.append(request)
            self.known.append(writer.get_extra_info("peercert") or None)
            await self.talk(reader, writer)
            if not self.keep:
                return


async def _read_request(reader: asyncio.StreamReader, hears: bool) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + (await reader.readexactly(int(length[0].partition(b":")[2])) if length and hears else b"")
    except asyncio.IncompleteReadError as ended:
        return ended.partial


@asynccontextmanager
async def wire(
    talk: Talk, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", keep: bool = False, hears: bool = True
) -> AsyncIterator[Wire]:
    """Serve on a free port, with TLS where a context is given."""
    made = Wire(talk, keep, hears)
    if tls is not None:
        tls.sni_callback = lambda _, name, __: made.greeted.append(name)
    async with listening(made.serve, host, tls=tls) as made.port:
        yield made


@contextmanager
def answering_by_thread(context: ssl.SSLContext) -> Iterator[tuple[int, list[bytes]]]:
    """Serve TLS with blocking sockets, which tell why they hang up; asyncio's just do. Yields port and requests."""
    got: list[bytes] = []
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            caller = bound.accept()[0]
            with caller, contextlib.suppress(OSError):
                caller.settimeout(5)
                try:
                    with context.wrap_socket(caller.dup(), server_side=True) as speaking:
                        got.append(speaking.recv(65536))
                        speaking.sendall(HEAD + b"connection: close\r\ncontent-length: 0\r\n\r\n")
                except ssl.SSLError:
                    caller.shutdown(socket.SHUT_WR)
                    while caller.recv(65536):  # else what was not read would turn the goodbye into a reset
                        pass

    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port, got
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def saying(*pieces: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def dripping(head: bytes, drop: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return talk


# -- proxies ---------------------------------------------------------------------------------------------


@dataclass
class Relay:
    """An egress proxy: says its piece to CONNECT, then passes everything on to one port of this machine."""

    says: Talk
    to: int
    asked: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await _read_request(reader, hears=False))
        await self.says(reader, writer)
        if not self.to:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        with contextlib.closing(far_writer):
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relay(says: Talk | None = None, *, to: int = 0) -> AsyncIterator[Relay]:
    """Serve as a proxy that connects all to one port, unless it says otherwise."""
    made = Relay(says or saying(b"HTTP/1.1 200 Connection established\r\n\r\n"), to)
    async with listening(made.serve) as made.port:
        yield made


# -- names -----------------------------------------------------------------------------------------------


class Names(AbstractResolver):
    """Resolves names as it is told: to addresses, in turn where several lists are given, or to an error."""

    def __init__(self, **names: list[list[str]] | OSError) -> None:
        self.names = {name.replace("_", "."): told for name, told in names.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked.append(host)
        told = self.names[host]
        if isinstance(told, OSError):
            raise told
        addresses = told.pop(0) if len(told) > 1 else told[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


# -- certificates ----------------------------------------------------------------------------------------


@cache
def authority(name: str = "receivers") -> trustme.CA:
    """Return a certificate authority that nobody else knows."""
    return trustme.CA(organization_name=name)


def presenting(*names: str, by: str = "receivers", until: datetime | None = None) -> ssl.SSLContext:
    """Return a receiver's TLS with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(by).issue_cert(*names, not_after=until).configure_cert(context)
    return context


def trusting(folder: Path, name: str = "receivers") -> Path:
    """Return a file with the authority's certificate."""
    file = folder / f"{name}.pem"
    authority(name).cert_pem.write_to_path(str(file))
    return file


def ours(folder: Path) -> tuple[Path, Path]:
    """Return files with a certificate of our own and its key."""
    made = authority("senders").issue_cert("ruta.example.org")
    certificate, key = folder / "own.pem", folder / "own.key"
    made.cert_chain_pems[0].write_to_path(str(certificate))
    made.private_key_pem.write_to_path(str(key))
    return certificate, key


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


# -- sending ---------------------------------------------------------------------------------------------


def parcel(
    url: str, *, internal: bool = False, mutual_tls: bool = False, until: float | None = None, body: bytes = BODY,
    headers: dict[str, str] | None = None,
) -> Parcel:  # fmt: skip
    return Parcel(
        "dlv_1", "whe_1", "lse_1", "att_1", url, internal, mutual_tls, headers or HEADERS, body,
        Permit(Verdict.OPEN, until),
    )  # fmt: skip


@asynccontextmanager
async def sending(*, allow_loopback: bool = True, **options: Any) -> AsyncIterator[Sender]:
    """Yield a sender of little patience, closed afterwards."""
    sender = Sender(**{"timeout": 0.5} | options, allow_loopback=allow_loopback)
    try:
        yield sender
    finally:
        await sender.close()
        await asyncio.sleep(0)


async def send(url: str, *, loopback: bool = True, sender: dict[str, Any] | None = None, **more: Any) -> Result:
    """Send one parcel by a sender of its own."""
    async with sending(allow_loopback=loopback, **sender or {}) as made:
        return await made.send(parcel(url, **more))
