"""Load in a process of its own: closed loops that ask again as soon as they are answered."""

import asyncio
import multiprocessing
import re
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Load(NamedTuple):
    """What came of a load."""

    answers: int
    errors: int
    seconds: float


def closed_loop(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Ask on so many connections for so long. Everything but a whole `200` is an error."""
    load: Load = _apart(_closed_loop, port, request, connections, seconds)
    return load


def median_ms(port: int, request: bytes, count: int) -> float:
    """Return the median time of an answer in milliseconds, on one connection, one request after another."""
    median: float = _apart(_median_ms, port, request, count)
    return median


def _apart(work: Callable[..., Any], *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


class _Client(asyncio.Protocol):
    def __init__(self, request: bytes, ended: Callable[[], bool]) -> None:
        self.request = request
        self.ended = ended
        self.data = b""
        self.answers = self.errors = 0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.data += data
        size = _size(self.data)
        if size is None or len(self.data) < size:
            return
        good = len(self.data) == size and self.data.startswith(b"HTTP/1.1 200")
        self.data = b""
        self.answers += good
        self.errors += not good
        if not self.ended():
            self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors += not self.ended()


def _size(data: bytes) -> int | None:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = _LENGTH.search(data, 0, end + 2)
    return end + 4 + (int(found[1]) if found else 0)


def _closed_loop(port: int, request: bytes, connections: int, seconds: float) -> Load:
    async def main() -> Load:
        loop = asyncio.get_running_loop()
        over = False
        made = [
            await loop.create_connection(lambda: _Client(request, lambda: over), "127.0.0.1", port)
            for _ in range(connections)
        ]
        started = time.perf_counter()
        await asyncio.sleep(seconds)
        over = True
        took = time.perf_counter() - started
        await asyncio.sleep(0.1)  # for what is on its way
        for transport, _ in made:
            transport.close()
        clients = [client for _, client in made]
        return Load(sum(each.answers for each in clients), sum(each.errors for each in clients), took)

    return uvloop.run(main())


def _median_ms(port: int, request: bytes, count: int) -> float:
    times = []
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            started = time.perf_counter()
            client.sendall(request)
            data = client.recv(65536)
            while (size := _size(data)) is None or len(data) < size:
                piece = client.recv(65536)
                if not piece:
                    raise ConnectionError("closed in the middle of an answer")
                data += piece
            times.append(time.perf_counter() - started)
            assert data.startswith(b"HTTP/1.1 200"), data[:200]
    return statistics.median(times) * 1000
