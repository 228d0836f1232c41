"""Reviews at set dates: whatever stands, a bar, a release or a lift, is looked at again by the Procuraduría."""

from collections.abc import Iterable

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.protection import lifting, store
from services.referral.protection.knowing import enter, named
from services.referral.protection.lifting import REVIEWS, ReviewOutcome, ReviewState, ReviewSubject
from services.referral.protection.models import Review
from services.referral.protection.schemas import ReviewDecision, ReviewOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault

TABLE = "guard_review"


async def begin(session: AsyncSession, case: Case, subject: ReviewSubject, subject_id: str) -> None:
    """Set the date at which something is looked at again, unless one is set already."""
    if await store.due_reviews(session, subject, subject_id):
        return
    review_id = ids.new("grv")
    running = clocks.started(
        REVIEWS[subject], case=case.id, resource_id=review_id, agency=case.representative, at=clock.now()
    )
    session.add(running)
    session.add(Review(id=review_id, case_id=case.id, subject=subject, subject_id=subject_id, due_at=running.due_at))
    await session.flush()


async def drop(session: AsyncSession, subject: ReviewSubject, subject_id: str) -> None:
    """Take in that something has ended, so that there is nothing left to review."""
    for each in await store.due_reviews(session, subject, subject_id):
        each.state = ReviewState.DROPPED
        await clocks.cancel(session, REVIEWS[subject].id, each.id)


async def record(
    session: AsyncSession, vault: Vault, caller: Caller, case: Case, review: Review, body: ReviewDecision
) -> None:
    """Write down what a review of a locked case came to, and set the next date where what it was about stands on."""
    review.state = lifting.decide(review.state, review.subject, body.outcome)
    review.outcome, review.decided_by, review.decided_at = body.outcome, named(caller, body.officer), clock.now()
    review.reasons = vault.seal(body.reasons.encode(), TABLE, review.id)
    await clocks.meet(session, REVIEWS[review.subject].id, review.id)
    audit.wrote(session, caller, "review", "guard_review", review.id, case=case.id, officer=body.officer)
    enter(session, case, "review.done", review.id, caller.agency, Seen.PP)
    if body.outcome is not ReviewOutcome.END:
        await begin(session, case, review.subject, review.subject_id)


def was_read(session: AsyncSession, caller: Caller, rows: Iterable[Review]) -> None:
    """Write down that reviews were read, with their reasons."""
    for row in rows:
        audit.read(session, caller, "guard_review", row.id)


def show(vault: Vault, review: Review) -> ReviewOut:
    """Return a review to the Procuraduría."""
    return ReviewOut(
        **review.model_dump(exclude={"reasons"}),
        reasons=vault.open(review.reasons, TABLE, review.id).decode() if review.reasons is not None else None,
        allowed_actions=["decide"] if review.state is ReviewState.DUE else [],
    )
