"""HTTP of matches."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request, Response

from services.intake.children.store import AUTHORITIES
from services.intake.matches import service, store
from services.intake.matches.models import Match
from services.intake.matches.rules import Action, Status
from services.intake.matches.schemas import LinkIn, MatchOut, RejectIn, UnlinkIn
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

matches = router("/v1/intake/matches", "matches")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Reviewer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A match under what the list is sorted by."""

    id: str
    match: Match


@matches.get("", summary="List possible matches")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    status: Annotated[Status | None, Query(description="left out: those on which your office acts next")] = None,
) -> Page[MatchOut]:
    """List pairs of records that may be one child, the likeliest first."""
    chosen = store.waiting(caller) if status is None else store.readable(caller).where(Match.status == status)
    found = (await session.exec(paging.apply(chosen, Match.rank))).all()
    return paging.page([_Ranked(each.rank, each) for each in found], lambda row: service.show(caller, row.match))


@matches.get("/{match_id}", summary="Read a possible match")
@audited_read
async def show(response: Response, session: Session, caller: Reader, match_id: Id) -> MatchOut:
    """Return why two records may be one child, field by field. The reading is recorded."""
    match = await service.get(session, caller, match_id)
    etags.show(response, match.version)
    return service.show(caller, match)


async def _decide(
    request: Request, response: Response, session: Session, caller: Caller, match_id: str, if_match: str, act: Action,
    body: LinkIn | RejectIn | UnlinkIn,
) -> MatchOut:  # fmt: skip
    runtime = request.app.state.runtime
    match = await service.decide(session, runtime, caller, match_id, if_match, act, body.code)
    etags.show(response, match.version)
    return service.show(caller, match)


@matches.post("/{match_id}/link", summary="Link two records of one child")
async def link(
    request: Request, response: Response, session: Session, caller: Reviewer, match_id: Id, if_match: etags.IfMatch,
    body: LinkIn,
) -> MatchOut:  # fmt: skip
    """Say that both are one child. Records of two states wait for a reviewer of each, or for a federal office.

    From the link on, what protects one from its consulate protects the other: referral confirms it first.
    """
    return await _decide(request, response, session, caller, match_id, if_match, Action.LINK, body)


@matches.post("/{match_id}/reject", summary="Reject a possible match")
async def reject(
    request: Request, response: Response, session: Session, caller: Reviewer, match_id: Id, if_match: etags.IfMatch,
    body: RejectIn,
) -> MatchOut:  # fmt: skip
    """Say that they are two children, or that nobody can tell. The pair is not proposed again."""
    return await _decide(request, response, session, caller, match_id, if_match, Action.REJECT, body)


@matches.post("/{match_id}/unlink", summary="Unlink two records")
async def unlink(
    request: Request, response: Response, session: Session, caller: Reviewer, match_id: Id, if_match: etags.IfMatch,
    body: UnlinkIn,
) -> MatchOut:  # fmt: skip
    """Undo a link: both are persons of their own again. The guard goes on protecting both."""
    return await _decide(request, response, session, caller, match_id, if_match, Action.UNLINK, body)
