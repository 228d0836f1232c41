"""HTTP of consents, withdrawals, overrides and withholdings."""

from typing import Annotated

from fastapi import Header, Request, Response

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import CaseWithheld
from services.referral.consents import overrides, service, store, travel, withholdings
from services.referral.consents.models import Consent, Override, WithdrawalNotice
from services.referral.consents.rules import NoticeState, OverrideAction, OverrideState
from services.referral.consents.schemas import (
    AcknowledgeIn,
    ConsentIn,
    ConsentOut,
    NarrowIn,
    OfficerIn,
    OverrideIn,
    OverrideOut,
    WithdrawalNoticeOut,
    WithdrawIn,
    WithholdIn,
    WithholdingOut,
)
from shared import clock, etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

consents = router("/v1/referral/consents", "consents")
withdrawals = router("/v1/referral/withdrawals", "consents")
exceptions = router("/v1/referral/overrides", "consents")
kept = router("/v1/referral/withholdings", "consents")

RECORDERS = ("PP", "DIF", "MUNICIPAL_DIF", "CAS", "CSO", "COMAR", "UNICEF", "UNHCR", "IOM", "ICRC")
"""Who records consents: not INM, which must give what it stores to security bodies that ask (LM 20-IX)."""

Reader = Annotated[Caller, Allow("referral:read", *RECORDERS)]
Writer = Annotated[Caller, Allow("referral:write", *RECORDERS)]
Anyone = Annotated[Caller, Allow("referral:read")]
Recipient = Annotated[Caller, Allow("referral:write")]
Protector = Annotated[Caller, Allow("referral:write", "PP")]
ProtectorReads = Annotated[Caller, Allow("referral:read", "PP")]
Care = Annotated[Caller, Allow("referral:write", "PP", "DIF")]
CareReads = Annotated[Caller, Allow("referral:read", "PP", "DIF")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


async def _consent(
    request: Request, response: Response, session: Session, caller: Caller, consent: Consent
) -> ConsentOut:
    etags.show(response, consent.version)
    said = service.words(session, request.app.state.runtime.vault, caller, consent)
    return (await service.show(session, [consent], said))[0]


@consents.post("", status_code=201, summary="Record a consent")
async def give(request: Request, response: Response, session: Session, caller: Writer, body: ConsentIn) -> ConsentOut:
    """Record what was consented to: for which purposes, to whom, which fields, until when."""
    made = await service.give(session, request.app.state.runtime.vault, caller, body)
    response.headers["Location"] = f"/v1/referral/consents/{made.id}"
    return await _consent(request, response, session, caller, made)


@consents.get("", summary="List the consents that you may read")
async def index(session: Session, caller: Reader, paging: Pages, case_id: Id | None = None) -> Page[ConsentOut]:
    """List them, newest first, ended ones too, without what was said with them."""
    statement = store.readable(caller)
    if case_id is not None:
        statement = statement.where(Consent.case_id == case_id)
    rows = list((await session.exec(paging.apply(statement, Consent.id))).all())
    shown = {each.id: each for each in await service.show(session, rows)}
    return paging.page(rows, lambda row: shown[row.id])


@consents.get("/{consent_id}", summary="Read a consent")
@audited_read
async def read(request: Request, response: Response, session: Session, caller: Reader, consent_id: Id) -> ConsentOut:
    """Return it with what was said and what was taken back. Reading what was said is recorded."""
    return await _consent(request, response, session, caller, await service.find(session, caller, consent_id))


@consents.post("/{consent_id}/review", summary="Confirm that a consent still stands")
async def review(
    request: Request, response: Response, session: Session, caller: Writer, consent_id: Id, body: OfficerIn,
    if_match: IfMatch = None,
) -> ConsentOut:  # fmt: skip
    found = await service.review(session, caller, consent_id, body.officer, if_match)
    return await _consent(request, response, session, caller, found)


@consents.post("/{consent_id}/withdraw", summary="Withdraw a consent")
async def withdraw(
    request: Request, response: Response, session: Session, caller: Writer, consent_id: Id, body: WithdrawIn,
    if_match: IfMatch = None,
) -> ConsentOut:  # fmt: skip
    """Take it back whole. Disclosures under it stop at once; whoever read under it is told."""
    vault = request.app.state.runtime.vault
    found = await service.withdraw(session, vault, caller, consent_id, body, if_match)
    return await _consent(request, response, session, caller, found)


@consents.post("/{consent_id}/narrow", summary="Withdraw a part of a consent")
async def narrow(
    request: Request, response: Response, session: Session, caller: Writer, consent_id: Id, body: NarrowIn,
    if_match: IfMatch = None,
) -> ConsentOut:  # fmt: skip
    """Take back some fields, or some recipients, or some fields from some recipients. The rest stands."""
    vault = request.app.state.runtime.vault
    found = await service.withdraw(session, vault, caller, consent_id, body, if_match)
    return await _consent(request, response, session, caller, found)


# -- withdrawals -----------------------------------------------------------------------------------------


@withdrawals.get("", summary="List the withdrawal notices that you may read")
async def notices(
    session: Session, caller: Anyone, paging: Pages, state: NoticeState | None = None, overdue: bool = False,
    case_id: Id | None = None,
) -> Page[WithdrawalNoticeOut]:  # fmt: skip
    """List them, newest first. With `overdue` those that nobody has answered in time."""
    statement = store.readable_notices(caller)
    for column, wanted in ((WithdrawalNotice.state, state), (WithdrawalNotice.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if overdue:
        statement = store.overdue(statement, clock.now())
    rows = (await session.exec(paging.apply(statement, WithdrawalNotice.id))).all()
    return paging.page(rows, lambda row: travel.show(caller, row))


@withdrawals.get("/{withdrawal_notice_id}", summary="Read a withdrawal notice")
async def notice(response: Response, session: Session, caller: Anyone, withdrawal_notice_id: Id) -> WithdrawalNoticeOut:
    found = await travel.find(session, caller, withdrawal_notice_id)
    etags.show(response, found.version)
    return travel.show(caller, found)


@withdrawals.post("/{withdrawal_notice_id}/acknowledge", summary="Say what you did with what you had read")
async def acknowledge(
    response: Response, session: Session, caller: Recipient, withdrawal_notice_id: Id, body: AcknowledgeIn,
    if_match: IfMatch = None,
) -> WithdrawalNoticeOut:  # fmt: skip
    """Say that it was erased or blocked, or by which article it is kept."""
    found = await travel.acknowledge(session, caller, withdrawal_notice_id, body, if_match)
    etags.show(response, found.version)
    return travel.show(caller, found)


# -- overrides -------------------------------------------------------------------------------------------


@exceptions.post("", status_code=201, summary="Share without consent, as a supervisor")
async def override(
    request: Request, response: Response, session: Session, caller: Care, body: OverrideIn
) -> OverrideOut:
    """Let an agency read fields that no consent covers, for a coded reason, until another officer has reviewed it."""
    made = await overrides.make(session, request.app.state.runtime.vault, caller, body)
    etags.show(response, made.version)
    return overrides.show(caller, await cases.find(session, caller, made.case_id), made, body.note)


@exceptions.get("", summary="List the overrides that you may read")
async def list_overrides(
    session: Session, caller: CareReads, paging: Pages, state: OverrideState | None = None, case_id: Id | None = None
) -> Page[OverrideOut]:
    """List them, newest first."""
    statement = store.readable_overrides(caller)
    for column, wanted in ((Override.state, state), (Override.case_id, case_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, Override.id))).all()
    known = {row.case_id: await cases.find(session, SYSTEM, row.case_id) for row in rows}
    return paging.page(rows, lambda row: overrides.show(caller, known[row.case_id], row))


async def _judge(
    response: Response, session: Session, caller: Caller, override_id: str, action: OverrideAction, body: OfficerIn,
    if_match: str | None,
) -> OverrideOut:  # fmt: skip
    case, row = await overrides.judge(session, caller, override_id, action, body.officer, if_match)
    etags.show(response, row.version)
    return overrides.show(caller, case, row)


@exceptions.post("/{override_id}/uphold", summary="Uphold an override, as another officer")
async def uphold(
    response: Response, session: Session, caller: Protector, override_id: Id, body: OfficerIn, if_match: IfMatch = None
) -> OverrideOut:
    return await _judge(response, session, caller, override_id, OverrideAction.UPHOLD, body, if_match)


@exceptions.post("/{override_id}/revoke", summary="Revoke an override, as another officer")
async def revoke(
    response: Response, session: Session, caller: Protector, override_id: Id, body: OfficerIn, if_match: IfMatch = None
) -> OverrideOut:
    """End it at once. Whoever read under it is told."""
    return await _judge(response, session, caller, override_id, OverrideAction.REVOKE, body, if_match)


# -- withholdings ----------------------------------------------------------------------------------------


@kept.post("", status_code=201, summary="Keep a case from an agency or a class")
async def withhold(request: Request, session: Session, caller: Protector, body: WithholdIn) -> WithholdingOut:
    """Keep it from them whatever their role (R29): to them there is no such case. What the law orders still goes."""
    return withholdings.show(await withholdings.withhold(session, request.app.state.runtime.vault, caller, body))


@kept.get("", summary="List from whom cases are kept")
async def list_withholdings(
    session: Session, caller: ProtectorReads, paging: Pages, case_id: Id | None = None
) -> Page[WithholdingOut]:
    """List them, newest first, ended ones too."""
    statement = store.readable_withholdings(caller)
    if case_id is not None:
        statement = statement.where(CaseWithheld.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, CaseWithheld.id))).all()
    return paging.page(rows, withholdings.show)


@kept.post("/{withholding_id}/end", summary="Keep a case from them no longer")
async def end(session: Session, caller: Protector, withholding_id: Id, body: OfficerIn) -> WithholdingOut:
    return withholdings.show(await withholdings.end(session, caller, withholding_id, body.officer))
