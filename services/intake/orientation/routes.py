"""HTTP of field actions and inquiries."""

from typing import Annotated

from fastapi import Request, Response

from services.intake.orientation import service, store
from services.intake.orientation.models import FieldAction, PaisanoInquiry
from services.intake.orientation.rules import InquiryAction, InquiryStatus
from services.intake.orientation.schemas import (
    FieldActionIn,
    FieldActionOut,
    ForwardIn,
    InquiryIn,
    InquiryItem,
    InquiryOut,
    InquiryStep,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

orientation = router("/v1/intake/orientation", "orientation")

Reader = Annotated[Caller, Allow("intake:read", store.HOLDER)]
Writer = Annotated[Caller, Allow("intake:write", store.HOLDER)]


@orientation.post("/actions", status_code=201, summary="Record what a Grupo Beta did")
async def act(session: Session, caller: Writer, body: FieldActionIn) -> FieldActionOut:
    """Record a rescue, first aid, social aid, orientation, legal advice, search or patrol. It names nobody."""
    return await service.act(session, caller, body)


@orientation.get("/actions", summary="List what Grupos Beta did")
async def actions(session: Session, caller: Reader, paging: Pages) -> Page[FieldActionOut]:
    """List the field actions in the caller's state, newest first."""
    rows = (await session.exec(paging.apply(store.actions(caller), FieldAction.id))).all()
    return paging.page(rows, FieldActionOut.model_validate)


@orientation.post("/inquiries", status_code=201, summary="Record an orientation or a complaint")
async def take(request: Request, response: Response, session: Session, caller: Writer, body: InquiryIn) -> InquiryOut:
    """Record what Programa Paisano was asked, settled on the spot, or took as a formal complaint."""
    return etags.shown(response, await service.take(session, request.app.state.runtime, caller, body))


@orientation.get("/inquiries", summary="List orientations and complaints")
async def inquiries(
    session: Session, caller: Reader, paging: Pages, status: InquiryStatus | None = None
) -> Page[InquiryItem]:
    """List the inquiries in the caller's state, newest first, without who complains."""
    statement = store.readable(caller)
    if status is not None:
        statement = statement.where(PaisanoInquiry.status == status)
    rows = (await session.exec(paging.apply(statement, PaisanoInquiry.id))).all()
    return paging.page(rows, service.item)


@orientation.get("/inquiries/{inquiry_id}", summary="Read an orientation or a complaint")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, inquiry_id: Id) -> InquiryOut:
    """Return an inquiry with who complains. The reading is recorded."""
    return etags.shown(response, await service.get(session, request.app.state.runtime, caller, inquiry_id))


async def _step(
    request: Request, response: Response, session: Session, caller: Caller, inquiry_id: str, if_match: str,
    action: InquiryAction, body: InquiryStep,
) -> InquiryOut:  # fmt: skip
    done = await service.step(session, request.app.state.runtime, caller, inquiry_id, if_match, action, body)
    return etags.shown(response, done)


@orientation.post("/inquiries/{inquiry_id}/forward", summary="Forward a formal complaint")
async def forward(
    request: Request, response: Response, session: Session, caller: Writer, inquiry_id: Id, if_match: etags.IfMatch,
    body: ForwardIn,
) -> InquiryOut:  # fmt: skip
    """Note that the authority that it is about has it now. Nothing is sent from here."""
    return await _step(request, response, session, caller, inquiry_id, if_match, InquiryAction.FORWARD, body)


@orientation.post("/inquiries/{inquiry_id}/resolve", summary="Resolve a formal complaint")
async def resolve(
    request: Request, response: Response, session: Session, caller: Writer, inquiry_id: Id, if_match: etags.IfMatch,
    body: InquiryStep,
) -> InquiryOut:  # fmt: skip
    """Note that it was answered."""
    return await _step(request, response, session, caller, inquiry_id, if_match, InquiryAction.RESOLVE, body)


@orientation.post("/inquiries/{inquiry_id}/withdraw", summary="Withdraw a formal complaint")
async def withdraw(
    request: Request, response: Response, session: Session, caller: Writer, inquiry_id: Id, if_match: etags.IfMatch,
    body: InquiryStep,
) -> InquiryOut:  # fmt: skip
    """Note that whoever complained takes it back."""
    return await _step(request, response, session, caller, inquiry_id, if_match, InquiryAction.WITHDRAW, body)
