"""HTTP of lodging."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children.models import Child
from services.intake.lodging import service, store
from services.intake.lodging.models import Stay
from services.intake.lodging.rules import StayStatus
from services.intake.lodging.schemas import StayEndIn, StayIn, StayItem, StayOut, StayVoidIn, Unlodged
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

lodging = router("/v1/intake/lodging", "lodging")

Reader = Annotated[Caller, Allow("intake:read", *store.READERS)]
Writer = Annotated[Caller, Allow("intake:write", *store.READERS)]
Seeker = Annotated[Caller, Allow("intake:read", "PP", "DIF")]


@lodging.post("", status_code=201, summary="Record where a child sleeps")
async def record(request: Request, response: Response, session: Session, caller: Writer, body: StayIn) -> StayOut:
    """Record a stay. Migration stations are refused (R1), and so is separating a family without a decision (R12)."""
    return etags.shown(response, await service.record(session, request.app.state.runtime, caller, body))


@lodging.get("", summary="List where children sleep")
async def index(
    session: Session, caller: Reader, paging: Pages, status: StayStatus | None = None, child_id: Id | None = None
) -> Page[StayItem]:
    """List stays of the children of the caller's state, newest first, without the places."""
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(Stay.status == status)
    if child_id is not None:
        statement = statement.where(Stay.child_id == child_id)
    rows = (await session.exec(paging.apply(statement, Stay.id))).all()
    return paging.page(rows, service.item)


@lodging.get("/unknown", summary="List the children of whom nobody says where they sleep")
async def unknown(session: Session, caller: Seeker, paging: Pages) -> Page[Unlodged]:
    """List children who were met and who sleep, as far as is recorded, nowhere: for their state's DIF and PP."""
    rows = (await session.exec(paging.apply(store.unlodged(caller), Child.id))).all()
    shown = await service.unlodged(session, rows)
    return paging.page(rows, lambda row: shown[row.id])


@lodging.get("/{stay_id}", summary="Read where a child sleeps")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, stay_id: Id) -> StayOut:
    """Return a stay with its place. R31 withholds that of a civil-society shelter from INM's enforcement."""
    return etags.shown(response, await service.get(session, request.app.state.runtime, caller, stay_id))


@lodging.post("/{stay_id}/end", summary="End a stay")
async def end(
    request: Request, response: Response, session: Session, caller: Writer, stay_id: Id, if_match: etags.IfMatch,
    body: StayEndIn,
) -> StayOut:  # fmt: skip
    """Say that the child no longer sleeps there, and why. Unless that settles it, the child is then sought."""
    return etags.shown(response, await service.end(session, request.app.state.runtime, caller, stay_id, if_match, body))


@lodging.post("/{stay_id}/void", summary="Void a stay that was recorded by mistake")
async def void(
    request: Request, response: Response, session: Session, caller: Writer, stay_id: Id, if_match: etags.IfMatch,
    body: StayVoidIn,
) -> StayOut:  # fmt: skip
    """Say that it was never true. It is kept, and counts for nothing."""
    done = await service.void(session, request.app.state.runtime, caller, stay_id, if_match, body.officer)
    return etags.shown(response, done)
