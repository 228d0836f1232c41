"""uvicorn's HTTP protocol, made fit for an edge: nothing on a connection lasts for ever, and nobody has all of them.

uvicorn by itself waits without end for the head of a request and for a client that does not read, keeps heads of any
length, answers a malformed request in the middle of another answer, and closes connections while requests are on
their way. An ingress in front bounds the same per address, which only it knows.
"""

import asyncio
from typing import Any, cast
from urllib.parse import unquote

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from shared import ids, problems, telemetry
from shared.edge.answers import OFFERED, WHOLE, Headers
from shared.errors import Refusal

HEAD_SECONDS = 8.0
"""From the connection, or from the last answer, to the end of the next head."""
LINGER_SECONDS = 3.0
"""How long what was answered may wait for a client that does not read it, once the connection is to close."""
DRAIN_SECONDS = 1.0
"""How long a connection without a request still takes one when the process is to end."""
TICK_SECONDS = 0.5
MAX_HEAD = 64 * 1024
MAX_PIPELINED = 32
_CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])


class _Corked:
    """A transport that sends the head of an answer together with what follows it: one packet, one call of the kernel.

    What is held leaves with the next write, or at the end of this turn of the loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self._flushing: asyncio.Handle | None = None
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if self._flushing is None:
            self._held = data
            self._flushing = self._loop.call_soon(self._flush)
        else:
            self._held += data
            self._flush()

    def send(self, data: bytes) -> None:
        """Write what needs no company."""
        if self._flushing is not None:
            self._flush()
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
            self._transport.write(self._held)


class _Cycle(RequestResponseCycle):
    """One request and its answer, which may come in one message."""

    tasks: set["asyncio.Task[None]"]
    task: "asyncio.Task[None]"

    async def run_asgi(self, app: Any) -> None:
        """Let the app answer. What does not end in an answer is left to uvicorn, as if it had run the app."""
        raised: BaseException | None = None
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # raised again for uvicorn
            raised = error
        try:
            if raised is not None or not (self.response_complete or self.disconnected):
                await super().run_asgi(_ended(raised))
        finally:
            self.on_response = _nothing
            self.tasks.discard(self.task)  # here: a callback of the task costs another turn of the loop

    async def send(self, message: Any) -> None:
        if message["type"] != WHOLE:
            await super().send(message)
        elif not self._wrote(message["status"], message["headers"], message["body"]):
            body = message["body"]
            await super().send(
                {"type": "http.response.start", "status": message["status"], "headers": message["headers"]}
            )
            await super().send({"type": "http.response.body", "body": body})

    def _wrote(self, status: int, headers: Headers, body: bytes) -> bool:
        """Write the usual answer. Returns False, and leaves it to uvicorn, where anything about it is not usual."""
        headers = self.default_headers + headers
        lines = b"\r\n".join(map(b": ".join, headers)) + b"\r\n"
        told = b"\n" + lines.lower()
        usual = (
            self.keep_alive
            and not (self.disconnected or self.response_started or self.flow.write_paused)
            and self.scope["method"] != "HEAD"
            and b"\ncontent-length: %d\r" % len(body) in told
            and told.count(b"\ncontent-length: ") == 1
            and not (b"\nconnection: " in told or b"\ntransfer-encoding: " in told)
            and len(lines) - len(lines.translate(None, _CONTROLS)) == 2 * len(headers)
        )
        if usual:
            self.response_started = self.response_complete = True
            self.waiting_for_100_continue = False
            transport: Any = self.transport
            transport.send(b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body))
            self.message_event.set()
            self.on_response()
        return usual


def _nothing() -> None:
    pass


def _ended(raised: BaseException | None) -> Any:
    """Return an app that did no more than raise this, if anything."""

    async def app(*_: Any) -> None:
        if raised is not None:
            raise raised

    return app


class Listener(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *args: Any, max_connections: int = 800, **named: Any) -> None:
        super().__init__(*args, **named)
        self.max_connections = max_connections
        self.since = 0.0
        """When the wait for the next head began."""
        self._in_head = False
        self._head_bytes = 0
        self._draining = False
        self._closing_since = 0.0
        self._tick_timer: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle  # uvicorn's types know no None before the first request
        return cycle is None or bool(cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(_Corked(transport, self.loop))  # type: ignore[arg-type]  # all that uvicorn uses of one
        self.since = self.loop.time()
        self._tick_timer = self.loop.call_later(TICK_SECONDS, self._tick)
        if len(self.connections) > self.max_connections:
            # Who has waited longest has the least to lose; it may be this one. Those with a request stay.
            waiting = (each for each in self.connections if isinstance(each, Listener) and each.waits)
            min(waiting, key=lambda each: each.since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        super().connection_lost(exc)

    def _unset_keepalive_if_required(self) -> None:
        """Do nothing: `_tick` closes who is idle, and uvicorn's timer is never set."""

    def data_received(self, data: bytes) -> None:
        began_before = self._in_head
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data) if began_before else 0
            if self._head_bytes > MAX_HEAD:
                self._refuse("headers_too_large")
        if len(self.pipeline) > MAX_PIPELINED:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Begin a request. Uvicorn's own, without websockets, a root path and a limit, of which we have none."""
        self._in_head, self._head_bytes = False, 0
        parser = self.parser
        before: Any = self.cycle  # as in `waits`
        version = parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope |= {
            "method": parser.get_method().decode("ascii"), "http_version": version, "raw_path": url.path,
            "path": unquote(path) if "%" in path else path, "query_string": url.query or b"", "extensions": OFFERED,
        }  # fmt: skip
        self.cycle = cycle = _Cycle(
            self.scope, self.transport, self.flow, self.logger, self.access_logger, False,
            self.server_state.default_headers, asyncio.Event(), self.expect_100_continue,
            version != "1.0" and parser.should_keep_alive() and not self._draining, self.on_response_complete,
        )  # fmt: skip
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        own = cast("_Cycle", cycle)
        own.tasks = self.tasks
        own.task = self.loop.create_task(own.run_asgi(app))
        self.tasks.add(own.task)

    def on_response_complete(self) -> None:
        """Turn to the next request. Unlike uvicorn's own, without a timer for each: `_tick` closes who is idle."""
        self.since = self.loop.time()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse("malformed_request")

    def shutdown(self) -> None:
        """Answer what is here and what is on its way, then close."""
        if self.waits:
            self._draining = True
            self.loop.call_later(DRAIN_SECONDS, self._close_if_waiting)
        else:
            super().shutdown()

    def _close_if_waiting(self) -> None:
        if self.waits and not self.transport.is_closing():
            self.transport.close()

    def _tick(self) -> None:
        now = self.loop.time()
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if not self.waits or now - self._closing_since > LINGER_SECONDS:
                self.transport.abort()  # broken off, or nobody reads
        elif self.waits and now - self.since > self._patience():
            if self._in_head:
                self._refuse("request_timeout")
            else:
                self.transport.close()
        self._tick_timer = self.loop.call_later(TICK_SECONDS, self._tick)

    def _patience(self) -> float:
        """How long to wait for the next head from here: who has been answered and says nothing goes sooner."""
        cycle: Any = self.cycle  # as in `waits`
        new = self._in_head or cycle is None
        return HEAD_SECONDS if new else min(HEAD_SECONDS, self.timeout_keep_alive)

    def _refuse(self, code: str) -> None:
        """Answer by a problem document and close. Never into, or instead of, the answer to another request."""
        own = not self.waits and self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        if own:  # what cannot be read is the body of the one request that is being answered
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if (own or self.waits) and not self.transport.is_closing():
            own_id = ids.new("req")
            body = problems.document(Refusal(code=code)) | {"request_id": own_id}
            telemetry.say("info", "malformed", request_id=own_id, code=code)
            content = to_json(body)
            head = (
                f"content-type: {problems.MEDIA_TYPE}\r\ncontent-length: {len(content)}\r\nx-request-id: {own_id}\r\n"
                "x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[body["status"]] + head.encode() + content)
        self.transport.close()
