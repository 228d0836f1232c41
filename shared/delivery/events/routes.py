"""HTTP of the feed."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request

from shared.auth import Allow, Caller
from shared.db import Session
from shared.delivery.events import service
from shared.delivery.events.schemas import AcknowledgementIn, AcknowledgementOut, Cursor, FeedOut
from shared.delivery.events.service import Door, Wish
from shared.paging import MAX_LIMIT
from shared.routing import router
from shared.shapes import Id

_Endpoint = Annotated[Id | None, Query(description="may be left out by who has one endpoint")]
_After = Annotated[Cursor | None, Query(description="a cursor of an earlier answer; from the beginning without")]
_Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many events, 1 to 100")]


def events(name: str, door: Door) -> APIRouter:
    """Return the router of a service's feeds."""
    made = router(f"/v1/{name}/events", "events")
    Reader = Annotated[Caller, Allow(f"{name}:read")]
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.get("", summary="Read your feed")
    async def index(
        request: Request,
        later: BackgroundTasks,
        caller: Reader,
        endpoint_id: _Endpoint = None,
        after: _After = None,
        limit: _Limit = 50,
    ) -> FeedOut:
        """Return what one of your endpoints was sent or, where you pull, what there is, oldest first.

        Go on from `next` as often as you like. An event keeps its place: one whose first send failed stands
        where that send was, so after a loss read from before it.
        """
        wish = Wish(endpoint_id, after, limit)
        return await service.read(request.app.state.runtime, door, caller, wish, later)

    @made.post("/acknowledge", summary="Acknowledge what you have read")
    async def acknowledge(
        request: Request, session: Session, caller: Writer, body: AcknowledgementIn
    ) -> AcknowledgementOut:
        """Say that everything up to a cursor is safe with you. For endpoints that pull."""
        count = await service.acknowledge(session, request.app.state.runtime, caller, body)
        return AcknowledgementOut(acknowledged=count)

    return made
