"""Refusals at the door. A body that is too long ends its connection, after a moment to read the answer."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import hygiene
from shared import problems
from shared.errors import Refusal

_LINGER_SECONDS = 1.0
_LINGER_PIECES = 64


def refuse(refusal: Refusal, *, cut: bool = False, more: Iterable[tuple[bytes, bytes]] = ()) -> ASGIApp:
    """Return the app that answers with a problem document; with `cut`, while the body still comes.

    `more` are headers to add.
    """
    headers = {name.decode(): value.decode() for name, value in more}
    if refusal.code == "method_not_allowed":
        headers["Allow"] = ", ".join(hygiene.METHODS)
    answer = problems.render(refusal, headers)
    if not cut and refusal.code != "too_large":
        return answer

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        answer.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await _linger(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return closing


async def _linger(receive: Receive) -> None:
    """Throw away a little of what still comes: a client that is cut off while it sends reads no answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            for _ in range(_LINGER_PIECES):
                with suppress(Refusal):
                    message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
