"""HTTP of what is due."""

from typing import Annotated

from services.referral.clocks import store
from shared.auth import Allow, Caller
from shared.clocks.rules import ClockState
from shared.clocks.schemas import ClockOut
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router

routes = router("/v1/referral/clocks", "clocks")


@routes.get("", summary="List what your agency owes, soonest due first")
async def index(
    session: Session,
    caller: Annotated[Caller, Allow("referral:read")],
    paging: Pages,
    state: ClockState | None = None,
) -> Page[ClockOut]:
    return paging.page(await store.due(session, caller, paging, state), ClockOut.model_validate)
