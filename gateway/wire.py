"""HTTP/1.1 to one service: a connection has one exchange at a time, and nothing in an answer is guessed.

aiohttp costs more than twice as much here (DECISIONS.md). What this does not do: redirects, cookies, decompression,
proxies, answers without a length. Requests are written from parts that gateway.hygiene has vetted.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable
from functools import cache
from typing import cast
from urllib.parse import urlsplit

import httptools

Headers = list[tuple[bytes, bytes]]

CONNECT_SECONDS = 1.0
KEEPALIVE_SECONDS = 4.0  # shorter than the services' 5, so that we never use a connection as they close it
MAX_HEAD = 64 * 1024
_HIGH = 64 * 1024
_LOW = 16 * 1024


class Lost(Exception):
    """The connection was refused, or broke before an answer came."""


class Broken(Exception):
    """What came is no answer by HTTP/1.1, or the answer broke off."""


class Connection(asyncio.Protocol):
    """One connection. `ask`, wait for `news` until there is a `status`, take the body, then `release`.

    The body by `read` until it returns nothing; or wait for `news` until it is `complete`, and take it by `taken`.
    """

    def __init__(self, pool: "Pool") -> None:
        self.idle_since = 0.0
        self.status = 0
        self.headers: Headers = []
        self.complete = False
        self.length = -1
        """Of the body, where the answer says it."""
        self.bodiless = False
        """Whether the answer has no body, whatever it says."""
        self._pool = pool
        self._loop = pool.loop
        self._transport = cast("asyncio.Transport", None)
        self._parser: httptools.HttpResponseParser | None = None
        self._reusable = False
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._held = 0
        self._reading_paused = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    # -- the exchange ----------------------------------------------------------------------------------------

    def ask(self, head: bytes, *, bodiless: bool) -> None:
        """Send the head of a request, with its body if that is here. `bodiless`: the answer has no body (HEAD)."""
        self.status, self.headers, self.complete, self.length = 0, [], False, -1
        self._parser = httptools.HttpResponseParser(self)
        self.bodiless, self._reusable, self._head_bytes, self._error = bodiless, True, 0, None
        self._transport.write(head)

    async def write(self, piece: bytes) -> None:
        """Send a piece of a body. Waits while the service does not take it; raises Lost once it is gone."""
        if self._transport.is_closing():
            raise Lost
        self._transport.write(piece)
        if self._room is not None:
            await self._room

    def news(self) -> Awaitable[None]:
        """Return what ends when more of the answer has come. Raises Lost or Broken when no more will come."""
        if self._error is not None:
            raise self._error
        self._news = self._loop.create_future()
        return self._news

    async def read(self) -> bytes:
        """Return what has come of the body, nothing at its end. Raises Broken when it breaks off."""
        while not self._pieces and not self.complete:
            await self.news()
        return self.taken()

    def taken(self) -> bytes:
        """Return what is here of the body."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def release(self, *, sent: bool) -> None:
        """Give the connection back, or close it unless the exchange is over for both: `sent` is our side."""
        self._parser = None
        if self.complete and sent and self._reusable and not self._transport.is_closing() and not self._room:
            self._pool.keep(self)
        else:
            self._transport.abort()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._reusable = False
        self._error = self._error or error
        self._transport.abort()
        self._wake()

    # -- from the transport ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH)

    def data_received(self, data: bytes) -> None:
        if self._parser is None:  # nobody asked: an answer that would be taken for that of the next request
            self._transport.abort()
            return
        if not self.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(Broken("not HTTP"))
            return
        if not self.status and self._head_bytes > MAX_HEAD:
            self._fail(Broken("an endless head"))
        elif self._held > _HIGH and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        self._error = self._error or (Broken("broke off") if self.status else Lost())
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # -- from the parser -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.status:
            self._reusable = False  # more than one answer to one request
            raise Broken

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # else a trailer
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = cast("httptools.HttpResponseParser", self._parser)
        status = parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers = []
            return
        named = dict(self.headers)
        measured = b"content-length" in named
        if measured:
            self.length = int(named[b"content-length"])
        if b"transfer-encoding" in named:
            codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
            measured, self.length = codings == [b"chunked"], -1
        self.bodiless = self.bodiless or status in (204, 304)
        if not 200 <= status <= 599 or not (measured or self.bodiless):
            raise Broken  # no such status, or no way to tell the end of it from a part
        self._reusable = bool(parser.should_keep_alive())
        self.status = status
        self.complete = self.bodiless

    def on_body(self, body: bytes) -> None:
        if self.complete:
            self._reusable = False  # a body where there is none
            raise Broken
        self._pieces.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        self.complete = bool(self.status)  # else that of an interim answer


class Pool:
    """The connections to one service. How many there may be is for its user to say."""

    def __init__(self, base: str) -> None:
        url = urlsplit(base)
        self.host = url.hostname or ""
        self.port = url.port or (443 if url.scheme == "https" else 80)
        self.secure = url.scheme == "https"
        self.name = url.netloc.encode("ascii", "ignore")
        """What goes into Host."""
        self.prefix = url.path.rstrip("/").encode("ascii", "ignore")
        self._idle: list[Connection] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def kept(self) -> Connection | None:
        """Return a connection that is open and that nobody uses, if there is one."""
        while self._idle:
            found = self._idle.pop()
            if time.monotonic() - found.idle_since < KEEPALIVE_SECONDS:
                return found
            found.release(sent=False)
        return None

    async def connection(self) -> Connection:
        """Return a new connection. Raises Lost."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                context = _tls() if self.secure else None
                _, made = await self.loop.create_connection(lambda: Connection(self), self.host, self.port, ssl=context)
                return made
        except (OSError, TimeoutError) as error:
            raise Lost from error

    def keep(self, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Close what nobody uses."""
        for each in list(self._idle):
            each.release(sent=False)
        self._idle.clear()


@cache
def _tls() -> ssl.SSLContext:
    """Read the machine's certificates once: it takes a tenth of a second."""
    return ssl.create_default_context()


def head(method: bytes, target: bytes, host: bytes, lines: bytes, length: int | None) -> bytes:
    """Return the head of a request with these lines. `length` of its body; None when it comes in chunks."""
    measure = b""
    if length is None:
        measure = b"transfer-encoding: chunked\r\n"
    elif length or method not in (b"GET", b"HEAD", b"DELETE"):
        measure = b"content-length: %d\r\n" % length
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b\r\n" % (method, target, host, lines, measure)
