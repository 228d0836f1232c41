"""HTTP of refuge claims, and of what they hold up."""

from typing import Annotated

from fastapi import Header, Query, Request, Response
from sqlmodel import col

from services.referral.refuge import holds, service, store
from services.referral.refuge.models import ProcedureHold, RefugeClaim
from services.referral.refuge.rules import ClaimAction, ClaimState
from services.referral.refuge.schemas import (
    AppealDecisionIn,
    AppealIn,
    ClaimExtensionIn,
    ClaimIn,
    ClaimInterviewIn,
    ClaimOut,
    ClaimStepIn,
    ClaimWithdrawalIn,
    HeardIn,
    HoldOut,
    InmToldIn,
    NotificationIn,
    OpinionIn,
    OpinionRequestIn,
    RemandIn,
    ResolutionIn,
)
from services.referral.refuge.service import Said
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/refuge-claims", "refuge")
hold_routes = router("/v1/referral/procedure-holds", "refuge")

Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
Authority = Annotated[Caller, Allow("referral:read", "INM", "PP")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@routes.post("", status_code=201, summary="File a claim for refuge")
async def file(request: Request, response: Response, session: Session, caller: Writer, body: ClaimIn) -> ClaimOut:
    """COMAR, the Procuraduría or the representative's agency may. The guard closes in the same transaction."""
    made = etags.shown(response, await service.file(session, _vault(request), caller, body))
    response.headers["Location"] = f"/v1/referral/refuge-claims/{made.id}"
    return made


@routes.get("", summary="List the claims that you may know of")
@audited_read
async def index(
    request: Request,
    session: Session,
    caller: Reader,
    paging: Pages,
    state: ClaimState | None = None,
    case_id: Annotated[Id | None, Query()] = None,
) -> Page[ClaimOut]:
    """COMAR's, the Procuraduría's of the territory, and those of whom you represent. The reading is recorded."""
    statement = store.readable(caller)
    for column, wanted in ((RefugeClaim.state, state), (RefugeClaim.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, RefugeClaim.id))).all()
    found = {each.id: each for each in await service.shown(session, _vault(request), caller, rows[: paging.limit])}
    return paging.page(rows, lambda row: found[row.id])


@routes.get("/{refuge_claim_id}", summary="Read a claim")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, refuge_claim_id: Id) -> ClaimOut:
    """Return a claim with its steps and its clocks. The reading is recorded."""
    return etags.shown(response, await service.get(session, _vault(request), caller, refuge_claim_id))


async def _act(
    request: Request, response: Response, session: Session, caller: Caller, claim_id: str, action: ClaimAction,
    body: Said, if_match: str | None,
) -> ClaimOut:  # fmt: skip
    done = await service.act(session, _vault(request), caller, claim_id, action, body, if_match=if_match)
    return etags.shown(response, done)


@routes.post("/{refuge_claim_id}/ratify", summary="Ratify a claim that another person filed")
async def ratify(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ClaimStepIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """The child does, within three working days, before COMAR (LRPCAP 11)."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.RATIFY, body, if_match)


@routes.post("/{refuge_claim_id}/admit", summary="Admit a claim")
async def admit(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ClaimStepIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """COMAR takes the claim up."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.ADMIT, body, if_match)


@routes.post("/{refuge_claim_id}/interview", summary="Record that COMAR heard the child")
async def interview(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ClaimInterviewIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Refused unless specialised staff heard it with its representative, in a language that it understands (R27)."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.INTERVIEW, body, if_match)


@routes.post("/{refuge_claim_id}/ask-opinion", summary="Record that SRE was asked for its opinion")
async def ask_opinion(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: OpinionRequestIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """On conditions in the country of origin alone (LRPCAP 24): nothing of the child can be said."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.ASK_OPINION, body, if_match)


@routes.post("/{refuge_claim_id}/receive-opinion", summary="Record the opinion of SRE")
async def receive_opinion(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: OpinionIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Its silence for fifteen working days is an answer, too: there is none."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.RECEIVE_OPINION, body, if_match)


@routes.post("/{refuge_claim_id}/extend", summary="Extend the time to resolve")
async def extend(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ClaimExtensionIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Once, by 45 working days at most, on one of five grounds (LRPCAP 24)."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.EXTEND, body, if_match)


@routes.post("/{refuge_claim_id}/resolve", summary="Resolve a claim")
async def resolve(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ResolutionIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """In writing and with reasons. Notification is due next."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.RESOLVE, body, if_match)


@routes.post("/{refuge_claim_id}/notify", summary="Record that the resolution was notified")
async def notify(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: NotificationIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Recognition is final at once; against all else fifteen working days to appeal begin."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.NOTIFY, body, if_match)


@routes.post("/{refuge_claim_id}/appeal", summary="Appeal against a resolution")
async def appeal(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: AppealIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """The Procuraduría or the representative does. A late appeal names its cause."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.APPEAL, body, if_match)


@routes.post("/{refuge_claim_id}/decide-appeal", summary="Record how an appeal ended")
async def decide_appeal(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: AppealDecisionIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """It is final."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.DECIDE_APPEAL, body, if_match)


@routes.post("/{refuge_claim_id}/remand", summary="Record that an appeal sent the claim back")
async def remand(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: RemandIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """COMAR resolves anew, in a time of its own (D10); it may hear the child again."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.REMAND, body, if_match)


@routes.post("/{refuge_claim_id}/finalise", summary="Let a resolution become final")
async def finalise(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: HeardIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Once the time to appeal has passed and the child was heard; the Procuraduría or the representative says so."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.FINALISE, body, if_match)


@routes.post("/{refuge_claim_id}/withdraw", summary="Withdraw a claim or an appeal")
async def withdraw(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id,
    body: ClaimWithdrawalIn, if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Through the representative, when the child was heard and wishes it; never because it is absent."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.WITHDRAW, body, if_match)


@routes.post("/{refuge_claim_id}/tell-inm", summary="Record that COMAR told INM")
async def tell_inm(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: InmToldIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Within 72 hours of the filing (D8). Only now the hold that INM goes by says on what it rests."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.TELL_INM, body, if_match)


@routes.post("/{refuge_claim_id}/recognise", summary="Let the case take the outcome")
async def recognise(
    request: Request, response: Response, session: Session, caller: Writer, refuge_claim_id: Id, body: ClaimStepIn,
    if_match: IfMatch = None,
) -> ClaimOut:  # fmt: skip
    """Once the resolution is final and the case can take it (LRPCAP 12, 28)."""
    return await _act(request, response, session, caller, refuge_claim_id, ClaimAction.RECOGNISE, body, if_match)


@hold_routes.get("", summary="List what is held up")
async def standing_holds(session: Session, caller: Authority, paging: Pages, standing: bool = False) -> Page[HoldOut]:
    """List the holds of your territory: no procedure for irregular entry, and no return, goes on meanwhile (R24)."""
    statement = store.readable_holds(caller)
    if standing:
        statement = statement.where(col(ProcedureHold.until).is_(None))
    rows = (await session.exec(paging.apply(statement, ProcedureHold.id))).all()
    return paging.page(rows, holds.show)


@hold_routes.get("/{procedure_hold_id}", summary="Read a hold")
async def hold(response: Response, session: Session, caller: Authority, procedure_hold_id: Id) -> HoldOut:
    """Return a hold. It says on what it rests once COMAR has told INM."""
    return etags.shown(response, await holds.find(session, caller, procedure_hold_id))
