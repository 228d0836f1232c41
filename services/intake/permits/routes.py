"""HTTP of permits."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children.store import AUTHORITIES
from services.intake.permits import service, store
from services.intake.permits.models import HumanitarianPermit
from services.intake.permits.rules import PermitAction, PermitStatus
from services.intake.permits.schemas import (
    CarerFindingIn,
    CarerLinkIn,
    PermitEndIn,
    PermitIn,
    PermitItem,
    PermitOut,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

permits = router("/v1/intake/permits", "permits")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Granter = Annotated[Caller, Allow("intake:write", "INM")]
Finder = Annotated[Caller, Allow("intake:write", "PP")]


@permits.post("", status_code=201, summary="Grant a humanitarian permit")
async def grant(request: Request, response: Response, session: Session, caller: Granter, body: PermitIn) -> PermitOut:
    """Record the permit that every foreign child gets at once. A fee, a document or an expiry is refused (R8)."""
    return etags.shown(response, await service.grant(session, request.app.state.runtime, caller, body))


@permits.get("", summary="List permits")
async def index(
    session: Session, caller: Reader, paging: Pages, status: PermitStatus | None = None, child_id: Id | None = None
) -> Page[PermitItem]:
    """List the permits of the children of the caller's state, newest first, without their cards."""
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(HumanitarianPermit.status == status)
    if child_id is not None:
        statement = statement.where(HumanitarianPermit.child_id == child_id)
    rows = (await session.exec(paging.apply(statement, HumanitarianPermit.id))).all()
    shown = await service.items(session, caller, rows)
    return paging.page(rows, lambda row: shown[row.id])


@permits.get("/{permit_id}", summary="Read a permit")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, permit_id: Id) -> PermitOut:
    """Return a permit with what stands on its card. The reading is recorded."""
    return etags.shown(response, await service.get(session, request.app.state.runtime, caller, permit_id))


@permits.post("/{permit_id}/end", summary="End a permit by the migration act that follows it")
async def end(
    request: Request, response: Response, session: Session, caller: Granter, permit_id: Id, if_match: etags.IfMatch,
    body: PermitEndIn,
) -> PermitOut:  # fmt: skip
    """End it by the act that the child's protection measures call for. Nothing else ends it (R8)."""
    done = await service.end(session, request.app.state.runtime, caller, permit_id, if_match, body)
    return etags.shown(response, done)


@permits.post("/{permit_id}/link-carer", summary="Cover the child's carer by the permit")
async def link_carer(
    request: Request, response: Response, session: Session, caller: Granter, permit_id: Id, if_match: etags.IfMatch,
    body: CarerLinkIn,
) -> PermitOut:  # fmt: skip
    """Extend the permit to the adult who cares for the child, unless the Procuraduría excluded that adult (R9)."""
    done = await service.link(session, request.app.state.runtime, caller, permit_id, if_match, body)
    return etags.shown(response, done)


@permits.post("/{permit_id}/exclude-carer", summary="Exclude the carer from the permit")
async def exclude_carer(
    request: Request, response: Response, session: Session, caller: Finder, permit_id: Id, if_match: etags.IfMatch,
    body: CarerFindingIn,
) -> PermitOut:  # fmt: skip
    """Take down that the Procuraduría found the adult contrary to the child's best interests (R9)."""
    runtime, action = request.app.state.runtime, PermitAction.EXCLUDE_CARER
    return etags.shown(response, await service.find(session, runtime, caller, permit_id, if_match, action, body))


@permits.post("/{permit_id}/restore-carer", summary="Cover an excluded carer again")
async def restore_carer(
    request: Request, response: Response, session: Session, caller: Finder, permit_id: Id, if_match: etags.IfMatch,
    body: CarerFindingIn,
) -> PermitOut:  # fmt: skip
    """Take down that the Procuraduría's finding on the adult no longer stands."""
    runtime, action = request.app.state.runtime, PermitAction.RESTORE_CARER
    return etags.shown(response, await service.find(session, runtime, caller, permit_id, if_match, action, body))
