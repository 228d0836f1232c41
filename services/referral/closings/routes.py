"""HTTP of closing and reopening a case."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.cases.schemas import CaseOut, StepIn, fields
from services.referral.closings import service
from services.referral.closings.schemas import ClosingIn, ClosingOut, ClosingRefusalIn, Closings, ReopeningIn
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/cases", "closings")

Reader = Annotated[Caller, Allow("referral:read", "INM", "PP", "DIF")]
Asker = Annotated[Caller, Allow("referral:write", "PP", "DIF")]
Procuraduria = Annotated[Caller, Allow("referral:write", "PP")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@routes.post("/{case_id}/closings", status_code=201, summary="Ask that a case be closed")
async def ask(request: Request, session: Session, caller: Asker, case_id: Id, body: ClosingIn) -> ClosingOut:
    """Ask it once every item of the plan is met or reasoned. A supervisor of the Procuraduría decides (R25)."""
    return await service.ask(session, _vault(request), caller, case_id, body)


@routes.get("/{case_id}/closings", summary="Read how a case was closed and reopened")
@audited_read
async def index(request: Request, session: Session, caller: Reader, case_id: Id) -> Closings:
    """Return every request and every reopening, oldest first. The reading is recorded."""
    return await service.index(session, _vault(request), caller, case_id)


@routes.post("/{case_id}/closings/approve", summary="Approve that a case be closed")
async def approve(request: Request, session: Session, caller: Procuraduria, case_id: Id, body: StepIn) -> ClosingOut:
    """Close the case, as a supervisor and another officer than the one who asked."""
    return await service.approve(session, _vault(request), caller, case_id, body.officer)


@routes.post("/{case_id}/closings/refuse", summary="Refuse that a case be closed")
async def refuse(
    request: Request, session: Session, caller: Procuraduria, case_id: Id, body: ClosingRefusalIn
) -> ClosingOut:
    """Let the case go on, as a supervisor."""
    return await service.refuse(session, _vault(request), caller, case_id, body)


@routes.post("/{case_id}/closings/withdraw", summary="Withdraw a request to close a case")
async def withdraw(request: Request, session: Session, caller: Asker, case_id: Id, body: StepIn) -> ClosingOut:
    """Take the request back, as the agency that made it."""
    return await service.withdraw(session, _vault(request), caller, case_id, body.officer)


@routes.post("/{case_id}/reopen", summary="Reopen a closed case")
async def reopen(response: Response, session: Session, caller: Procuraduria, case_id: Id, body: ReopeningIn) -> CaseOut:
    """Let a closed case begin again, for a reason. It resumes where it was closed."""
    case = await service.reopen(session, caller, case_id, body)
    etags.show(response, case.version)
    return CaseOut.model_validate(fields(caller, case))
