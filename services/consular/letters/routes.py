"""HTTP of letters. There is no route that makes one: only a notice does."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.letters import service, store
from services.consular.letters.models import Letter
from services.consular.letters.rules import AUTHORITIES, LetterStatus
from services.consular.letters.schemas import LetterOut, LetterSentIn
from shared.auth import Allow, Caller
from shared.db import Session
from shared.delivery.parcels import Gate
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

Sent = Callable[[AsyncSession, Letter], Awaitable[None]]
"""What the notice does when a letter of it was handed over."""

_PDF = "application/pdf"
_PAPER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "PDF/UA-1 and PDF/A-2a, in Spanish",
        "content": {_PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7"}},
    },
    409: {"$ref": "#/components/responses/Problem409"},
}


def letters(gate: Gate, on_sent: Sent) -> APIRouter:
    """Return the router of letters. `gate` is asked at each printing."""
    made = router("/v1/consular/letters", "letters")
    Reader = Annotated[Caller, Allow("consular:read", *AUTHORITIES)]
    Writer = Annotated[Caller, Allow("consular:write", *AUTHORITIES)]

    @made.get("", summary="List the letters of your state")
    async def index(
        session: Session,
        caller: Reader,
        paging: Pages,
        status: Annotated[
            LetterStatus | None, Query(description="only those that stand there", examples=["to_send"])
        ] = None,
    ) -> Page[LetterOut]:
        """List letters to consulates; `status=to_send` are those that wait for a person."""
        statement = store.listed(caller, status)
        rows = (await session.exec(paging.apply(statement, Letter.id))).all()
        return paging.page(rows, lambda row: service.show(caller, row))

    @made.get("/{letter_id}.pdf", summary="Print a letter", response_class=Response, responses=_PAPER)
    async def show_paper(request: Request, caller: Reader, letter_id: Id) -> Response:
        """Return it to be signed and handed over within 30 minutes. Each printing asks the guard and is recorded."""
        content = await service.printed(request.app.state.runtime, gate, caller, letter_id)
        headers = {"Content-Disposition": 'attachment; filename="oficio.pdf"', "Cache-Control": "no-store"}
        return Response(content, media_type=_PDF, headers=headers)

    @made.get("/{letter_id}", summary="Read a letter")
    async def show(session: Session, caller: Reader, letter_id: Id) -> LetterOut:
        return service.show(caller, await service.find(session, caller, letter_id))

    @made.post("/{letter_id}/record", summary="Record that a letter was handed over")
    async def record(session: Session, caller: Writer, letter_id: Id, body: LetterSentIn) -> LetterOut:
        """Say who handed it over, when, how, and the number of the receipt."""
        letter = await service.record(session, caller, letter_id, body)
        await on_sent(session, letter)
        return service.show(caller, letter)

    return made
