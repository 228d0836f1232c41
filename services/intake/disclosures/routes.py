"""HTTP of disclosures: for referral alone."""

from typing import Annotated

from fastapi import Request

from services.intake.disclosures import service
from services.intake.disclosures.schemas import DisclosedOut, DisclosureIn
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import internal_router
from shared.shapes import Id

disclosures = internal_router("/children")
Guard = Annotated[Caller, Allow("disclosures:read", "SERVICE")]


@disclosures.post("/{child_id}/disclosure", response_model=None)
async def disclose(request: Request, session: Session, caller: Guard, child_id: Id, body: DisclosureIn) -> DisclosedOut:
    """Return the listed fields of a child to referral, for one reader of one referral."""
    return await service.disclose(session, request.app.state.runtime, caller, child_id, body)
