"""HTTP of external ids."""

from typing import Annotated

from fastapi import Request

from services.intake.children.store import AUTHORITIES
from services.intake.identifiers import service
from services.intake.identifiers.schemas import ExternalIdIn, ExternalIdOut, ExternalIds
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

identifiers = router("/v1/intake/children", "children")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]


@identifiers.post("/{child_id}/external-ids", status_code=201, summary="Record a number of another system")
async def add(request: Request, session: Session, caller: Writer, child_id: Id, body: ExternalIdIn) -> ExternalIdOut:
    """Record a number. Another child who has it is named only where you may read that child."""
    return await service.add(session, request.app.state.runtime, caller, child_id, body)


@identifiers.get("/{child_id}/external-ids", summary="List the numbers of other systems")
@audited_read
async def index(request: Request, session: Session, caller: Reader, child_id: Id) -> ExternalIds:
    """Return the numbers that other systems know the child by. The reading is recorded."""
    return await service.index(session, request.app.state.runtime, caller, child_id)
