"""HTTP of children."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children import service, store
from services.intake.children.models import ChildChange
from services.intake.children.schemas import ChangeOut, ChildOut, ChildPatch, Facts
from shared import audit, etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.errors import NotFound
from shared.paging import Page, Pages
from shared.routing import audited_read, internal_router, router
from shared.shapes import Id

children = router("/v1/intake/children", "children")
internal = internal_router("/children")

Reader = Annotated[Caller, Allow("intake:read", *store.AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", "INM")]
Guard = Annotated[Caller, Allow("facts:read", "SERVICE")]


@children.get("/{child_id}", summary="Read a child")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, child_id: Id) -> ChildOut:
    """Return the child with its identity. The reading is recorded."""
    child = await service.get(session, caller, child_id)
    etags.show(response, child.version)
    return await service.show(session, service.keyring_of(request.app.state.runtime), caller, child)


@children.get("/{child_id}/history", summary="List the changes of a child")
@audited_read
async def history(request: Request, session: Session, caller: Reader, paging: Pages, child_id: Id) -> Page[ChangeOut]:
    """List who changed what and when, newest first, with what the fields held before. The reading is recorded."""
    child = await service.get(session, caller, child_id)
    known = await service.opened(service.keyring_of(request.app.state.runtime), child)
    audit.read(session, caller, "child_history", child_id)
    rows = (await session.exec(paging.apply(store.changes(child_id), ChildChange.id))).all()
    return paging.page(rows, lambda row: service.show_change(known, row))


@children.patch("/{child_id}", summary="Correct a child")
async def correct(
    request: Request,
    response: Response,
    session: Session,
    caller: Writer,
    child_id: Id,
    if_match: etags.IfMatch,
    body: ChildPatch,
) -> ChildOut:
    """Change fields of the child. Facts that the guard goes by are confirmed by referral first."""
    runtime = request.app.state.runtime
    child = await service.correct(session, runtime, caller, child_id, if_match, body)
    etags.show(response, child.version)
    return await service.show(session, service.keyring_of(runtime), caller, child)


@internal.get("/{child_id}/facts", response_model=None)
async def facts(request: Request, session: Session, _: Guard, child_id: Id, screening: bool = False) -> Facts:
    """Return to referral what its guard must know. With `screening`, what the screenings found too."""
    child = await store.for_guard(session, child_id)
    if child is None:
        raise NotFound
    if not screening:
        return service.facts(child)
    try:
        known = await service.opened(service.keyring_of(request.app.state.runtime), child)
    except NotFound:  # its identity was erased: the guard goes by the rest
        return service.screened_facts(child, None)
    return service.screened_facts(child, known)
