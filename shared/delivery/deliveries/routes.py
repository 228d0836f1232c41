"""HTTP of deliveries, for receivers and for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.auth import Allow, Caller
from shared.db import Session
from shared.delivery.deliveries import service, store
from shared.delivery.deliveries.schemas import (
    DeliveryOut,
    DeliveryWithAttempts,
    EventType,
    ReplayIn,
    ReplayOut,
    ShownState,
    SkipIn,
)
from shared.delivery.deliveries.store import Wanted
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id, Past

Since = Annotated[Past | None, Query(description="first sent at that moment or later")]
Stuck = Annotated[bool, Query(description="true: only what was tried again and again, and holds up its case")]


def deliveries(name: str) -> APIRouter:
    """Return the router `deliveries` of a service."""
    made = router(f"/v1/{name}/deliveries", "deliveries")
    _add_reading(made, name)
    _add_repeating(made, name)
    return made


def _add_reading(made: APIRouter, name: str) -> None:
    Reader = Annotated[Caller, Allow(f"{name}:read")]

    @made.get("", summary="List deliveries")
    async def index(
        session: Session,
        caller: Reader,
        paging: Pages,
        endpoint_id: Id | None = None,
        state: ShownState | None = None,
        event_type: EventType | None = None,
        since: Since = None,
        stuck: Stuck = False,
    ) -> Page[DeliveryOut]:
        wanted = Wanted(endpoint_id, state, event_type, since, stuck)
        return paging.page(await store.page(session, caller, paging, wanted), service.show)

    @made.get("/{delivery_id}", summary="Read a delivery with its attempts")
    async def show(session: Session, caller: Reader, delivery_id: Id) -> DeliveryWithAttempts:
        return await service.read(session, caller, delivery_id)


def _add_repeating(made: APIRouter, name: str) -> None:
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.post("/replay", status_code=202, summary="Send an endpoint once more what it has received")
    async def replay(session: Session, caller: Writer, body: ReplayIn) -> ReplayOut:
        """Repeat the same events in the same bytes, at most 20 a second; what is new comes in between."""
        return await service.replay(session, caller, body)

    @made.post("/{delivery_id}/resend", status_code=202, summary="Send an event once more, at once")
    async def resend(session: Session, caller: Writer, delivery_id: Id) -> DeliveryOut:
        """Return the delivery that follows: a new one of the same event, or this one if it is still owed."""
        return await service.resend(session, caller, delivery_id)

    @made.post("/{delivery_id}/skip", summary="Let an event go, so that its case goes on")
    async def skip(session: Session, caller: Writer, delivery_id: Id, body: SkipIn) -> DeliveryOut:
        """The reason is kept in the audit."""
        return await service.skip(session, caller, delivery_id, body.reason)
