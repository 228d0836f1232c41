"""HTTP of actas. There is no route that changes one."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.actas import service, store
from services.referral.actas.models import Acta
from services.referral.actas.schemas import ActaIn, ActaOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

routes = router("/v1/referral/actas", "actas")
Reader = Annotated[Caller, Allow("referral:read")]


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


@routes.get("/{acta_id}", summary="Read an acta")
async def show(session: Session, caller: Reader, acta_id: Id) -> ActaOut:
    return ActaOut.of(await service.find(session, caller, acta_id))
