"""HTTP of the register's feed."""

from typing import Annotated

from fastapi import Query, Request

from services.intake.register import service
from services.intake.register.rules import READER
from services.intake.register.schemas import RegisterOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router

register = router("/v1/intake/sndif-register", "register")

Reader = Annotated[Caller, Allow("intake:read", READER)]
After = Annotated[str | None, Query(max_length=200, description="`next` of the call before; all, if left out")]
Limit = Annotated[int, Query(ge=1, le=100, description="how many children, 1 to 100")]


@register.get("", summary="Read what changed in SNDIF's register")
@audited_read
async def changed(
    request: Request, session: Session, caller: Reader, after: After = None, limit: Limit = 50
) -> RegisterOut:
    """Return unaccompanied children from abroad, new or changed, with their identity. Each reading is recorded."""
    return await service.read(session, request.app.state.runtime, caller, after, limit)
