"""HTTP of the guard."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.protection import indications as said
from services.referral.protection import permits, service, store
from services.referral.protection import releases as acts
from services.referral.protection.models import Release
from services.referral.protection.rules import ReleaseAction
from services.referral.protection.schemas import (
    CorrectionIn,
    FactsIn,
    FactsOut,
    IndicationIn,
    IndicationList,
    IndicationOut,
    IndicationRead,
    PermitIn,
    PermitOut,
    ReleaseIn,
    ReleaseOut,
    Step,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.errors import NotFound
from shared.paging import Page, Pages
from shared.routing import audited_read, internal_router, router
from shared.shapes import Id

indications = router("/v1/referral/indications", "protection")
releases = router("/v1/referral/releases", "protection")
internal = internal_router("")

Anyone = Annotated[Caller, Allow("referral:write")]
Officer = Annotated[Caller, Allow("referral:write", "INM")]
Authority = Annotated[Caller, Allow("referral:write", "INM", "PP")]
Representative = Annotated[Caller, Allow("referral:read", "PP")]
Corrector = Annotated[Caller, Allow("referral:write", "PP")]
Reader = Annotated[Caller, Allow("referral:read", "INM", "PP")]


@indications.post("", status_code=201, summary="Record an indication of a need of protection")
async def indicate(request: Request, session: Session, caller: Anyone, body: IndicationIn) -> IndicationOut:
    """Anyone who takes part in the case may. The guard closes and COMAR is told in the same transaction."""
    return await said.indicate(session, request.app.state.runtime.vault, caller, body)


@indications.get("", summary="Read the indications of a case")
@audited_read
async def read_indications(request: Request, session: Session, caller: Representative, case_id: Id) -> IndicationList:
    """Return what was indicated to the Procuraduría, which represents the child, and to nobody else."""
    vault = request.app.state.runtime.vault
    return IndicationList(items=await said.index(session, vault, caller, case_id))


@indications.post("/{indication_id}/correct", summary="Mark an indication as entered in error")
async def correct(
    request: Request, session: Session, caller: Corrector, indication_id: Id, body: CorrectionIn
) -> IndicationRead:
    """Say that it was an error, once, as the Procuraduría. The guard stays closed: only a lift opens it."""
    return await said.correct(session, request.app.state.runtime.vault, caller, indication_id, body)


@releases.post("", status_code=201, summary="Propose that a foreign state be told of a child")
async def propose(session: Session, caller: Officer, body: ReleaseIn) -> ReleaseOut:
    """Propose the notice of LM 112-V, or what a body abroad is asked for. The Procuraduría concurs next."""
    return await acts.propose(session, caller, body)


@releases.get("", summary="List releases")
async def index(session: Session, caller: Reader, paging: Pages) -> Page[ReleaseOut]:
    """List the releases in the caller's territory. What stands in the way of each is in the single one."""
    rows = (await session.exec(paging.apply(store.readable(caller), Release.id))).all()
    return paging.page(rows, lambda row: acts.show(caller, row, []))


@releases.get("/{release_id}", summary="Read a release")
async def show(response: Response, session: Session, caller: Reader, release_id: Id) -> ReleaseOut:
    """Return a release and what stands in its way now."""
    found = await acts.get(session, caller, release_id)
    etags.show(response, found.version)
    return found


@releases.post("/{release_id}/concur", summary="Concur, as the Procuraduría")
async def concur(session: Session, caller: Authority, release_id: Id, body: Step) -> ReleaseOut:
    """Record the Procuraduría's concurrence."""
    return await acts.act(session, caller, release_id, ReleaseAction.CONCUR, body.officer)


@releases.post("/{release_id}/release", summary="Release the notice")
async def release(session: Session, caller: Authority, release_id: Id, body: Step) -> ReleaseOut:
    """Let the notice go. The guard decides on everything that is known at this moment."""
    return await acts.act(session, caller, release_id, ReleaseAction.RELEASE, body.officer)


@releases.post("/{release_id}/withdraw", summary="Withdraw a proposal")
async def withdraw(session: Session, caller: Authority, release_id: Id, body: Step) -> ReleaseOut:
    """Take a proposal back before it was released."""
    return await acts.act(session, caller, release_id, ReleaseAction.WITHDRAW, body.officer)


@internal.post("/permits")
async def permit(
    session: Session, _: Annotated[Caller, Allow("permits:write", "SERVICE")], body: PermitIn
) -> PermitOut:
    """Answer the consular sender: may this notice leave now?"""
    return await permits.ask(session, body.release_id)


@internal.put("/facts/{child_id}")
async def take_facts(
    session: Session, _: Annotated[Caller, Allow("facts:write", "SERVICE")], child_id: Id, body: FactsIn
) -> FactsOut:
    """Confirm to intake that the guard goes by a correction."""
    if body.child_id != child_id:
        raise NotFound
    await service.take_facts(session, body)
    return FactsOut(child_id=child_id, version=body.version)
