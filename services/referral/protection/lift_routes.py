"""HTTP of lifts and reviews, and of what bodies abroad receive."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.protection import crossings as abroad
from services.referral.protection import lifts as acts
from services.referral.protection import reviews as looked_at
from services.referral.protection import store
from services.referral.protection.lifting import LiftAction
from services.referral.protection.models import Crossing, Lift, Review
from services.referral.protection.rules import Answer
from services.referral.protection.schemas import CrossingOut, LiftDecision, LiftIn, LiftOut, ReviewDecision, ReviewOut
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

lifts = router("/v1/referral/lifts", "protection")
reviews = router("/v1/referral/reviews", "protection")
crossings = router("/v1/referral/crossings", "protection")
routes = (lifts, reviews, crossings)

Proposer = Annotated[Caller, Allow("referral:write", "PP")]
Decider = Annotated[Caller, Allow("referral:write", "PP", "COMAR")]
Knower = Annotated[Caller, Allow("referral:read", "PP", "COMAR")]
Representative = Annotated[Caller, Allow("referral:read", "PP")]
Abroad = Annotated[Caller, Allow("referral:read", "CHILD_PROTECTION_ABROAD")]
Answering = Annotated[Caller, Allow("referral:write", "CHILD_PROTECTION_ABROAD")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@lifts.post("", status_code=201, summary="Propose to lift a closed guard")
async def propose(request: Request, session: Session, caller: Proposer, body: LiftIn) -> LiftOut:
    """Propose, as the Procuraduría, that the guard open for one purpose and named recipients (R17).

    COMAR acts next or, of a consent, another officer of the Procuraduría.
    """
    return await acts.propose(session, _vault(request), caller, body)


@lifts.get("", summary="List lifts")
@audited_read
async def index(request: Request, session: Session, caller: Knower, paging: Pages) -> Page[LiftOut]:
    """List the lifts that you may know of: the Procuraduría's and COMAR's alone. The reading is recorded."""
    rows = (await session.exec(paging.apply(store.lifts(caller), Lift.id))).all()
    acts.was_read(session, caller, rows)
    return paging.page(rows, lambda row: acts.show(_vault(request), caller, row))


@lifts.get("/{lift_id}", summary="Read a lift")
@audited_read
async def read(request: Request, response: Response, session: Session, caller: Knower, lift_id: Id) -> LiftOut:
    """Return a lift with its reasons. The reading is recorded."""
    found = await acts.get(session, caller, lift_id)
    acts.was_read(session, caller, [found])
    etags.show(response, found.version)
    return acts.show(_vault(request), caller, found)


def _step(action: LiftAction, summary: str, words: str) -> None:
    async def step(request: Request, session: Session, caller: Decider, lift_id: Id, body: LiftDecision) -> LiftOut:
        return await acts.act(session, _vault(request), caller, lift_id, action, body)

    step.__doc__ = words
    lifts.post(f"/{{lift_id}}/{action.value}", summary=summary, name=action.value)(step)


_step(LiftAction.CONCUR, "Concur in a lift", "Let the guard open, as the second authority and another officer.")
_step(LiftAction.REFUSE, "Refuse a lift", "Leave the guard closed, as the second authority.")
_step(LiftAction.WITHDRAW, "Withdraw a proposed lift", "Take a proposal back before it was decided on.")
_step(LiftAction.END, "End a lift", "Close the guard again: what was released under the lift stops at once.")


@reviews.get("", summary="List the reviews that are due or done")
@audited_read
async def list_reviews(request: Request, session: Session, caller: Representative, paging: Pages) -> Page[ReviewOut]:
    """List what the Procuraduría looks at again at set dates: bars, releases and lifts. The reading is recorded."""
    rows = (await session.exec(paging.apply(store.reviews(caller), Review.id))).all()
    looked_at.was_read(session, caller, rows)
    return paging.page(rows, lambda row: looked_at.show(_vault(request), row))


@reviews.post("/{review_id}/decide", summary="Decide on a review")
async def decide(
    request: Request, session: Session, caller: Proposer, review_id: Id, body: ReviewDecision
) -> ReviewOut:
    """Keep what stands, end it, or propose a lift. What is kept is reviewed again; no review opens the guard."""
    return await acts.decide(session, _vault(request), caller, review_id, body)


@crossings.get("", summary="List what you were sent of children")
async def list_crossings(session: Session, caller: Abroad, paging: Pages) -> Page[CrossingOut]:
    """List, as a body of another state, what your system has received or you have acknowledged."""
    rows = (await session.exec(paging.apply(store.listed(caller), Crossing.id))).all()
    return paging.page(rows, abroad.show)


@crossings.get("/{crossing_id}", summary="Read what you were sent of a child")
async def read_crossing(session: Session, caller: Abroad, crossing_id: Id) -> CrossingOut:
    """Return what you received: it stays as it was."""
    return abroad.show(await abroad.get(session, caller, crossing_id))


@crossings.post("/{crossing_id}/acknowledge", summary="Say that you know of a child")
async def acknowledge(session: Session, caller: Answering, crossing_id: Id) -> CrossingOut:
    """Say that a person of your body knows. Safe to repeat."""
    return abroad.show(await abroad.acknowledge(session, caller, crossing_id))


@crossings.post("/{crossing_id}/accept", summary="Accept what you were asked for")
async def accept(session: Session, caller: Answering, crossing_id: Id) -> CrossingOut:
    """Say that you will do it. The Procuraduría talks to you next."""
    return abroad.show(await abroad.answer(session, caller, crossing_id, Answer.ACCEPTED))


@crossings.post("/{crossing_id}/decline", summary="Decline what you were asked for")
async def decline(session: Session, caller: Answering, crossing_id: Id) -> CrossingOut:
    """Say that you cannot do it."""
    return abroad.show(await abroad.answer(session, caller, crossing_id, Answer.DECLINED))
