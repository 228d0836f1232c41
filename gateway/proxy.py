"""Forwards `/v1/…` to the service behind it, streaming both ways. The only user of aiohttp here.

httpx costs 20 times as much at this place. Whoever calls has proved who it is before the first
byte goes on, and each service verifies the same token again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from gateway import hygiene, upstreams
from gateway.refusals import refuse
from shared import telemetry
from shared.errors import NotFound, Refusal, Unauthenticated
from shared.runtime import Runtime

CONNECT_SECONDS = 1.0
TOTAL_SECONDS = 10.0
KEEPALIVE_SECONDS = 4.0  # shorter than the services' 5, so that we never use a connection as they close it
_CONNECTIONS = 512
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Lost(Exception):
    """The connection was refused or broke before an answer came."""


class _Gone(Exception):
    """The client has left."""


class Proxy:
    """One pool of connections to all services."""

    total_seconds = TOTAL_SECONDS
    """How long one exchange may take, whoever is slow: the client with its body, the service, the client again."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.bases = {name: runtime.settings.peer_url(name).rstrip("/") for name in upstreams.SERVICES}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        body = _Body(receive)
        try:
            method, url, headers = await self._vet(scope)
            async with asyncio.timeout(self.total_seconds) as deadline:
                await self._exchange(method, url, headers, body, sending, deadline)
            return
        except _Gone:
            telemetry.note(client_gone=1)
            return
        except Refusal as error:
            refusal = error
        except (TimeoutError, Lost, aiohttp.ClientError) as error:
            if body.gone:
                telemetry.note(client_gone=1)
                return
            telemetry.note(upstream=type(error.__cause__ or error).__name__)
            refusal = body.refusal or _failure(error, body)
        except Exception as error:  # a bug of ours: its kind and place are logged, no value of the request is
            telemetry.failed(error)
            refusal = Refusal(code="internal_error")
        if not started:  # else the answer breaks off, so that nobody takes half of it for the whole
            await refuse(refusal, cut=body.begun and not body.whole)(scope, receive, send)

    async def _vet(self, scope: Scope) -> tuple[str, URL, list[tuple[bytes, bytes]]]:
        """Authenticate, and return what may go on. Raises Refusal."""
        headers = hygiene.request_headers(scope["headers"])
        caller = await self.runtime.verifier.caller([value for name, value in headers if name == b"authorization"])
        if caller.is_service:
            raise Unauthenticated  # services have no business at the public door
        telemetry.note(client=caller.client_id)
        service = upstreams.service_of(scope["raw_path"])
        if service is None:
            raise NotFound
        scope["route_template"] = f"/v1/{service}/*"
        if scope["method"] not in hygiene.METHODS:
            raise Refusal(code="method_not_allowed")
        query = scope["query_string"].decode("ascii")
        target = scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
        return scope["method"], URL(self.bases[service] + target, encoded=True), headers

    async def _exchange(
        self,
        method: str,
        url: URL,
        headers: list[tuple[bytes, bytes]],
        body: "_Body",
        send: Send,
        deadline: asyncio.Timeout,
    ) -> None:
        await body.take()
        watching = asyncio.create_task(body.watch(deadline))
        try:
            async with await self._ask(method, url, headers, body) as answer:
                await _relay(answer, send)
        finally:
            watching.cancel()

    async def _ask(
        self, method: str, url: URL, headers: list[tuple[bytes, bytes]], body: "_Body"
    ) -> aiohttp.ClientResponse:
        """Return the answer's head. Once more when the connection was lost and nothing can happen twice."""
        repeatable = method in ("GET", "HEAD") or (method == "POST" and b"idempotency-key" in dict(headers))
        sent = [(name.decode(), value.decode("ascii")) for name, value in headers]
        sent.append(("x-request-id", telemetry.request_id() or ""))
        try:
            return await self._send(method, url, sent, body)
        except Lost:
            if not (repeatable and body.whole):
                raise
        telemetry.note(retried=1)
        return await self._send(method, url, sent, body)

    async def _send(
        self, method: str, url: URL, headers: list[tuple[str, str]], body: "_Body"
    ) -> aiohttp.ClientResponse:
        answer = await self._pool().request(method, url, headers=headers, data=body.payload(), allow_redirects=False)
        if not 200 <= answer.status <= 599:
            answer.close()
            raise aiohttp.ClientPayloadError("a status that does not exist")
        return answer

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:  # not earlier: it belongs to the loop that runs now
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
                trust_env=False,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_AUTOMATIC,
                middlewares=(_once,),
            )
        return self._session


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Turn a lost connection into an error that aiohttp does not repeat by itself (it would, a PUT too)."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Lost from error


async def _relay(answer: aiohttp.ClientResponse, send: Send) -> None:
    """Pass an answer on as it comes. A sender that is ahead of its reader waits."""
    headers = hygiene.answer_headers(answer.raw_headers, answer.status)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    more = True
    while more:
        chunk = await answer.content.readany()
        more = not answer.content.at_eof()
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


def _failure(error: Exception, body: "_Body") -> Refusal:
    if not isinstance(error, TimeoutError):
        return Refusal(code="upstream_unavailable")
    return Refusal("" if body.whole else "The body did not arrive in time.", code="upstream_timeout")


class _Body:
    """The request's body as it arrives, kept (it is at most the body limit) for one repetition."""

    def __init__(self, receive: Receive) -> None:
        self.begun = False
        self.whole = False
        self.gone = False
        self.refusal: Refusal | None = None
        self._receive = receive
        self._kept: list[bytes] = []
        self._over = asyncio.Event()

    async def take(self) -> None:
        """Wait for the next piece. Raises Refusal when that is one too many, _Gone when none will come."""
        self.begun = True
        try:
            message = await self._receive()
        except Refusal as refusal:
            self.refusal = refusal
            self._over.set()
            raise
        if message["type"] == "http.disconnect":
            self.gone = True
            self._over.set()
            raise _Gone
        self._kept.append(message.get("body", b""))
        if not message.get("more_body", False):
            self.whole = True
            self._over.set()

    def payload(self) -> Any:
        """Return what to send: the whole body if it is here, else the pieces as they come."""
        if self.whole:
            return b"".join(self._kept) or None
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        place = 0
        while True:
            while place < len(self._kept):
                if piece := self._kept[place]:
                    yield piece
                place += 1
            if self.whole:
                return
            await self.take()

    async def watch(self, deadline: asyncio.Timeout) -> None:
        """End the exchange at once when the client has gone."""
        await self._over.wait()
        while self.whole and not self.gone:
            self.gone = (await self._receive())["type"] == "http.disconnect"
        deadline.reschedule(asyncio.get_running_loop().time())
