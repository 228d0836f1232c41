"""HTTP of children."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children import service, store
from services.intake.children.schemas import ChildOut, ChildPatch, Facts
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.errors import NotFound
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
    return await service.show(session, request.app.state.runtime.keyring, caller, child)


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
    return await service.show(session, runtime.keyring, caller, child)


@internal.get("/{child_id}/facts")
async def facts(session: Session, _: Guard, child_id: Id) -> Facts:
    """Return to referral what its guard must know."""
    child = await store.for_guard(session, child_id)
    if child is None:
        raise NotFound
    return service.facts(child)
