"""HTTP of requests for correction."""

from typing import Annotated, Any

from fastapi import Request, Response

from services.intake.children.store import AUTHORITIES
from services.intake.corrections import service, store
from services.intake.corrections.models import Correction
from services.intake.corrections.rules import CorrectionState
from services.intake.corrections.schemas import (
    CorrectionIn,
    CorrectionItem,
    CorrectionOut,
    CorrectionRefusalIn,
    CorrectionStep,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

asking = router("/v1/intake/children", "corrections")
corrections = router("/v1/intake/corrections", "corrections")

_AS_ASKED: dict[str, Any] = {"response_model_exclude_unset": True}
"""A field that the request leaves alone is not shown: null would say that it shall become unknown."""

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]
Holder = Annotated[Caller, Allow("intake:write", "INM")]


@asking.post("/{child_id}/corrections", status_code=201, summary="Ask for a correction", **_AS_ASKED)
async def ask(
    request: Request, response: Response, session: Session, caller: Writer, child_id: Id, body: CorrectionIn
) -> CorrectionOut:
    """Take down what the child's representative asks for (LGPDPPSO 43, 45). INM decides next."""
    return etags.shown(response, await service.ask(session, request.app.state.runtime, caller, child_id, body))


@corrections.get("", summary="List requests for correction")
async def index(
    session: Session, caller: Reader, paging: Pages, state: CorrectionState | None = None, child_id: Id | None = None
) -> Page[CorrectionItem]:
    """List the requests about the children of the caller's state, newest first."""
    statement = store.readable(caller)
    if state is not None:
        statement = statement.where(Correction.state == state)
    if child_id is not None:
        statement = statement.where(Correction.child_id == child_id)
    rows = (await session.exec(paging.apply(statement, Correction.id))).all()
    return paging.page(rows, lambda row: service.item(caller, row))


@corrections.get("/{correction_id}", summary="Read a request for correction", **_AS_ASKED)
@audited_read
async def show(
    request: Request, response: Response, session: Session, caller: Reader, correction_id: Id
) -> CorrectionOut:
    """Return a request and what it asks for. The reading is recorded."""
    return etags.shown(response, await service.get(session, request.app.state.runtime, caller, correction_id))


@corrections.post("/{correction_id}/apply", summary="Apply a requested correction", **_AS_ASKED)
async def apply(
    request: Request,
    response: Response,
    session: Session,
    caller: Holder,
    correction_id: Id,
    if_match: etags.IfMatch,
    body: CorrectionStep,
) -> CorrectionOut:
    """Correct the child as asked. Facts that the guard goes by are confirmed by referral first."""
    runtime = request.app.state.runtime
    return etags.shown(response, await service.apply(session, runtime, caller, correction_id, if_match, body.officer))


@corrections.post("/{correction_id}/refuse", summary="Refuse a requested correction", **_AS_ASKED)
async def refuse(
    request: Request,
    response: Response,
    session: Session,
    caller: Holder,
    correction_id: Id,
    if_match: etags.IfMatch,
    body: CorrectionRefusalIn,
) -> CorrectionOut:
    """Refuse it, with the reason. The child stays as it is."""
    runtime = request.app.state.runtime
    done = await service.refuse(session, runtime, caller, correction_id, if_match, body.officer, body.refusal)
    return etags.shown(response, done)
