"""HTTP of families."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.children.store import AUTHORITIES
from services.intake.families import service, store
from services.intake.families.models import Family
from services.intake.families.schemas import (
    Carer,
    FamilyChild,
    FamilyIn,
    FamilyItem,
    FamilyOut,
    RemovalIn,
    ReunionIn,
    SeparationIn,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

families = router("/v1/intake/families", "families")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]


@families.post("", status_code=201, summary="Record a family")
async def record(request: Request, response: Response, session: Session, caller: Writer, body: FamilyIn) -> FamilyItem:
    """Record who belongs together. To the guard the children are relatives before this answers; 503 otherwise."""
    return etags.shown(response, await service.record(session, request.app.state.runtime, caller, body))


@families.get("", summary="List families")
async def index(session: Session, caller: Reader, paging: Pages, child_id: Id | None = None) -> Page[FamilyItem]:
    """List the families of the children of the caller's state, newest first. Carers are not named here."""
    statement = store.readable(caller) if child_id is None else store.with_child(caller, child_id)
    rows = (await session.exec(paging.apply(statement, Family.id))).all()
    shown = await service.items(session, caller, rows)
    return paging.page(rows, lambda row: shown[row.id])


@families.get("/{family_id}", summary="Read a family")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, family_id: Id) -> FamilyOut:
    """Return the family with who its carers say to be. The reading is recorded."""
    return etags.shown(response, await service.show(session, request.app.state.runtime, caller, family_id))


@families.post("/{family_id}/children", summary="Add a child to a family")
async def add_child(
    request: Request, response: Response, session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch,
    body: FamilyChild,
) -> FamilyItem:  # fmt: skip
    """Add a child who is known. Referral confirms the new relatives first."""
    runtime = request.app.state.runtime
    return etags.shown(response, await service.add_child(session, runtime, caller, family_id, if_match, body))


@families.post("/{family_id}/carers", summary="Add a carer to a family")
async def add_carer(
    request: Request, response: Response, session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch,
    body: Carer,
) -> FamilyItem:  # fmt: skip
    """Add an adult who cares for the children by law or custom. A smuggler or stranger is no carer."""
    runtime = request.app.state.runtime
    return etags.shown(response, await service.add_carer(session, runtime, caller, family_id, if_match, body))


@families.post("/{family_id}/separate", summary="Separate members of a family")
async def separate(
    response: Response, session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch, body: SeparationIn
) -> FamilyItem:
    """Part members from all the others, by the reasoned decision of the Procuraduría; refused without one (R12)."""
    return etags.shown(response, await service.separate(session, caller, family_id, if_match, body))


@families.post("/{family_id}/reunite", summary="Reunite members of a family")
async def reunite(
    response: Response, session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch, body: ReunionIn
) -> FamilyItem:
    """End a separation, by a decision of the Procuraduría. It stays in the family's history."""
    return etags.shown(response, await service.reunite(session, caller, family_id, if_match, body))


@families.post("/{family_id}/remove", summary="Remove a member of a family")
async def remove(
    response: Response, session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch, body: RemovalIn
) -> FamilyItem:
    """Take out who does not belong to it, by a decision of the Procuraduría. The guard protects all as before."""
    return etags.shown(response, await service.remove(session, caller, family_id, if_match, body))
