"""An upstream that does nothing but answer: raw ASGI, 1.25 KB of JSON."""

from starlette.types import Receive, Scope, Send

BODY = b'{"items":["' + b"x" * 1266 + b'"]}'
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))],
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request."""
    if scope["type"] == "http":
        await send(_START)
        await send({"type": "http.response.body", "body": BODY})
