"""Events of sister services come in here: signed, and each takes effect once."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, jsons, telemetry
from shared.db import UTCDateTime
from shared.delivery import signing
from shared.errors import Conflict, Invalid, Refusal, Unauthenticated, Unavailable

PATH = "/internal/events"


class InboxRecord(SQLModel, table=True):
    """An event that has taken effect here, in the transaction of that effect."""

    __tablename__ = "inbox"

    event_id: str = Field(primary_key=True)
    source: str
    digest: bytes
    received_at: datetime = Field(sa_type=UTCDateTime)


class Message(BaseModel):
    """An event as it travels. Fields may be added to it; none is ever removed."""

    model_config = ConfigDict(extra="ignore")

    id: str
    type: str
    version: int
    time: AwareDatetime
    data: dict[str, Any]


Handler = Callable[[AsyncSession, Message], Awaitable[None]]


def inbox(secrets: Mapping[str, str | list[str]], handlers: Mapping[str, Handler]) -> APIRouter:
    """Return the route that takes events in. Its authentication is the signature.

    `secrets` has one secret for each sister, or a list of them: while it is replaced, either is believed.
    """
    router = APIRouter()
    keys = {source: [secret] if isinstance(secret, str) else secret for source, secret in secrets.items()}

    @router.post(PATH, include_in_schema=False)
    async def receive(request: Request) -> dict[str, str]:
        body = await request.body()
        source = _source(dict(request.headers), body, keys)
        message = _parse(body)
        telemetry.note(message=message.id, message_type=message.type)
        handler = handlers.get(message.type)
        if handler is None:
            raise Unavailable("This version does not know this type of event yet.", retry_after=30)
        async with request.app.state.runtime.database.work() as session:
            if await _is_new(session, source, message.id, hashlib.sha256(body).digest()):
                await _handle(handler, session, message)
        return {"status": "received"}

    return router


async def _handle(handler: Handler, session: AsyncSession, message: Message) -> None:
    try:
        await handler(session, message)
    except ValidationError:
        raise Invalid("The event's data is not of its documented shape.") from None


def _source(headers: Mapping[str, str], body: bytes, keys: Mapping[str, list[str]]) -> str:
    for source, of_source in keys.items():
        try:
            signing.verify(headers, body, of_source)
        except signing.BadSignature:
            continue
        return source
    raise Unauthenticated


def _parse(body: bytes) -> Message:
    try:
        return Message.model_validate(jsons.loads(body))
    except jsons.BadJson:
        raise Refusal(code="malformed_json") from None
    except ValidationError:
        raise Invalid from None


async def _is_new(session: AsyncSession, source: str, event_id: str, digest: bytes) -> bool:
    record = InboxRecord(event_id=event_id, source=source, digest=digest, received_at=clock.now())
    try:
        # The same event a second time waits here until the first has committed or rolled back.
        async with session.begin_nested():
            session.add(record)
        return True
    except IntegrityError:
        known = await session.get_one(InboxRecord, event_id)
    if known.digest != digest:
        raise Conflict("The same event came earlier with another body.")
    return False
