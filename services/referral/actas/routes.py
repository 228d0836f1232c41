"""HTTP of actas. There is no route that changes one."""

from typing import Annotated, Any

from fastapi import Request, Response

from services.referral.actas import paper, service, store
from services.referral.actas.models import Acta
from services.referral.actas.schemas import ActaIn, ActaOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/actas", "actas")
Reader = Annotated[Caller, Allow("referral:read")]

_PDF = "application/pdf"
_PAPER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "PDF/A-2a and PDF/UA-1, in Spanish; one acta has the same bytes always",
        "content": {_PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7"}},
    }
}


@routes.post("", status_code=201, summary="Issue the acta de canalización of a case")
async def issue(
    request: Request,
    response: Response,
    session: Session,
    caller: Annotated[Caller, Allow("referral:write", "INM")],
    body: ActaIn,
) -> ActaOut:
    acta = await service.issue(session, request.app.state.runtime.signer, caller, body)
    response.headers["Location"] = f"/v1/referral/actas/{acta.id}"
    return ActaOut.of(acta)


@routes.get("", summary="List the actas that you may read")
async def index(session: Session, caller: Reader, paging: Pages, case_id: Id | None = None) -> Page[ActaOut]:
    statement = store.readable(caller)
    if case_id is not None:
        statement = statement.where(Acta.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, Acta.id))).all()
    return paging.page(rows, ActaOut.of)


@routes.get("/{acta_id}.pdf", summary="Read an acta on paper", response_class=Response, responses=_PAPER)
@audited_read
async def show_paper(session: Session, caller: Reader, acta_id: Id) -> Response:
    """Return it as a document to print, keep and listen to. The JSON is the acta. The reading is recorded."""
    content = paper.pdf(await service.read_paper(session, caller, acta_id))
    headers = {"Content-Disposition": 'attachment; filename="acta.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type=_PDF, headers=headers)


@routes.get("/{acta_id}", summary="Read an acta")
async def show(session: Session, caller: Reader, acta_id: Id) -> ActaOut:
    return ActaOut.of(await service.find(session, caller, acta_id))
