"""Every POST is safe to repeat: the key, the effect and the stored answer share one transaction.

draft-ietf-httpapi-idempotency-key-header-07. Keys belong to one client and one path. A request
that was refused leaves nothing behind, so it may be repeated with the same key.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock
from shared.db import UTCDateTime
from shared.errors import Refusal

_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KEPT_HEADERS = ("location", "etag")


class IdempotencyRecord(SQLModel, table=True):
    """One POST that took effect, and the sealed answer that a repetition gets again."""

    __tablename__ = "idempotency"

    scope: bytes = Field(primary_key=True, description="digest of client, path and key")
    body_digest: bytes
    status: int | None = None
    headers: str = ""
    answer: bytes = b""
    created_at: datetime = Field(sa_type=UTCDateTime, index=True)


@dataclass(slots=True)
class Claim:
    """A key that this request now holds, or the answer that it had earlier."""

    record: IdempotencyRecord
    request: Request
    stored: Response | None = None


def scope_of(request: Request) -> bytes:
    """Return the digest under which a request's key is kept. Raises Refusal when it has none."""
    return hashlib.sha256(_preimage(request)).digest()


def _preimage(request: Request) -> bytes:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Refusal(code="idempotency_key_required")
    return "\0".join((request.state.caller.client_id, request.url.path, key)).encode()


async def digest_of(request: Request) -> bytes:
    """Return a digest of the body that only the holder of the key can compare with a guess."""
    return hmac.digest(_preimage(request), await request.body(), hashlib.sha256)


async def claim(session: AsyncSession, request: Request, scope: bytes) -> Claim:
    """Take the request's key, or find the answer that it already led to."""
    digest = await digest_of(request)
    record = IdempotencyRecord(scope=scope, body_digest=digest, created_at=clock.now())
    try:
        # A rival with the same key waits here until the first has committed or rolled back.
        async with session.begin_nested():
            session.add(record)
    except IntegrityError:
        earlier = await session.get_one(IdempotencyRecord, scope)
        return Claim(earlier, request, replay(earlier, digest, request))
    return Claim(record, request)


def replay(earlier: IdempotencyRecord, digest: bytes, request: Request) -> Response:
    """Return the stored answer. Raises Refusal when the body is another one."""
    if earlier.body_digest != digest:
        raise Refusal(code="idempotency_key_reused")
    vault = request.app.state.runtime.vault
    body = vault.open(earlier.answer, "idempotency", earlier.scope.hex())
    headers = dict(line.split(": ", 1) for line in earlier.headers.splitlines())
    headers["Idempotent-Replayed"] = "true"
    return Response(body, earlier.status or 200, headers, "application/json")


def keep(held: Claim, response: Response) -> None:
    """Store the answer, sealed, beside the effect."""
    vault = held.request.app.state.runtime.vault
    held.record.status = response.status_code
    held.record.headers = "\n".join(
        f"{name}: {response.headers[name]}" for name in _KEPT_HEADERS if name in response.headers
    )
    held.record.answer = vault.seal(bytes(response.body), "idempotency", held.record.scope.hex())
