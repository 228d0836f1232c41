"""HTTP of notices. There is no route that makes one: only a release does."""

from typing import Annotated

from services.consular.notices import service, store
from services.consular.notices.models import Notice
from services.consular.notices.rules import AUTHORITIES, NoticeStatus
from services.consular.notices.schemas import NoticeOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

notices = router("/v1/consular/notices", "notices")
Reader = Annotated[Caller, Allow("consular:read")]


@notices.get("", summary="List notices")
async def index(session: Session, caller: Reader, paging: Pages, status: NoticeStatus | None = None) -> Page[NoticeOut]:
    """A consulate finds what it has received; INM and the Procuraduría what was issued in their state."""
    statement = store.listed(caller)
    if status is not None:
        statement = statement.where(Notice.status == status)
    rows = (await session.exec(paging.apply(statement, Notice.id))).all()
    shown = {notice.id: notice for notice in await service.show(session, caller, rows)}
    return paging.page(rows, lambda row: shown[row.id])


@notices.get("/{notice_id}", summary="Read a notice")
async def show(session: Session, caller: Reader, notice_id: Id) -> NoticeOut:
    notice = await service.find(session, caller, notice_id)
    return (await service.show(session, caller, [notice]))[0]


@notices.post("/{notice_id}/acknowledge", summary="Acknowledge a notice: the consulate is notified")
async def acknowledge(
    session: Session, caller: Annotated[Caller, Allow("consular:write", "CONSULATE")], notice_id: Id
) -> NoticeOut:
    notice = await service.acknowledge(session, caller, notice_id)
    return (await service.show(session, caller, [notice]))[0]


@notices.post("/{notice_id}/route_again", summary="Send an undeliverable notice by today's directory")
async def route_again(
    session: Session, caller: Annotated[Caller, Allow("consular:write", *AUTHORITIES)], notice_id: Id
) -> NoticeOut:
    notice = await service.route_again(session, caller, notice_id)
    return (await service.show(session, caller, [notice]))[0]
