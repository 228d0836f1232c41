"""A POST whose body is longer than memory should hold: the handler reads it piece by piece, and commits as it goes.

It needs an Idempotency-Key like every POST. No answer is kept for it: the handler knows by the key that it has begun
this upload before, and what it has taken in stays as it is.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from shared import idempotency
from shared.auth import Caller
from shared.errors import Refusal
from shared.openapi import deprecation
from shared.routing import Handler, Route, authenticate, guards_of
from shared.runtime import Runtime

NDJSON, CSV = "application/x-ndjson", "text/csv"


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on its way. `scope` is the digest of client, path and key."""

    scope: bytes
    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a handler of an upload returns."""

    answer: BaseModel
    location: str


class UploadRoute(Route):
    """A route for NDJSON or CSV of up to a gibibyte."""

    body_bytes = 1 << 30

    def get_route_handler(self) -> Handler:
        endpoint: Callable[[Runtime, Caller, Upload], Awaitable[TakenIn]] = self.endpoint
        guards = guards_of(self)
        status = self.status_code or 200

        async def answer(request: Request) -> Response:
            await authenticate(request, guards)
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media_type not in (NDJSON, CSV):
                raise Refusal(f"Send {NDJSON} or {CSV}.", code="unsupported_media_type")
            upload = Upload(idempotency.scope_of(request), media_type, request.stream())
            try:
                taken = await endpoint(request.app.state.runtime, request.state.caller, upload)
            except ClientDisconnect:  # nobody waits for the answer; what was committed stays
                raise Refusal(code="request_timeout") from None
            content = taken.answer.model_dump_json().encode()
            return Response(content, status, {"location": taken.location}, "application/json")

        return deprecation.announced(self.endpoint, answer)


def upload_router(prefix: str, tag: str) -> APIRouter:
    """Return a router for the uploads of a slice."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=UploadRoute)


def limits(routers: Sequence[APIRouter]) -> dict[bytes, int]:
    """Return for the path of each upload how long its body may be, in bytes."""
    routes: list[Any] = [route for each in routers for route in each.routes]
    return {route.path.encode(): route.body_bytes for route in routes if isinstance(route, UploadRoute)}
