"""HTTP of oficios. There is no route that changes one."""

from typing import Annotated, Any

from fastapi import Request, Response

from services.referral.oficios import service, sheet, store
from services.referral.oficios.models import Oficio
from services.referral.oficios.schemas import OficioIn, OficioOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/oficios", "actas")
Reader = Annotated[Caller, Allow("referral:read", "PP", "INM")]

_PDF = "application/pdf"
_PAPER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "PDF/A-2a and PDF/UA-1, in Spanish; one oficio has the same bytes always",
        "content": {_PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7"}},
    }
}


@routes.post("", status_code=201, summary="Draw up the oficio de canalización of an adult carer")
async def issue(
    request: Request,
    response: Response,
    session: Session,
    caller: Annotated[Caller, Allow("referral:write", "PP")],
    body: OficioIn,
) -> OficioOut:
    """Draw it up after having attended (R10). It is final, and opens in intake what waits for it."""
    runtime = request.app.state.runtime
    made = await service.issue(session, runtime.vault, runtime.signer, caller, body)
    response.headers["Location"] = f"/v1/referral/oficios/{made.id}"
    return made


@routes.get("", summary="List the oficios that you may read")
async def index(session: Session, caller: Reader, paging: Pages, case_id: Id | None = None) -> Page[OficioOut]:
    """List them without whom they name: the reading of one tells that, and is recorded."""
    statement = store.readable(caller)
    if case_id is not None:
        statement = statement.where(Oficio.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, Oficio.id))).all()
    return paging.page(rows, lambda row: service.show(row, None))


@routes.get("/{oficio_id}.pdf", summary="Read an oficio on paper", response_class=Response, responses=_PAPER)
@audited_read
async def show_paper(request: Request, session: Session, caller: Reader, oficio_id: Id) -> Response:
    """Return it as a document to print, keep and listen to. The JSON is the oficio. The reading is recorded."""
    content = sheet.pdf(await service.read(session, request.app.state.runtime.vault, caller, oficio_id))
    headers = {"Content-Disposition": 'attachment; filename="oficio.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type=_PDF, headers=headers)


@routes.get("/{oficio_id}", summary="Read an oficio")
@audited_read
async def show(request: Request, session: Session, caller: Reader, oficio_id: Id) -> OficioOut:
    """Return it with whom it names. The reading is recorded."""
    return await service.read(session, request.app.state.runtime.vault, caller, oficio_id)
