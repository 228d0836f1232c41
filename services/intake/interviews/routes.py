"""HTTP of interviews."""

from typing import Annotated

from fastapi import Request

from services.intake.interviews import service
from services.intake.interviews.models import Interview
from services.intake.interviews.rules import AUTHORITIES
from services.intake.interviews.schemas import InterviewIn, InterviewItem, InterviewOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

interviewing = router("/v1/intake/children", "interviews")
interviews = router("/v1/intake/interviews", "interviews")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", "INM")]


@interviewing.post("/{child_id}/interviews", status_code=201, summary="Record an interview")
async def record(request: Request, session: Session, caller: Writer, child_id: Id, body: InterviewIn) -> InterviewItem:
    """Record what a child said on topics of LM 112-VI; another topic is refused (R14).

    Signs of a need of protection close the guard before this answers; 503 when nobody could confirm that.
    """
    return await service.record(session, request.app.state.runtime, caller, child_id, body)


@interviewing.get("/{child_id}/interviews", summary="List the interviews of a child")
async def index(session: Session, caller: Reader, paging: Pages, child_id: Id) -> Page[InterviewItem]:
    """List a child's interviews, newest first: when, by whom, on what. What was said is in the single one."""
    rows = (await session.exec(paging.apply(await service.of_child(session, caller, child_id), Interview.id))).all()
    return paging.page(rows, service.item)


@interviews.get("/{interview_id}", summary="Read an interview")
@audited_read
async def show(request: Request, session: Session, caller: Reader, interview_id: Id) -> InterviewOut:
    """Return what was said to those with whom the law shares it. The reading is recorded, with its topics."""
    return await service.show(session, request.app.state.runtime, caller, interview_id)
