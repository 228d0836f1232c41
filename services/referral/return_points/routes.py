"""HTTP of return points."""

from datetime import date
from typing import Annotated

from fastapi import Query, Response

from services.referral.return_points import service, store
from services.referral.return_points.models import ReturnPoint
from services.referral.return_points.schemas import ReturnPointHistory, ReturnPointIn, ReturnPointOut
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.etags import IfMatch
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Country, Id

routes = router("/v1/referral/return-points", "returns")

Reader = Annotated[Caller, Allow("referral:read")]
Manager = Annotated[Caller, Allow("referral:write")]


@routes.get("", summary="List return points")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    country: Country | None = None,
    on: Annotated[date | None, Query(description="those in force on this day")] = None,
) -> Page[ReturnPointOut]:
    """List where countries receive children, with hours, notice and source; former ones too."""
    statement = store.of(store.readable(caller), country, on)
    rows = (await session.exec(paging.apply(statement, ReturnPoint.id))).all()
    return paging.page(rows, lambda row: service.show(caller, row))


@routes.post("", status_code=201, summary="Enter a return point")
async def enter(response: Response, session: Session, caller: Manager, body: ReturnPointIn) -> ReturnPointOut:
    """Enter a point with its source: INM's central office, or who runs the installation."""
    made = etags.shown(response, await service.enter(session, caller, body))
    response.headers["Location"] = f"/v1/referral/return-points/{made.id}"
    return made


@routes.get("/{return_point_id}", summary="Read a return point")
async def show(response: Response, session: Session, caller: Reader, return_point_id: Id) -> ReturnPointOut:
    return etags.shown(response, service.show(caller, await service.find(session, caller, return_point_id)))


@routes.put("/{return_point_id}", summary="Replace what a return point says")
async def replace(
    response: Response, session: Session, caller: Manager, return_point_id: Id, body: ReturnPointIn, if_match: IfMatch
) -> ReturnPointOut:
    """Let it say this from now on. What it said before stays in its history."""
    return etags.shown(response, await service.replace(session, caller, return_point_id, if_match, body))


@routes.get("/{return_point_id}/history", summary="Read what a return point said")
async def history(session: Session, caller: Reader, return_point_id: Id) -> ReturnPointHistory:
    """Return every version, oldest first."""
    return await service.history(session, caller, return_point_id)
