"""What every request passes before anything looks at what it asks for."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import hygiene
from gateway.refusals import refuse
from shared.errors import Invalid, NotFound, Refusal

_OPERATORS = frozenset({b"/metrics", b"/readyz", b"/livez"})
_VERSIONS = ("1.0", "1.1")


class Door:
    """Refuses what is crooked, sends `/v1/` to the proxy and the rest to the gateway's own app."""

    def __init__(self, app: ASGIApp, proxy: ASGIApp) -> None:
        self.app = app
        self.proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = _refusal(scope)
        app = self.proxy if scope["raw_path"].startswith(b"/v1/") else self.app
        if refusal is not None:
            app = refuse(refusal)
        if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            await _unread_closes(app, scope, receive, send)
        else:
            await app(scope, receive, send)


def _refusal(scope: Scope) -> Refusal | None:
    names = {name for name, _ in scope["headers"]}
    if scope["raw_path"] in _OPERATORS and names & {b"x-forwarded-for", b"forwarded"}:
        return NotFound()  # came through the ingress, from outside: our counts are nobody's there (the guard)
    if scope["http_version"] not in _VERSIONS:
        return Invalid("Speak HTTP/1.1.")  # the server would take a request line without a version for HTTP/0.9
    return hygiene.refusal(scope["headers"], scope["query_string"])


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
