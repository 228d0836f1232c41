"""HTTP of searches for relatives."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children.store import AUTHORITIES
from services.intake.tracing import service, store
from services.intake.tracing.models import Tracing
from services.intake.tracing.rules import TracingAction, TracingState
from services.intake.tracing.schemas import TracingFound, TracingIn, TracingItem, TracingOut, TracingStep
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

asked = router("/v1/intake/children", "families")
tracings = router("/v1/intake/tracings", "families")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]


@asked.post("/{child_id}/tracings", status_code=201, summary="Ask that a relative be looked for")
async def ask(
    request: Request, response: Response, session: Session, caller: Writer, child_id: Id, body: TracingIn
) -> TracingItem:
    """Take down whom the child looks for. Nothing is sent: who is of the state of origin is never asked here (R16)."""
    return etags.shown(response, await service.ask(session, request.app.state.runtime, caller, child_id, body))


@tracings.get("", summary="List searches for relatives")
async def index(
    session: Session, caller: Reader, paging: Pages, state: TracingState | None = None, child_id: Id | None = None
) -> Page[TracingItem]:
    """List the searches for children of the caller's state, newest first, without whom they are for."""
    statement = store.readable(caller)
    if state is not None:
        statement = statement.where(Tracing.state == state)
    if child_id is not None:
        statement = statement.where(Tracing.child_id == child_id)
    rows = (await session.exec(paging.apply(statement, Tracing.id))).all()
    shown = await service.items(session, rows)
    return paging.page(rows, lambda row: shown[row.id])


@tracings.get("/{tracing_id}", summary="Read a search for a relative")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, tracing_id: Id) -> TracingOut:
    """Return a search with what is known of the relative. The reading is recorded."""
    return etags.shown(response, await service.get(session, request.app.state.runtime, caller, tracing_id))


async def _move(
    request: Request, response: Response, session: Session, caller: Caller, tracing_id: str, if_match: str,
    action: TracingAction, body: TracingStep,
) -> TracingItem:  # fmt: skip
    runtime, found = request.app.state.runtime, body.found if isinstance(body, TracingFound) else None
    moved = await service.move(session, runtime, caller, tracing_id, if_match, action, body.officer, found)
    return etags.shown(response, moved)


@tracings.post("/{tracing_id}/find", summary="Record that a relative was found")
async def find(
    request: Request, response: Response, session: Session, caller: Writer, tracing_id: Id, if_match: etags.IfMatch,
    body: TracingFound,
) -> TracingItem:  # fmt: skip
    """Record that the relative was found. Whether the child meets them is for the Procuraduría to decide."""
    return await _move(request, response, session, caller, tracing_id, if_match, TracingAction.FIND, body)


@tracings.post("/{tracing_id}/give-up", summary="Record that a relative was not found")
async def give_up(
    request: Request, response: Response, session: Session, caller: Writer, tracing_id: Id, if_match: etags.IfMatch,
    body: TracingStep,
) -> TracingItem:  # fmt: skip
    """Record that the search found nobody. It can be reopened."""
    return await _move(request, response, session, caller, tracing_id, if_match, TracingAction.GIVE_UP, body)


@tracings.post("/{tracing_id}/withdraw", summary="Withdraw a search for a relative")
async def withdraw(
    request: Request, response: Response, session: Session, caller: Writer, tracing_id: Id, if_match: etags.IfMatch,
    body: TracingStep,
) -> TracingItem:  # fmt: skip
    """Stop, because the child no longer wishes it."""
    return await _move(request, response, session, caller, tracing_id, if_match, TracingAction.WITHDRAW, body)


@tracings.post("/{tracing_id}/reopen", summary="Reopen a search for a relative")
async def reopen(
    request: Request, response: Response, session: Session, caller: Writer, tracing_id: Id, if_match: etags.IfMatch,
    body: TracingStep,
) -> TracingItem:  # fmt: skip
    """Search again after nobody was found, or after the child has come back to it."""
    return await _move(request, response, session, caller, tracing_id, if_match, TracingAction.REOPEN, body)
