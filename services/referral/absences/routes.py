"""HTTP of absences, below their case."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.absences import service
from services.referral.absences.schemas import AbsenceIn, AbsenceOut, Absences, FoundIn, ReviewIn
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/cases", "absences")

Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]


@routes.post("/{case_id}/absences", status_code=201, summary="Report that a child left care or is missing")
async def report(
    request: Request, response: Response, session: Session, caller: Writer, case_id: Id, body: AbsenceIn
) -> AbsenceOut:
    """Anybody who may read the case may. Procuraduría and, for a missing child, Ministerio Público are told."""
    made = await service.report(session, request.app.state.runtime.vault, caller, case_id, body)
    etags.show(response, made.version)
    return made


@routes.get("/{case_id}/absences", summary="Read a case's absences")
@audited_read
async def index(request: Request, session: Session, caller: Reader, case_id: Id) -> Absences:
    """Return them, oldest first. The reading is recorded."""
    return Absences(items=await service.index(session, request.app.state.runtime.vault, caller, case_id))


@routes.post("/{case_id}/absences/{absence_id}/review", summary="Review the search")
async def review(
    request: Request, response: Response, session: Session, caller: Writer, case_id: Id, absence_id: Id, body: ReviewIn
) -> AbsenceOut:
    """Say what the search has found so far. The next review is due from then on."""
    done = await service.review(session, request.app.state.runtime.vault, caller, case_id, absence_id, body)
    etags.show(response, done.version)
    return done


@routes.post("/{case_id}/absences/{absence_id}/find", summary="Say that the child was found")
async def find(
    request: Request, response: Response, session: Session, caller: Writer, case_id: Id, absence_id: Id, body: FoundIn
) -> AbsenceOut:
    """Let the case go on where it stood; found in another state, under the authorities there."""
    done = await service.find(session, request.app.state.runtime.vault, caller, case_id, absence_id, body)
    etags.show(response, done.version)
    return done
