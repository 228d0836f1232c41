"""A line to PostgreSQL that can break: it passes bytes until it is told to lose a request or its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

from sqlalchemy.engine import make_url

_CHUNK = 65_536
_READY = b"Z\x00\x00\x00\x05I"
"""The server's last word of an answer: it is ready, and no transaction is open."""


class Loss(StrEnum):
    """What is lost when the line breaks."""

    REQUEST = "the request"
    ANSWER = "its answer"


class Proxy:
    """Passes connections on to one server."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.breaks = 0
        """How often the line broke."""
        self._mark = b""
        self._loss = Loss.REQUEST

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[tuple["Proxy", str]]:
        """Listen on a free port. Yields the proxy and the database's URL by way of it."""
        there = make_url(url)
        proxy = cls(there.host or "127.0.0.1", there.port or 5432)
        passing: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(proxy._connect(reader, writer))
            passing.add(task)
            await task

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        yield proxy, there.set(host="127.0.0.1", port=port).render_as_string(False)
        server.close()
        await asyncio.gather(*passing)

    def break_at(self, mark: bytes, loss: Loss) -> None:
        """Break the connection that next asks something with this mark in it."""
        self._mark, self._loss = mark, loss

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(self.host, self.port)
        deaf = asyncio.Event()
        ways = [
            asyncio.create_task(self._ask(client, to_server, deaf)),
            asyncio.create_task(self._answer(server, to_client, deaf)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (to_client, to_server):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _ask(self, client: asyncio.StreamReader, server: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while chunk := await client.read(_CHUNK):
            if self._mark and self._mark in chunk:
                self._mark = b""
                self.breaks += 1
                if self._loss is Loss.REQUEST:
                    return
                deaf.set()
            server.write(chunk)
            await server.drain()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        lost = b""
        while chunk := await server.read(_CHUNK):
            if deaf.is_set():
                lost += chunk
                if lost.endswith(_READY):  # done, and nobody will hear of it
                    return
                continue
            client.write(chunk)
            await client.drain()
