"""What every request passes before anything looks at what it asks for."""

import asyncio
from collections.abc import Awaitable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import hygiene, upstreams
from gateway.limits import rules
from gateway.limits.service import Limits
from gateway.refusals import refuse
from shared import telemetry
from shared.edge import heads
from shared.errors import Invalid, NotFound, Refusal
from shared.settings import Settings

_OPERATORS = frozenset({b"/metrics", b"/readyz", b"/livez"})
_TOKENS = frozenset({b"/oauth/token", b"/oauth/revoke"})
_TOKEN_BYTES = 16 * 1024
OWN = b"/v1/gateway/"
_VERSIONS = ("1.0", "1.1")


class Door:
    """Refuses what is crooked, sends `/v1/` to the proxy, its own part of it and the rest to the gateway's own app."""

    def __init__(self, app: ASGIApp, proxy: ASGIApp, limits: Limits, settings: Settings) -> None:
        self.app = app
        self.proxy = proxy
        self.limits = limits
        self.hosts: frozenset[bytes] = frozenset()
        if settings.environment == "production":
            urls = (settings.issuer, settings.gateway_url, settings.jwks_url)
            self.hosts = hygiene.hosts([*(urlsplit(each).netloc for each in urls), *settings.hosts.split(",")])

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return the answer of whoever is to answer: no coroutine of its own, which would be one more to wake."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        path = scope["raw_path"]
        head = scope[hygiene.HEAD] = hygiene.head(scope["method"], scope["headers"])
        refusal = self._refusal(scope, path, head)
        if refusal is not None:
            app = refuse(refusal)
        elif path.startswith(b"/v1/") and not path.startswith(OWN):
            app = self.proxy
        else:
            app = self._own
        if b"transfer-encoding" in head.names and scope.get(heads.HAS_BODY, True):
            return _unread_closes(app, scope, receive, send)
        return app(scope, receive, send)

    def _refusal(self, scope: Scope, path: bytes, head: hygiene.Head) -> Refusal | None:
        if path in _OPERATORS:
            if head.names & {b"x-forwarded-for", b"forwarded"}:
                return NotFound()  # came through the ingress, from outside: our counts are nobody's there (the guard)
        elif self.hosts and head.host not in self.hosts:
            return Refusal(code="misdirected")  # operators' probes name an address, and what they read is not ours
        if scope["http_version"] not in _VERSIONS:
            return Invalid("Speak HTTP/1.1.")  # the server would take a request line without a version for HTTP/0.9
        query = scope["query_string"]
        return hygiene.refusal(scope["headers"], query) if query else head.refusal

    async def _own(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by our own app, with its own deadline: it reads whole bodies."""
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            async with asyncio.timeout(upstreams.STANDARD.seconds):
                if scope["raw_path"] in _TOKENS and scope["method"] == "POST":
                    await self._tokens(scope, receive, sending)
                else:
                    await self.app(scope, receive, sending)
        except TimeoutError:
            if not answered:  # else it breaks off
                await refuse(Refusal(code="request_timeout"), cut=True)(scope, receive, send)

    async def _tokens(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a token request pass unless its address or the client that it names asks too often."""
        peer = (scope.get("client") or ("", 0))[0]
        address = rules.address(peer, scope["headers"], self.limits.hops)
        refusal = await self.limits.admit_address(address)
        messages: list[Message] = []
        if refusal is None:
            try:
                messages = await _taken(receive)
            except Refusal as error:
                refusal = error
        if refusal is None and messages:
            authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
            claimed = rules.claimed_client(authorization, b"".join(each.get("body", b"") for each in messages))
            if claimed is not None:
                refusal = await self.limits.admit_claimed(claimed, address)
        if refusal is not None:
            telemetry.note(limited="token")
            await refuse(refusal)(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)


async def _taken(receive: Receive) -> list[Message]:
    """Return what comes of a body until it is whole, or longer than any token request."""
    messages = []
    size, more = 0, True
    while more and size <= _TOKEN_BYTES:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
    return messages


async def _unread_closes(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection after an answer that did not wait for the end of a body of unknown length.

    The server would go on reading it, and it may have no end.
    """
    unread = True

    async def receiving() -> Message:
        nonlocal unread
        message = await receive()
        unread = bool(message.get("more_body", False))
        return message

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and unread:
            others = [pair for pair in message["headers"] if pair[0] != b"connection"]
            message = {**message, "headers": [*others, (b"connection", b"close")]}
        await send(message)

    await app(scope, receiving, sending)
