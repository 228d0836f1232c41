"""HTTP of the export."""

from typing import Annotated

from fastapi import Query, Request

from services.referral.hsds import service
from services.referral.hsds.schemas import HsdsOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router
from shared.shapes import State

routes = router("/v1/referral/agencies", "agencies")


@routes.get("/hsds", summary="Export the directory as HSDS 3", name="hsds")
async def show(
    request: Request,
    session: Session,
    caller: Annotated[Caller, Allow("referral:read")],
    state: Annotated[State | None, Query(description="who acts in this state, federal bodies included")] = None,
) -> HsdsOut:
    """Return the bodies in force as organizations of HSDS 3.0: no shelter's address or telephone, whoever asks."""
    return await service.export(session, request.app.state.runtime, caller, state)
