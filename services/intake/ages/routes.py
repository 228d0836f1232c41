"""HTTP of age decisions."""

from typing import Annotated

from fastapi import Request

from services.intake.ages import service
from services.intake.ages.schemas import AgeDecisionIn, AgeDecisionOut, AgeDecisions
from services.intake.children.store import AUTHORITIES
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

ages = router("/v1/intake/children", "children")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Procuraduria = Annotated[Caller, Allow("intake:write", "PP")]


@ages.post("/{child_id}/age-decisions", status_code=201, summary="Decide on an age in doubt")
async def decide(
    request: Request, session: Session, caller: Procuraduria, child_id: Id, body: AgeDecisionIn
) -> AgeDecisionOut:
    """Take down the Procuraduría's decision: without one no estimate makes anybody an adult (R3)."""
    return await service.decide(session, request.app.state.runtime, caller, child_id, body)


@ages.get("/{child_id}/age-decisions", summary="List the decisions on an age")
@audited_read
async def index(session: Session, caller: Reader, child_id: Id) -> AgeDecisions:
    """Return the decisions on a child's age and who approved them. The reading is recorded."""
    return await service.index(session, caller, child_id)
