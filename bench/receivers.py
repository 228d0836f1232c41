"""Receivers in a process of their own: so cheap that what is measured is the sender.

They speak just enough HTTP/1.1: read a head and a body by its Content-Length, answer 204.
Dead ones take the connection and never answer.
"""

import asyncio
import contextlib
import multiprocessing
import re
from collections.abc import Iterator
from typing import Any

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Receiver(asyncio.Protocol):
    """One connection of a receiver that is well."""

    def __init__(self) -> None:
        self.data = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.data, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.data) < size:
                return
            self.data = self.data[size:]
            self.transport.write(_ANSWER)


async def _serve(well: int, dead: int, ports: Any) -> None:
    loop = asyncio.get_running_loop()
    kinds = [_Receiver] * well + [asyncio.Protocol] * dead
    servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in kinds]
    ports.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.Event().wait()


def _main(well: int, dead: int, ports: Any) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(well, dead, ports))


@contextlib.contextmanager
def receivers(well: int, dead: int = 0) -> Iterator[list[str]]:
    """Run receivers. Yields their URLs, those of the dead ones last."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_main, args=(well, dead, theirs), daemon=True)
    process.start()
    try:
        yield [f"http://127.0.0.1:{port}/hook" for port in ours.recv()]
    finally:
        process.terminate()
        process.join()
