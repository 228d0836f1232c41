"""Answers that are all there: one message from an app, and one packet to its client.

An ASGI extension of our own listener: where `scope["extensions"]` names it, an app may send one message
`{"type": WHOLE, "status", "headers", "body"}` instead of ASGI's two.
"""

from collections.abc import Awaitable

from starlette.types import Scope, Send

WHOLE = "ruta.response.whole"
OFFERED: dict[str, dict[object, object]] = {WHOLE: {}}

Headers = list[tuple[bytes, bytes]]


def send_whole(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> Awaitable[None]:
    """Answer, in one message where the server takes that."""
    if WHOLE in scope.get("extensions", ()):
        return send({"type": WHOLE, "status": status, "headers": headers, "body": body})
    return _in_two(send, status, headers, body)


async def _in_two(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
