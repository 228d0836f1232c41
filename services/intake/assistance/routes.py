"""HTTP of assistance."""

from typing import Annotated

from services.intake.assistance import store
from services.intake.assistance.models import Assistance
from services.intake.assistance.schemas import AssistanceOut
from services.intake.children.store import AUTHORITIES
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

assistance = router("/v1/intake/assistance", "assistance")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]


@assistance.get("", summary="List the help that was given")
async def index(
    session: Session, caller: Reader, paging: Pages, encounter_id: Id | None = None, child_id: Id | None = None
) -> Page[AssistanceOut]:
    """List help given or declined in the caller's state, newest first."""
    statement = store.readable(caller)
    if encounter_id is not None:
        statement = statement.where(Assistance.encounter_id == encounter_id)
    if child_id is not None:
        statement = statement.where(Assistance.child_id == child_id)
    rows = (await session.exec(paging.apply(statement, Assistance.id))).all()
    return paging.page(rows, AssistanceOut.model_validate)
