"""HTTP of referrals, and of uploads of many."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from services.referral.referrals import service, store, uploads
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Action, ReferralKind, State
from services.referral.referrals.schemas import (
    AnswerIn,
    AppointmentIn,
    CompleteIn,
    DeclineIn,
    ErrorIn,
    HandOnIn,
    HoldIn,
    LinkOut,
    NotAchieveIn,
    ReferralIn,
    ReferralLoadErrorOut,
    ReferralLoadOut,
    ReferralOut,
    ReferralRead,
    RefusalReturnIn,
    WithdrawIn,
    shown,
)
from services.referral.referrals.steps import NOTHING, Said
from shared import etags
from shared.auth import Allow, Caller
from shared.bulk.route import NDJSON, TakenIn, Upload, upload_router
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.runtime import Runtime
from shared.shapes import Id

routes = router("/v1/referral/referrals", "referrals")
bulk_routes = upload_router("/v1/referral/referrals", "referrals")
load_routes = router("/v1/referral/bulk-loads", "referrals")
Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


async def _show(
    request: Request, response: Response, session: Session, caller: Caller, referral: Referral
) -> ReferralOut:
    """Show one referral, with what people said and its ETag."""
    etags.show(response, referral.version)
    represents = bool(await service.represented(session, caller, [referral]))
    said = await service.words(session, request.app.state.runtime.vault, caller, referral)
    return ReferralOut.of(caller, referral, service.allowed(caller, referral, represents=represents), **said)


async def _items(session: Session, caller: Caller, rows: list[Referral]) -> Callable[[Referral], ReferralOut]:
    """Return what shows each of these referrals in a list: without what people said."""
    own = await service.represented(session, caller, rows)
    return lambda each: ReferralOut.of(caller, each, service.allowed(caller, each, represents=each.case_id in own))


@routes.post("", status_code=201, summary="Ask another agency for a service")
async def create(
    request: Request, response: Response, session: Session, caller: Writer, body: ReferralIn
) -> ReferralOut:
    referral = await service.request_service(session, request.app.state.runtime.vault, caller, body)
    response.headers["Location"] = f"/v1/referral/referrals/{referral.id}"
    return await _show(request, response, session, caller, referral)


@routes.get("", summary="List the referrals that you may read")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    state: State | None = None,
    kind: ReferralKind | None = None,
    case_id: Id | None = None,
) -> Page[ReferralOut]:
    """List them, newest first, without what people said: a single reading shows that, and is recorded."""
    statement = store.readable(caller)
    for column, wanted in ((Referral.state, state), (Referral.kind, kind), (Referral.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = list((await session.exec(paging.apply(statement, Referral.id))).all())
    return paging.page(rows, await _items(session, caller, rows))


@routes.get("/{referral_id}", summary="Read a referral")
@audited_read
async def read(request: Request, response: Response, session: Session, caller: Reader, referral_id: Id) -> ReferralRead:
    """Return it with what people said, its chain and its parts. Reading what people said is recorded."""
    referral = await service.read(session, caller, referral_id)
    etags.show(response, referral.version)
    represents = bool(await service.represented(session, caller, [referral]))
    said = await service.words(session, request.app.state.runtime.vault, caller, referral)
    chain, parts = await store.chain(session, caller, referral), await store.parts(session, caller, referral.id)
    linked = {"chain": list(map(LinkOut.model_validate, chain)), "parts": list(map(LinkOut.model_validate, parts))}
    allowed = service.allowed(caller, referral, represents=represents)
    return ReferralRead.model_validate(shown(caller, referral, allowed) | said | linked)


# -- steps -----------------------------------------------------------------------------------------------


async def _step(
    request: Request, response: Response, session: Session, caller: Caller, referral_id: str, action: Action,
    said: Said, if_match: str | None,
) -> ReferralOut:  # fmt: skip
    vault = request.app.state.runtime.vault
    referral = await service.act(session, vault, caller, referral_id, action, said, if_match=if_match)
    return await _show(request, response, session, caller, referral)


def _plain(action: Action, summary: str) -> None:
    """Add the route of a step that needs no words."""

    async def step(
        request: Request, response: Response, session: Session, caller: Writer, referral_id: Id,
        if_match: IfMatch = None,
    ) -> ReferralOut:  # fmt: skip
        return await _step(request, response, session, caller, referral_id, action, NOTHING, if_match)

    _add(action, summary, step)


def _said(action: Action, summary: str, shape: type[AnswerIn | DeclineIn], said: Callable[[Any], Said]) -> None:
    """Add the route of a step with which something is said."""

    async def step(
        request: Request, response: Response, session: Session, caller: Writer, referral_id: Id, body: Any,
        if_match: IfMatch = None,
    ) -> ReferralOut:  # fmt: skip
        return await _step(request, response, session, caller, referral_id, action, said(body), if_match)

    step.__annotations__["body"] = shape  # FastAPI reads it from here; a type checker cannot
    _add(action, summary, step)


def _add(action: Action, summary: str, step: Callable[..., Any]) -> None:
    slug = action.value.replace("_", "-")
    routes.post(f"/{{referral_id}}/{slug}", summary=summary, name=action.value)(step)


def _coded(body: HoldIn | NotAchieveIn | WithdrawIn | DeclineIn | RefusalReturnIn) -> Said:
    with_parts = isinstance(body, NotAchieveIn | WithdrawIn) and body.with_parts
    return Said(reason=body.reason.value if body.reason else None, note=body.note, with_parts=with_parts)


def _completed(body: CompleteIn) -> Said:
    return Said(reason=body.outcome.value if body.outcome else None, note=body.note, with_parts=body.with_parts)


def _erred(body: ErrorIn) -> Said:
    return Said(reason=body.reason.value, note=body.note, with_parts=body.with_parts, recipient=body.instead)


_plain(Action.RECEIVE, "Acknowledge a referral")
_plain(Action.ACCEPT, "Accept a referral")
_plain(Action.START, "Start to work on a referral")
_plain(Action.RESUME, "Resume a referral")
_said(Action.HOLD, "Put a referral on hold", HoldIn, _coded)
_said(Action.AGREE, "Say when the service begins", AppointmentIn, lambda body: Said(note=body.note, at=body.at))
_said(Action.COMPLETE, "Complete a referral", CompleteIn, _completed)
_said(Action.NOT_ACHIEVE, "Say that what was asked for could not be achieved", NotAchieveIn, _coded)
_said(Action.WITHDRAW, "Withdraw a referral that you sent", WithdrawIn, _coded)
_said(Action.DECLINE, "Decline a referral, with a reason", DeclineIn, _coded)
_said(Action.CONFIRM_REFUSAL, "Confirm a refusal as the second party", AnswerIn, lambda body: Said(note=body.note))
_said(Action.RETURN_REFUSAL, "Return a refusal as the second party", RefusalReturnIn, _coded)
_said(
    Action.HAND_ON, "Hand a child on to a body that was found", HandOnIn,
    lambda body: Said(note=body.note, recipient=body.recipient),
)  # fmt: skip
_said(Action.ENTER_IN_ERROR, "Say that a referral should never have been", ErrorIn, _erred)


# -- many at once ----------------------------------------------------------------------------------------

_LINE = (
    '{"external_id":"SIPI-2026-0417","case_id":"$CASE_ID","recipient":"unicef","service":"PSYCHOSOCIAL",'
    '"reason":"NEED_ASSESSED","urgency":"1d","lawful_basis":"BEST_INTERESTS"}\n'
)
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        NDJSON: {"schema": {"type": "string", "description": "one ReferralIn a line, each with an external_id"},
                 "example": _LINE},
    },
}  # fmt: skip


async def _given(request: Request) -> Any:
    """Stands for what the route itself hands over."""


@bulk_routes.post(
    "/bulk", status_code=201, response_model=ReferralLoadOut, summary="Send many referrals",
    openapi_extra={"requestBody": _BODY},
)  # fmt: skip
async def load(
    runtime: Annotated[Runtime, Depends(_given)], caller: Writer, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Open a referral for each line (NDJSON), up to a gibibyte.

    Each line has an `external_id` of yours: a line whose id is there already changes nothing, so an upload that
    broke off is sent again whole, with the same Idempotency-Key. A line that is refused leaves the others alone.
    """
    done = await uploads.load(runtime, caller, upload)
    return TakenIn(done, f"/v1/referral/bulk-loads/{done.id}")


@load_routes.get("/{referral_load_id}", summary="Read how far an upload of referrals is")
async def show_load(session: Session, caller: Reader, referral_load_id: Id) -> ReferralLoadOut:
    """Return what became of the lines so far. What is counted is committed."""
    return ReferralLoadOut.model_validate(await uploads.show(session, caller, referral_load_id))


@load_routes.get("/{referral_load_id}/errors", summary="List the faults of an upload of referrals")
async def errors(session: Session, caller: Reader, paging: Pages, referral_load_id: Id) -> Page[ReferralLoadErrorOut]:
    """List which lines were refused and why, by line; at most 10,000 faults. No value is repeated."""
    found = await uploads.show(session, caller, referral_load_id)
    rows = (await session.exec(store.errors(found, paging))).all()
    return paging.page(rows, ReferralLoadErrorOut.model_validate)
