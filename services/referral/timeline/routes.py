"""HTTP of a case in one call, and of its timeline."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.timeline import service
from services.referral.timeline.schemas import CaseFileOut, EntryOut
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

routes = router("/v1/referral/cases", "cases")

Reader = Annotated[Caller, Allow("referral:read")]


@routes.get("/{case_id}", summary="Read a case: its referrals, its clocks, who leads and who owes what next")
async def file(response: Response, session: Session, caller: Reader, case_id: Id) -> CaseFileOut:
    """Return one case as far as you may see it."""
    found = await service.file(session, caller, case_id)
    etags.show(response, found.version)
    return found


@routes.get("/{case_id}/timeline", summary="Read everything that happened in a case, in order")
async def timeline(request: Request, caller: Reader, case_id: Id, paging: Pages) -> Page[EntryOut]:
    """Page through what happened, oldest first: the lines that you may read. Lines never change."""
    rows = await service.page(request.app.state.runtime.database, caller, case_id, paging)
    return paging.page(rows, service.show)
