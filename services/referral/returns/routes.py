"""HTTP of returns."""

from typing import Annotated

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel

from services.referral.returns import service, store
from services.referral.returns.models import AssistedReturn
from services.referral.returns.rules import ReturnAction, ReturnState
from services.referral.returns.schemas import (
    ReceptionIn,
    ReturnAssessmentIn,
    ReturnCancelIn,
    ReturnDecisionIn,
    ReturnFailureIn,
    ReturnIn,
    ReturnOut,
    ReturnPlanIn,
    ReturnStepIn,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/returns", "returns")

Reader = Annotated[Caller, Allow("referral:read", "INM", "PP", "DIF")]
Authority = Annotated[Caller, Allow("referral:write", "INM", "PP")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@routes.post("", status_code=201, summary="Propose an assisted return")
async def propose(
    request: Request, response: Response, session: Session, caller: Authority, body: ReturnIn
) -> ReturnOut:
    """INM or the Procuraduría of the territory may. The Procuraduría assesses next."""
    made = etags.shown(response, await service.propose(session, _vault(request), caller, body))
    response.headers["Location"] = f"/v1/referral/returns/{made.id}"
    return made


@routes.get("", summary="List returns")
@audited_read
async def index(
    request: Request,
    session: Session,
    caller: Reader,
    paging: Pages,
    state: ReturnState | None = None,
    case_id: Annotated[Id | None, Query()] = None,
) -> Page[ReturnOut]:
    """List those of your territory, or of the children in your care. The reading is recorded."""
    statement = store.readable(caller)
    for column, wanted in ((AssistedReturn.state, state), (AssistedReturn.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, AssistedReturn.id))).all()
    found = {each.id: each for each in await service.shown(session, _vault(request), caller, rows[: paging.limit])}
    return paging.page(rows, lambda row: found[row.id])


@routes.get("/{return_id}", summary="Read a return")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, return_id: Id) -> ReturnOut:
    """Return a return and what stands in its way now. The reading is recorded."""
    return etags.shown(response, await service.get(session, _vault(request), caller, return_id))


async def _act(
    request: Request, response: Response, session: Session, caller: Caller, return_id: str, action: ReturnAction,
    body: BaseModel, if_match: str | None,
) -> ReturnOut:  # fmt: skip
    done = await service.act(session, _vault(request), caller, return_id, action, body, if_match=if_match)
    return etags.shown(response, done)


@routes.post("/{return_id}/assess", summary="Assess the danger, and hear the child")
async def assess(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnAssessmentIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """As the Procuraduría of the territory; anew at any time before the departure: what followed is then void."""
    return await _act(request, response, session, caller, return_id, ReturnAction.ASSESS, body, if_match)


@routes.post("/{return_id}/concur", summary="Concur, as the Procuraduría")
async def concur(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnStepIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """INM decides next."""
    return await _act(request, response, session, caller, return_id, ReturnAction.CONCUR, body, if_match)


@routes.post("/{return_id}/authorise", summary="Record INM's decision")
async def authorise(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnDecisionIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """Following the plan, once the Procuraduría has concurred (LM 112-III)."""
    return await _act(request, response, session, caller, return_id, ReturnAction.AUTHORISE, body, if_match)


@routes.post("/{return_id}/plan", summary="Plan the hand-over")
async def plan(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnPlanIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """Where, when, with which escort, accepted by whom: each is refused by its rule (R21) if it is missing."""
    return await _act(request, response, session, caller, return_id, ReturnAction.PLAN, body, if_match)


@routes.post("/{return_id}/depart", summary="Record that the child departed")
async def depart(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnStepIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """Everything is looked at once more."""
    return await _act(request, response, session, caller, return_id, ReturnAction.DEPART, body, if_match)


@routes.post("/{return_id}/receive", summary="Record that the child was received")
async def receive(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReceptionIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """The case has its outcome, and the official tables count the return."""
    return await _act(request, response, session, caller, return_id, ReturnAction.RECEIVE, body, if_match)


@routes.post("/{return_id}/fail", summary="Record that the child came back")
async def fail(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnFailureIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """The case goes on where it stood. A need of protection closes the guard."""
    return await _act(request, response, session, caller, return_id, ReturnAction.FAIL, body, if_match)


@routes.post("/{return_id}/cancel", summary="Call a return off")
async def cancel(
    request: Request, response: Response, session: Session, caller: Authority, return_id: Id, body: ReturnCancelIn,
    if_match: IfMatch = None,
) -> ReturnOut:  # fmt: skip
    """Before the child departs."""
    return await _act(request, response, session, caller, return_id, ReturnAction.CANCEL, body, if_match)
