"""The hot path of a write: parsed once, one statement, answered after its commit.

Where a standard route runs FastAPI's dependencies and an ORM session, this one calls the handler
with what it needs and writes the rows that it returns by shared.bundle. Same order, same
refusals, same idempotency as shared.routing; a contract test holds the two together.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from shared import bundle, clock, idempotency
from shared.auth import Caller
from shared.bulk.sqlite import Taken
from shared.bundle import Row
from shared.errors import Conflict, Refusal
from shared.idempotency import IdempotencyRecord
from shared.openapi import deprecation
from shared.routing import Handler, Route, authenticate, body_model_of, guards_of, parse
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Written:
    """What a hot handler returns: the rows of its effect, and the answer to give once they are committed."""

    case_key: str
    rows: list[Row]
    answer: BaseModel
    location: str


HotEndpoint = Callable[[Runtime, Caller, Any], Awaitable[Written]]


class HotRoute(Route):
    """A POST whose handler returns `Written`."""

    def get_route_handler(self) -> Handler:
        endpoint: HotEndpoint = self.endpoint
        guards = guards_of(self)
        model = body_model_of(self)
        if model is None:
            raise TypeError("A hot route takes a body.")
        status = self.status_code or 200

        async def answer(request: Request) -> Response:
            await authenticate(request, guards)
            runtime: Runtime = request.app.state.runtime
            caller: Caller = request.state.caller
            scope = idempotency.scope_of(request)
            body = await parse(request, model)
            digest = await idempotency.digest_of(request)
            try:
                written = await endpoint(runtime, caller, body)
                return await _write(runtime, written, scope, digest, status)
            except Taken:
                return await _replay(runtime, scope, digest, request, Conflict())
            except Refusal as refusal:  # of a repetition, perhaps: what is answered once stays answered
                return await _replay(runtime, scope, digest, request, refusal)

        return deprecation.announced(self.endpoint, answer)


async def _write(runtime: Runtime, written: Written, scope: bytes, digest: bytes, status: int) -> Response:
    content = written.answer.model_dump_json().encode()
    record = IdempotencyRecord(
        scope=scope,
        body_digest=digest,
        status=status,
        headers=f"location: {written.location}",
        answer=runtime.vault.seal(content, "idempotency", scope.hex()),
        created_at=clock.now(),
    )
    await bundle.insert(runtime.database, written.case_key, [bundle.row(record), *written.rows])
    return Response(content, status, {"location": written.location}, "application/json")


async def _replay(runtime: Runtime, scope: bytes, digest: bytes, request: Request, otherwise: Refusal) -> Response:
    async with runtime.database.work(write=False) as session:
        earlier = await session.get(IdempotencyRecord, scope)
    if earlier is None:
        raise otherwise
    return idempotency.replay(earlier, digest, request)


def hot_router(prefix: str, tag: str) -> APIRouter:
    """Return a router for the hot writes of a slice."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=HotRoute)
