"""HTTP of half-yearly reports."""

from typing import Annotated

from fastapi import Query, Response

from services.referral.agencies.rules import Kind
from services.referral.cas_reports import service, store
from services.referral.cas_reports.models import CasReport
from services.referral.cas_reports.rules import ReportAction, ReportStatus
from services.referral.cas_reports.schemas import ReportIn, ReportItem, ReportOut
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

routes = router("/v1/referral/cas-reports", "agencies")

Reader = Annotated[Caller, Allow("referral:read", Kind.PP)]
Writer = Annotated[Caller, Allow("referral:write", Kind.PP)]


@routes.get("", summary="List half-yearly reports on centres")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    status: Annotated[ReportStatus | None, Query(examples=["owed"])] = None,
) -> Page[ReportItem]:
    """List what your Procuraduría owes and has reported; the federal one sees every state's."""
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(CasReport.status == status)
    rows = (await session.exec(paging.apply(statement, CasReport.id))).all()
    return paging.page(rows, lambda row: service.item(caller, row))


@routes.get("/{report_id}", summary="Read a half-yearly report")
async def show(response: Response, session: Session, caller: Reader, report_id: Id) -> ReportOut:
    """Return a report with its register and visits."""
    found = await service.get(session, caller, report_id)
    etags.show(response, found.version)
    return found


@routes.post("/{report_id}/submit", summary="Submit a half-yearly report")
async def submit(
    response: Response, session: Session, caller: Writer, report_id: Id, if_match: etags.IfMatch, body: ReportIn
) -> ReportOut:
    """Report the register of centres and the visits of the half-year (D14). It names every centre of the state."""
    done = await service.submit(session, caller, report_id, if_match, ReportAction.SUBMIT, body)
    etags.show(response, done.version)
    return done


@routes.post("/{report_id}/correct", summary="Correct a half-yearly report")
async def correct(
    response: Response, session: Session, caller: Writer, report_id: Id, if_match: etags.IfMatch, body: ReportIn
) -> ReportOut:
    """Replace a report that the federal Procuraduría has not acknowledged yet."""
    done = await service.submit(session, caller, report_id, if_match, ReportAction.CORRECT, body)
    etags.show(response, done.version)
    return done


@routes.post("/{report_id}/acknowledge", summary="Acknowledge a half-yearly report")
async def acknowledge(
    response: Response, session: Session, caller: Writer, report_id: Id, if_match: etags.IfMatch
) -> ReportOut:
    """Take a report in, as the federal Procuraduría."""
    done = await service.acknowledge(session, caller, report_id, if_match)
    etags.show(response, done.version)
    return done
