"""HTTP of cases. One case with its referrals is in `referrals.routes`, which knows both."""

from typing import Annotated

from services.referral.cases import store
from services.referral.cases.models import Case
from services.referral.cases.rules import Status
from services.referral.cases.schemas import CaseOut, fields
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import State

routes = router("/v1/referral/cases", "cases")


@routes.get("", summary="List the cases of your territory, and those that you take part in")
async def index(
    session: Session,
    caller: Annotated[Caller, Allow("referral:read")],
    paging: Pages,
    status: Status | None = None,
    state: State | None = None,
) -> Page[CaseOut]:
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(Case.status == status)
    if state is not None:
        statement = statement.where(Case.state == state)
    rows = (await session.exec(paging.apply(statement, Case.id))).all()
    return paging.page(rows, lambda case: CaseOut.model_validate(fields(caller, case)))
