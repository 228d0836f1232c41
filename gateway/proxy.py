"""Forwards `/v1/…` to the service behind it, streaming both ways.

Whoever calls has proved who it is and is within its limits before the first byte goes on, and each service verifies
the same token again. What goes on is written anew from listed parts; what a service may hold of us is in its lane.
"""

import asyncio
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from gateway import hygiene, upstreams, wire
from gateway.breaker import Lane
from gateway.limits.service import Limits
from gateway.refusals import refuse
from gateway.upstreams import Allowance
from gateway.wire import Broken, Connection, Headers, Lost, Pool
from shared import telemetry
from shared.edge import heads
from shared.edge.answers import send_whole
from shared.errors import NotFound, Refusal, Unauthenticated
from shared.runtime import Runtime

_KEPT = 256 * 1024
"""How much of a body is kept for one repetition."""
_SHORT = 64 * 1024
"""An answer up to this length is taken whole before the client gets its first byte: it cannot break off then."""
_AT_ONCE = 0.02


class _Gone(Exception):
    """The client has left."""


class _Ask(NamedTuple):
    """A request that may go on."""

    lane: Lane
    pool: Pool
    client: str
    method: str
    target: bytes
    lines: bytes
    has_body: bool
    repeatable: bool
    allowance: Allowance


class Proxy:
    """One pool of connections and one lane to each service."""

    seconds: float | None = None
    """Instead of every allowance's own: for tests."""

    def __init__(self, runtime: Runtime, limits: Limits) -> None:
        self.runtime = runtime
        self.limits = limits
        places = runtime.settings.upstream_places
        self.lanes = {name: Lane(name, places) for name in upstreams.SERVICES}
        self.pools = {name: Pool(runtime.settings.peer_url(name)) for name in upstreams.SERVICES}
        self._watch = _Watch()
        self._behind = {name: (self.lanes[name], self.pools[name], f"/v1/{name}/*") for name in upstreams.SERVICES}

    async def close(self) -> None:
        """Close every connection, that to the store of limits too."""
        for pool in self.pools.values():
            pool.close()
        await self.limits.close()

    def asks(self, name: str) -> bool:
        """Whether a service is asked at present: not while its breaker is open."""
        return not self.lanes[name].breaker.is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = _Body(receive, self._watch)
        told: Headers = []
        try:
            ask = await self._vet(scope, told)
            body.guard(self.seconds or ask.allowance.seconds)
            await self._exchange(ask, body, told, scope, send)
            return
        except Refusal as error:
            refusal = body.refusal or error
        except (_Gone, asyncio.CancelledError, Lost, Broken) as error:
            if isinstance(error, asyncio.CancelledError) and not body.is_over():
                raise
            if body.gone:
                telemetry.note(client_gone=1)
                return
            telemetry.note(upstream=type(error.__cause__ or error).__name__)
            refusal = body.refusal or _failure(error, body)
        except Exception as error:  # a bug of ours: its kind and place are logged, no value of the request is
            telemetry.failed(error)
            refusal = Refusal(code="internal_error")
        finally:
            body.close()
        if not body.answered:  # else the answer breaks off, so that nobody takes half of it for the whole
            await refuse(refusal, cut=body.begun and not body.whole, more=told)(scope, receive, send)

    async def _vet(self, scope: Scope, told: Headers) -> _Ask:
        """Authenticate, count, and return what may go on. Adds to `told` how the client's limits stand."""
        method: str = scope["method"]
        head: hygiene.Head = scope[hygiene.HEAD]
        passed = head.passed
        scope["headers"] = passed.pairs
        caller = await self.runtime.verifier.caller(scope)
        if caller.is_service:
            raise Unauthenticated  # services have no business at the public door
        telemetry.note(client=caller.client_id)
        standing, refusal = await self.limits.admit(caller, method)
        told += standing
        if refusal is not None:
            raise refusal
        path: bytes = scope["raw_path"]
        service = upstreams.service_of(path)
        if service is None:
            raise NotFound
        lane, pool, scope["route_template"] = self._behind[service]
        if method not in hygiene.METHODS:
            raise Refusal(code="method_not_allowed")
        # A proof is good for one request: a service would take the second for a replay.
        repeatable = b"dpop" not in passed.names and (
            method in hygiene.READS or (method == "POST" and b"idempotency-key" in passed.names)
        )
        lines = passed.lines + telemetry.passed_on()
        target = pool.prefix + path + (b"?" + query if (query := scope["query_string"]) else b"")
        allowance = upstreams.allowance(path)
        return _Ask(
            lane, pool, caller.client_id, method, target, lines, scope.get(heads.HAS_BODY, True), repeatable, allowance
        )

    async def _exchange(self, ask: _Ask, body: "_Body", told: Headers, scope: Scope, send: Send) -> None:
        if ask.has_body:
            await body.take()
        else:
            body.whole = True
        lane = ask.lane
        probe = lane.enter(ask.client)
        answered: bool | None = None
        try:
            connection = await self._ask(ask, body, probe=probe)
            answered = True
            try:
                await _relay(connection, ask, told, body, scope, send)
            finally:
                connection.release(sent=body.sent)
        except (Lost, Broken):
            answered = False
            raise
        except asyncio.CancelledError:
            if answered is None and body.whole and not body.gone and body.over:
                answered = False  # it was the service that let the time pass
            raise
        finally:
            lane.leave(ask.client, answered, probe=probe)

    async def _ask(self, ask: _Ask, body: "_Body", *, probe: bool) -> Connection:
        """Return a connection with the answer's head. Once more when it was lost and nothing can happen twice."""
        try:
            return await _send(ask, body, ask.pool.kept() or await ask.pool.connection())
        except Lost:
            if not (ask.repeatable and body.repeatable and ask.lane.may_retry(probe=probe)):
                raise
        telemetry.note(retried=1)
        return await _send(ask, body, await ask.pool.connection())


async def _send(ask: _Ask, body: "_Body", connection: Connection) -> Connection:
    try:
        method, whole = ask.method.encode(), body.whole
        content = body.content() if whole and ask.has_body else b""
        body.sent = whole
        head = wire.head(method, ask.target, ask.pool.name, ask.lines, len(content) if whole else None)
        connection.ask(head + content, bodiless=ask.method == "HEAD")
        if not whole:
            body.flow(connection)
        while not connection.status:
            await connection.news()
        return connection
    except BaseException:
        connection.release(sent=False)
        raise


async def _relay(connection: Connection, ask: _Ask, told: Headers, body: "_Body", scope: Scope, send: Send) -> None:
    """Pass an answer on as it comes. A sender that is ahead of its reader waits."""
    if connection.length > ask.allowance.answer_bytes and ask.method != "HEAD":
        raise Broken("too long")
    headers = hygiene.answer_headers(connection.headers, connection.status) + told
    if 0 <= connection.length <= _SHORT and not connection.bodiless:
        while not connection.complete:
            await connection.news()
        content = connection.taken()
        body.answered = True
        await send_whole(scope, send, connection.status, headers, content)
        return
    body.answered = True
    await send({"type": "http.response.start", "status": connection.status, "headers": headers})
    more, size = True, 0
    while more:
        piece = await connection.read()
        size += len(piece)
        if size > ask.allowance.answer_bytes:
            raise Broken("too long")
        more = not connection.complete
        await send({"type": "http.response.body", "body": piece, "more_body": more})


def _failure(error: BaseException, body: "_Body") -> Refusal:
    if not isinstance(error, asyncio.CancelledError):
        return Refusal(code="upstream_unavailable")
    return Refusal(code="upstream_timeout" if body.whole else "request_timeout")


class _Watch:
    """Looks at every exchange again and again: one timer for all, where most would end before their own."""

    def __init__(self) -> None:
        self._open: set[_Body] = set()
        self._ticking = False

    def begin(self, body: "_Body", loop: asyncio.AbstractEventLoop) -> float:
        """Look after an exchange from now on. Returns the loop's time."""
        self._open.add(body)
        if not self._ticking:
            self._ticking = True
            loop.call_later(_AT_ONCE, self._tick, loop)
        return loop.time()

    def end(self, body: "_Body") -> None:
        """Look after it no more."""
        self._open.discard(body)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for body in tuple(self._open):
            body.look(now)
        self._ticking = bool(self._open)
        if self._ticking:
            loop.call_later(_AT_ONCE, self._tick, loop)


class _Body:
    """The request's body as it arrives, kept for one repetition while it is not too long for that."""

    begun = False
    whole = False
    sent = True
    """Whether the service has all of it, or was never asked."""
    gone = False
    answered = False
    over = False
    """Whether the exchange was ended from here: the time is up, or the client has left or said too much."""
    refusal: Refusal | None = None
    _size = 0
    _since = 0.0
    _seconds = 0.0
    _exchange: asyncio.Task[None] | None = None
    _task: asyncio.Task[None] | None = None

    def __init__(self, receive: Receive, watch: "_Watch") -> None:
        self._receive = receive
        self._watch = watch
        self._kept: list[bytes] = []

    def guard(self, seconds: float) -> None:
        """End this task after so long, or when the client leaves."""
        loop = asyncio.get_running_loop()
        self._exchange = asyncio.current_task(loop)
        self._seconds = seconds
        self._since = self._watch.begin(self, loop)

    def look(self, now: float) -> None:
        """Look after an exchange that does not end at once: the time, and whether its client is still there."""
        if now - self._since >= self._seconds:
            self._end()
        elif now - self._since >= _AT_ONCE and self.whole and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._stay())

    def is_over(self) -> bool:
        """Whether a cancellation of this task was ours alone. Takes ours back."""
        return self.over and self._exchange is not None and self._exchange.uncancel() == 0

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again from its beginning."""
        return self.whole and self._size <= _KEPT

    async def take(self) -> bytes:
        """Return the next piece. Raises Refusal when that is one too many, _Gone when none will come."""
        self.begun = True
        try:
            message = await self._receive()
        except Refusal as refusal:
            self.refusal = refusal
            raise
        if message["type"] == "http.disconnect":
            self.gone = True
            raise _Gone
        piece: bytes = message.get("body", b"")
        self.whole = not message.get("more_body", False)
        self._size += len(piece)
        if self._task is None or self._size <= _KEPT:
            self._kept.append(piece)
        else:
            self._kept.clear()
        return piece

    def content(self) -> bytes:
        """Return all of it."""
        return self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)

    def flow(self, connection: Connection) -> None:
        """Send what is here and what still comes, in chunks, beside the wait for the answer."""
        self._task = asyncio.get_running_loop().create_task(self._flow(connection))

    async def _flow(self, connection: Connection) -> None:
        try:
            piece = self.content()
            while True:
                if piece:
                    await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if self.whole:
                    break
                piece = await self.take()
            await connection.write(b"0\r\n\r\n")
            self.sent = True
        except Lost:
            return  # who waits for the answer learns of it too
        except (Refusal, _Gone):
            self._end()
            return
        await self._stay()

    async def _stay(self) -> None:
        while not self.gone:
            self.gone = (await self._receive())["type"] == "http.disconnect"
        self._end()

    def _end(self) -> None:
        if not self.over and self._exchange is not None:
            self.over = True
            self._exchange.cancel()

    def close(self) -> None:
        """Stop what still goes on."""
        self._watch.end(self)
        if self._task is not None:
            self._task.cancel()
