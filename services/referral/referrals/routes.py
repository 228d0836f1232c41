"""HTTP of referrals."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Response

from services.referral.referrals import service, store
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Action, ReferralKind, State
from services.referral.referrals.schemas import AnswerIn, DeclineIn, ReferralIn, ReferralOut
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

routes = router("/v1/referral/referrals", "referrals")
Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


def show(response: Response, caller: Caller, referral: Referral) -> ReferralOut:
    """Show one referral with its ETag."""
    etags.show(response, referral.version)
    return ReferralOut.of(referral, service.allowed(caller, referral))


@routes.post("", status_code=201, summary="Ask another agency for a service")
async def create(response: Response, session: Session, caller: Writer, body: ReferralIn) -> ReferralOut:
    referral = await service.request_service(session, caller, body)
    response.headers["Location"] = f"/v1/referral/referrals/{referral.id}"
    return show(response, caller, referral)


@routes.get("", summary="List the referrals that you may read")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    state: State | None = None,
    kind: ReferralKind | None = None,
    case_id: Id | None = None,
) -> Page[ReferralOut]:
    statement = store.readable(caller)
    for column, wanted in ((Referral.state, state), (Referral.kind, kind), (Referral.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, Referral.id))).all()
    return paging.page(rows, lambda referral: ReferralOut.of(referral, service.allowed(caller, referral)))


@routes.get("/{referral_id}", summary="Read a referral")
async def read(response: Response, session: Session, caller: Reader, referral_id: Id) -> ReferralOut:
    return show(response, caller, await service.find(session, caller, referral_id))


def _plain(action: Action, summary: str) -> None:
    """Add the route of a step that needs no words."""

    async def step(
        response: Response, session: Session, caller: Writer, referral_id: Id, if_match: IfMatch = None
    ) -> ReferralOut:
        referral = await service.act(session, caller, referral_id, action, if_match=if_match)
        return show(response, caller, referral)

    _add(action, summary, step)


def _explained(action: Action, summary: str) -> None:
    """Add the route of a step with which something may be said."""

    async def step(
        response: Response, session: Session, caller: Writer, referral_id: Id, body: AnswerIn, if_match: IfMatch = None
    ) -> ReferralOut:
        referral = await service.act(session, caller, referral_id, action, note=body.note, if_match=if_match)
        return show(response, caller, referral)

    _add(action, summary, step)


def _add(action: Action, summary: str, step: Callable[..., Any]) -> None:
    slug = action.value.replace("_", "-")
    routes.post(f"/{{referral_id}}/{slug}", summary=summary, name=action.value)(step)


_plain(Action.RECEIVE, "Acknowledge a referral")
_plain(Action.ACCEPT, "Accept a referral")
_plain(Action.START, "Start to work on a referral")
_plain(Action.RESUME, "Resume a referral")
_explained(Action.HOLD, "Put a referral on hold")
_explained(Action.COMPLETE, "Complete a referral")
_explained(Action.NOT_ACHIEVE, "Say that what was asked for could not be achieved")
_explained(Action.WITHDRAW, "Withdraw a referral that you sent")


@routes.post("/{referral_id}/decline", summary="Decline a referral, with a reason")
async def decline(
    response: Response, session: Session, caller: Writer, referral_id: Id, body: DeclineIn, if_match: IfMatch = None
) -> ReferralOut:
    referral = await service.act(
        session, caller, referral_id, Action.DECLINE, reason=body.reason.value, note=body.note, if_match=if_match
    )
    return show(response, caller, referral)
