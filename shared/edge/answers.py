"""Answers that are all there: one message from an app, and one packet to its client.

An ASGI extension of our own listener: where `scope["extensions"]` names it, an app may send one message
`{"type": WHOLE, "status", "headers", "body"}` instead of ASGI's two.
"""

from starlette.types import Scope, Send

WHOLE = "ruta.response.whole"
OFFERED: dict[str, dict[object, object]] = {WHOLE: {}}

Headers = list[tuple[bytes, bytes]]


async def send_whole(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Answer, in one message where the server takes that."""
    if WHOLE in scope.get("extensions", ()):
        await send({"type": WHOLE, "status": status, "headers": headers, "body": body})
    else:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
