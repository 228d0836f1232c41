"""HTTP of notices. There is no route that makes one: only a release does."""

from typing import Annotated

from services.consular.letters.rules import AUTHORITIES
from services.consular.notices import service, store, views
from services.consular.notices.models import Notice
from services.consular.notices.rules import NoticeStatus
from services.consular.notices.schemas import HandAcknowledgementIn, NoticeDecisionIn, NoticeHistory, NoticeOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

notices = router("/v1/consular/notices", "notices")
Reader = Annotated[Caller, Allow("consular:read")]
Authority = Annotated[Caller, Allow("consular:write", *AUTHORITIES)]


@notices.get("", summary="List notices")
async def index(session: Session, caller: Reader, paging: Pages, status: NoticeStatus | None = None) -> Page[NoticeOut]:
    """A consulate finds what it has received; INM and the Procuraduría what was issued in their state."""
    statement = store.listed(caller)
    if status is not None:
        statement = statement.where(Notice.status == status)
    rows = (await session.exec(paging.apply(statement, Notice.id))).all()
    shown = {notice.id: notice for notice in await views.show(session, caller, rows)}
    return paging.page(rows, lambda row: shown[row.id])


@notices.get("/{notice_id}", summary="Read a notice")
async def show(session: Session, caller: Reader, notice_id: Id) -> NoticeOut:
    notice = await service.find(session, caller, notice_id)
    return (await views.show(session, caller, [notice]))[0]


@notices.post("/{notice_id}/acknowledge", summary="Acknowledge a notice: the consulate is notified")
async def acknowledge(
    session: Session, caller: Annotated[Caller, Allow("consular:write", "CONSULATE")], notice_id: Id
) -> NoticeOut:
    notice = await service.acknowledge(session, caller, notice_id)
    return (await views.show(session, caller, [notice]))[0]


@notices.get("/{notice_id}/history", summary="Read what happened to a notice")
async def history(
    session: Session, caller: Annotated[Caller, Allow("consular:read", *AUTHORITIES)], notice_id: Id
) -> NoticeHistory:
    """Return it in Spanish and English, oldest first. A send that the guard withheld is nowhere in it."""
    return await views.history(session, await service.find(session, caller, notice_id))


@notices.post("/{notice_id}/record_acknowledgement", summary="Record an acknowledgement that came on paper")
async def record_acknowledgement(
    session: Session, caller: Authority, notice_id: Id, body: HandAcknowledgementIn
) -> NoticeOut:
    notice = await service.record_acknowledgement(session, caller, notice_id, body)
    return (await views.show(session, caller, [notice]))[0]


@notices.post("/{notice_id}/decide", summary="Take over a notice: a letter, or no further step")
async def decide(session: Session, caller: Authority, notice_id: Id, body: NoticeDecisionIn) -> NoticeOut:
    """Record what a person decides about a notice that nobody acknowledges or that has no way. No consulate sees it."""
    notice = await service.decide(session, caller, notice_id, body)
    return (await views.show(session, caller, [notice]))[0]


@notices.post("/{notice_id}/route_again", summary="Send an undeliverable notice by today's directory")
async def route_again(session: Session, caller: Authority, notice_id: Id) -> NoticeOut:
    notice = await service.route_again(session, caller, notice_id)
    return (await views.show(session, caller, [notice]))[0]
