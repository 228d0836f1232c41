"""HTTP of screenings."""

from typing import Annotated

from fastapi import Request

from services.intake.children.store import AUTHORITIES
from services.intake.screenings import service
from services.intake.screenings.schemas import ScreeningIn, ScreeningOut, Screenings
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

screenings = router("/v1/intake/children", "children")

Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]
Representative = Annotated[Caller, Allow("intake:read", "PP")]


@screenings.post("/{child_id}/screenings", status_code=201, summary="Record a screening")
async def record(request: Request, session: Session, caller: Writer, child_id: Id, body: ScreeningIn) -> ScreeningOut:
    """Record what was found. Any sign closes the guard before this answers; 503 when nobody could confirm that."""
    return await service.record(session, request.app.state.runtime, caller, child_id, body)


@screenings.get("/{child_id}/screenings", summary="Read the screenings of a child")
@audited_read
async def index(request: Request, session: Session, caller: Representative, child_id: Id) -> Screenings:
    """Return what was found to the Procuraduría, which represents the child, and to nobody else."""
    return await service.index(session, request.app.state.runtime, caller, child_id)
