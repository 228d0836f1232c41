"""Stands in for the systems of consulates and agencies: receives webhooks, checks them, shows them.

It verifies Standard Webhooks signatures with the standard library alone, as a partner's own
programmer would, so it is also the proof that our signatures need nothing of ours.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.inbox import Inbox, Message
from sandbox.inbox_page import page

TOLERANCE_SECONDS = 5 * 60
HANG_SECONDS = 60.0  # longer than any sender waits
MODES = ("ok", "down", "hang")


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Return why a message must not be believed, or an empty string when it may."""
    message_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not sent.isdecimal():
        return "webhook-id or webhook-timestamp is missing or malformed"
    if abs(now - int(sent)) > TOLERANCE_SECONDS:
        return "webhook-timestamp is more than 5 minutes off"
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return "no usable secret is registered here"
    digest = hmac.digest(key, f"{message_id}.{sent}.".encode() + body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    # Several signatures stand side by side while a secret is being replaced; one of them is enough.
    offered = headers.get("webhook-signature", "").encode().split()
    if not any(hmac.compare_digest(expected, signature) for signature in offered):
        return "webhook-signature does not match"
    return ""


def challenge_of(body: bytes) -> str:
    """Return what a verified message asks to be sent back, so that its sender knows whose address this is."""
    try:
        event = json.loads(body)
        return str(event["data"]["challenge"]) if event["type"] == "endpoint.challenge" else ""
    except (ValueError, KeyError, TypeError):
        return ""


class Receiver:
    """One inbox for any number of partners, each under a name of its own: /hooks/<name>."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def app(self) -> Starlette:
        """The web application."""
        hook = "/hooks/{name}"
        return Starlette(
            routes=[
                Route("/", self.show, methods=["GET"]),
                Route("/livez", self.live, methods=["GET"]),
                Route("/readyz", self.live, methods=["GET"]),
                Route(hook, self.consent, methods=["OPTIONS"]),
                Route(hook, self.receive, methods=["POST"]),
                Route(hook, self.list, methods=["GET"]),
                Route(hook + "/secret", self.set_secret, methods=["PUT"]),
                Route(hook + "/mode", self.set_mode, methods=["PUT"]),
            ]
        )

    async def consent(self, request: Request) -> Response:
        """Agree to be sent events (CloudEvents webhooks, 4). A real receiver agrees to the origins that it knows."""
        origin = request.headers.get("webhook-request-origin", "")
        return Response(headers={"Allow": "OPTIONS, POST", "WebHook-Allowed-Origin": origin})

    async def receive(self, request: Request) -> Response:
        """Take a message in; answered 200 only once it is on disk. A challenge is answered with itself."""
        name, body = request.path_params["name"], await request.body()
        mode = self._inbox.mode(name)
        if mode == "hang":
            mode = await self._hang(name)
        if mode != "ok":
            status = int(mode.removeprefix("status:")) if mode.startswith("status:") else 503
            return PlainTextResponse(f"This endpoint is set to '{mode}'.", status)
        secret = self._inbox.secret(name)
        reason = verify(secret, request.headers, body, time.time()) if secret else "no secret is registered here"
        if challenge := challenge_of(body):
            if not reason:
                return JSONResponse({"challenge": challenge})
            if not secret:  # it came before its secret had been put in place: it will come again
                return PlainTextResponse(reason, 401)
        self._inbox.add(
            Message(
                name=name,
                id=request.headers.get("webhook-id", ""),
                verified=not reason,
                reason=reason,
                timestamp=request.headers.get("webhook-timestamp", ""),
                body=body.decode(errors="replace"),
            )
        )
        return PlainTextResponse(reason, 401) if reason else Response(status_code=200)

    async def _hang(self, name: str) -> str:
        """Keep the sender waiting until the mode changes or it has surely gone; returns the mode then."""
        waited = 0.0
        while self._inbox.mode(name) == "hang" and waited < HANG_SECONDS:
            await asyncio.sleep(0.1)
            waited += 0.1
        return self._inbox.mode(name)

    async def list(self, request: Request) -> Response:
        """What one partner received, oldest first."""
        messages = self._inbox.messages(request.path_params["name"])
        return JSONResponse({"items": [message.to_json() for message in messages]})

    async def set_secret(self, request: Request) -> Response:
        """Register the secret to verify with; the body is the secret itself."""
        secret = (await request.body()).decode(errors="replace").strip().strip('"')
        if not secret.startswith("whsec_"):
            return PlainTextResponse("A secret starts with whsec_.", 422)
        self._inbox.set_secret(request.path_params["name"], secret)
        return Response(status_code=204)

    async def set_mode(self, request: Request) -> Response:
        """Choose how to answer: ok, down (503), hang, or status:NNN; the body is the mode itself."""
        mode = (await request.body()).decode(errors="replace").strip().strip('"')
        number = mode.removeprefix("status:")
        if mode not in MODES and not (number != mode and number.isdecimal() and 200 <= int(number) <= 599):
            return PlainTextResponse("A mode is ok, down, hang, or status:NNN with NNN from 200 to 599.", 422)
        self._inbox.set_mode(request.path_params["name"], mode)
        return Response(status_code=204)

    async def show(self, request: Request) -> Response:
        """A page for people."""
        return HTMLResponse(
            page(self._inbox.messages()),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    async def live(self, request: Request) -> Response:
        """This process answers, so it lives; it needs nothing else to be ready."""
        return JSONResponse({"status": "ok", "service": "receiver", "pid": os.getpid()})


def main() -> None:
    """Serve until told to stop."""
    receiver = Receiver(Inbox(Path(os.environ["RUTA_INBOX_FILE"])))
    uvicorn.run(
        receiver.app(),
        host=os.environ["RUTA_HOST"],
        port=int(os.environ["RUTA_PORT"]),
        log_level="warning",
        timeout_graceful_shutdown=1,  # a hanging endpoint must not keep the system from stopping
    )


if __name__ == "__main__":
    main()
