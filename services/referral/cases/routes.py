"""HTTP of cases: the list, the steps that are a case's own, representation, risk. The whole file is in `timeline`."""

from typing import Annotated

from fastapi import Header, Request, Response

from services.referral.cases import representation, service, store
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Part, Status
from services.referral.cases.schemas import (
    CaseOut,
    RepresentationEndIn,
    RepresentationIn,
    Representations,
    RiskIn,
    RiskOut,
    Risks,
    StepIn,
    fields,
)
from shared import audit, etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id, State

routes = router("/v1/referral/cases", "cases")

Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
Procuraduria = Annotated[Caller, Allow("referral:write", "PP")]
Represents = Annotated[Caller, Allow("referral:read", "PP")]
Carer = Annotated[Caller, Allow("referral:write", "PP", "DIF")]
CarerReads = Annotated[Caller, Allow("referral:read", "PP", "DIF")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


def show(response: Response, caller: Caller, case: Case) -> CaseOut:
    """Show one case with its ETag."""
    etags.show(response, case.version)
    return CaseOut.model_validate(fields(caller, case))


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@routes.get("", summary="List the cases of your territory, and those that you take part in")
async def index(
    session: Session, caller: Reader, paging: Pages, status: Status | None = None, state: State | None = None
) -> Page[CaseOut]:
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(store.stands(caller, status))
    if state is not None:
        statement = statement.where(Case.state == state)
    rows = (await session.exec(paging.apply(statement, Case.id))).all()
    return paging.page(rows, lambda case: CaseOut.model_validate(fields(caller, case)))


def _step(action: Action, summary: str) -> None:
    """Add the route of a step that is a case's own."""

    async def step(
        response: Response, session: Session, caller: Writer, case_id: Id, body: StepIn, if_match: IfMatch = None
    ) -> CaseOut:
        return show(response, caller, await service.step(session, caller, case_id, action, body, if_match=if_match))

    slug = action.value.replace("_", "-")
    routes.post(f"/{{case_id}}/{slug}", summary=summary, name=action.value)(step)


_step(Action.ADMIT, "Take the child into care")
_step(Action.BEGIN_RESTITUTION, "Set the plan of restitution to work")
_step(Action.REGULARISE, "Say that the child's stay was regularised")
_step(Action.REUNIFY, "Say that the child is with its family")
_step(Action.BEGIN_TRANSITION, "Begin the transition to adult life")
_step(Action.TAKE_UP, "Take the plan up again: the outcome did not hold")
_step(Action.RESUME, "Resume a reopened case")


@routes.post("/{case_id}/representation", status_code=201, summary="Appoint a legal representative")
async def represent(
    request: Request, response: Response, session: Session, caller: Procuraduria, case_id: Id, body: RepresentationIn,
    if_match: IfMatch = None,
) -> CaseOut:  # fmt: skip
    """Record who represents the child, in the place of whoever did. Only the Procuraduría of the territory may."""
    case = await service.taken(session, caller, case_id, if_match, Part.PP_HERE)
    await representation.represent(session, _vault(request), caller, case, body)
    return show(response, caller, case)


@routes.post("/{case_id}/representation/end", summary="End a legal representation")
async def end(
    response: Response, session: Session, caller: Procuraduria, case_id: Id, body: RepresentationEndIn,
    if_match: IfMatch = None,
) -> CaseOut:  # fmt: skip
    """End it: from the same moment the Procuraduría represents the child en suplencia (R26)."""
    case = await service.taken(session, caller, case_id, if_match, Part.PP_HERE)
    await representation.end_representation(session, caller, case, body)
    return show(response, caller, case)


@routes.get("/{case_id}/representations", summary="Read who has represented the child")
@audited_read
async def representations(request: Request, session: Session, caller: Represents, case_id: Id) -> Representations:
    """Return the whole history with names, to the Procuraduría of the territory. The reading is recorded."""
    case = await service.reads(session, caller, case_id, Part.PP_HERE)
    audit.read(session, caller, "representations", case.id)
    return Representations(items=await representation.representations(session, _vault(request), case))


@routes.post("/{case_id}/risk", status_code=201, summary="Say how much harm threatens the child")
async def assess(
    request: Request, session: Session, caller: Carer, case_id: Id, body: RiskIn, if_match: IfMatch = None
) -> RiskOut:
    """Record an assessment; the latest is the case's. With HIGH, refusals of referrals need a second party."""
    case = await service.taken(session, caller, case_id, if_match, Part.PP_HERE, Part.DIF_IN_CHARGE)
    return await representation.assess(session, _vault(request), caller, case, body)


@routes.get("/{case_id}/risks", summary="Read the assessments of risk")
@audited_read
async def risks(request: Request, session: Session, caller: CarerReads, case_id: Id) -> Risks:
    """Return every assessment, oldest first, to the Procuraduría and the DIF in charge. The reading is recorded."""
    case = await service.reads(session, caller, case_id, Part.PP_HERE, Part.DIF_IN_CHARGE)
    audit.read(session, caller, "risks", case.id)
    return Risks(items=await representation.risks(session, _vault(request), case))
