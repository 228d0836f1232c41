"""A consulate's own server: real HTTP, checked with the public `standardwebhooks` package, not with ours."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Consulate:
    """Keeps each message once by its id, and counts how often each came."""

    secret: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    bytes_seen: int = 0
    url: str = ""
    _server: uvicorn.Server | None = None
    _running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Consulate":
        app = Starlette(routes=[Route("/hook", self._receive, methods=["POST", "OPTIONS"])])
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._running = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._running is not None
        self._server.should_exit = True
        await self._running

    async def keep(self, secret: str) -> None:
        self.secret = secret

    async def _receive(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers={"WebHook-Allowed-Origin": request.headers["webhook-request-origin"]})
        if not self.secret:  # the challenge came before its secret had been put in place
            return Response(status_code=503)
        body = await request.body()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.refused += 1
            self.bytes_seen += len(body)
            return Response(status_code=401)
        message_id, message = request.headers["webhook-id"], json.loads(body)
        if message["type"] == "endpoint.challenge":
            return JSONResponse({"challenge": message["data"]["challenge"]})
        self.bytes_seen += len(body)
        self.messages.setdefault(message_id, message)
        self.times[message_id] = self.times.get(message_id, 0) + 1
        return Response(status_code=204)

    async def message(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Return a message that has arrived, if any."""
        return next((each for each in self.messages.values() if wanted(each)), None)
