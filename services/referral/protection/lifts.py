"""Lifts: how a closed guard opens again, for one purpose and named recipients, by two acts (R17)."""

from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.service import SYSTEM
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.protection import lifting, releases, reviews, rules, store
from services.referral.protection.knowing import enter, held, lock, named, stands
from services.referral.protection.lifting import LiftAction, LiftGround, LiftPurpose, ReviewSubject
from services.referral.protection.models import Lift, Review
from services.referral.protection.schemas import LiftDecision, LiftIn, LiftOut, ReviewDecision, ReviewOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.shapes import Country

_REASONS, _DECISION = "guard_lift", "guard_lift_decision"
_COUNTRY: TypeAdapter[str] = TypeAdapter(Country)


async def propose(session: AsyncSession, vault: Vault, caller: Caller, body: LiftIn) -> LiftOut:
    """Propose a lift, as the Procuraduría. Raises NotFound, Invalid, Conflict, RefusedByLaw."""
    case = await held(session, caller, body.case_id)
    guard = await lock(session, case.child_id)
    _vet(caller, body)
    _lawful(case, body.ground)
    if guard.blocked_at is None and not stands(case):
        raise Conflict("There is nothing to lift.", allowed_actions=[])
    if body.consent_by is not None and body.consent_by is not case.representation:
        raise lifting.LIFT.refuse("The consent is not from who represents the child.", allowed_actions=[])
    lift_id = ids.new("lft")
    lift = Lift(
        id=lift_id, case_id=case.id, child_id=case.child_id, ground=body.ground, purpose=body.purpose,
        recipients=sorted(set(body.recipients)), consent_by=body.consent_by, consent_at=body.consent_at,
        proposed_by=named(caller, body.officer), proposed_at=clock.now(), evidence=body.evidence,
        reasons=vault.seal(body.reasons.encode(), _REASONS, lift_id),
    )  # fmt: skip
    session.add(lift)
    await session.flush()
    audit.wrote(session, caller, "propose", "guard_lift", lift.id, case=case.id, officer=body.officer)
    enter(session, case, "lift.proposed", lift.id, caller.agency, Seen.PP)
    return show(vault, caller, lift)


def _vet(caller: Caller, body: LiftIn) -> None:
    """Raise Invalid unless every recipient is one that the purpose has."""
    for each in body.recipients:
        if body.purpose is LiftPurpose.CROSS_BORDER:
            found = directory.readable(caller).get(each)
            fit = found is not None and agencies.serves_abroad(found)
        else:
            fit = each != "MEX" and _is_country(each)
        if not fit:
            raise Invalid("A recipient is nobody whom this could be for.", faults=[Fault("/recipients", "unknown")])


def _is_country(code: str) -> bool:
    try:
        _COUNTRY.validate_python(code)
    except ValidationError:
        return False
    return True


def _lawful(case: Case, ground: LiftGround) -> None:
    if ground is not LiftGround.CONSENT and stands(case):
        raise lifting.LIFT.refuse(
            "While a claim, an appeal or protection stands only express consent lifts.", allowed_actions=[]
        )


async def get(session: AsyncSession, caller: Caller, lift_id: str) -> Lift:
    """Return a lift that the caller may know of. Raises NotFound."""
    found = await store.lift(session, caller, lift_id)
    if found is None:
        raise NotFound
    return found


def was_read(session: AsyncSession, caller: Caller, rows: Iterable[Lift]) -> None:
    """Write down that lifts were read, with their reasons."""
    for row in rows:
        audit.read(session, caller, "guard_lift", row.id)


async def act(
    session: AsyncSession, vault: Vault, caller: Caller, lift_id: str, action: LiftAction, body: LiftDecision
) -> LiftOut:
    """Take a step of a lift, with everything locked. Raises NotFound, IllegalMove, RefusedByLaw."""
    found = await get(session, caller, lift_id)
    case = await held(session, caller, found.case_id)
    await lock(session, case.child_id)
    lift = await get(session, caller, lift_id)
    await session.refresh(lift)
    by = named(caller, body.officer)
    following = lifting.advance(lift.state, action, lift.ground, caller.agency_kind)
    if action is LiftAction.CONCUR:
        _lawful(case, lift.ground)
        if lifting.one_officer(lift.proposed_by, by):
            raise lifting.LIFT.refuse("The second act is another officer's.", allowed_actions=[])
    if action is LiftAction.END:
        lift.decision_reasons = vault.seal(body.reasons.encode(), _DECISION, lift.id)
        await end(session, caller, case, lift, by)
        return show(vault, caller, lift)
    lift.state, lift.decided_by, lift.decided_at = following, by, clock.now()
    lift.decision_evidence = body.evidence
    lift.decision_reasons = vault.seal(body.reasons.encode(), _DECISION, lift.id)
    _note(session, caller, case, lift, action)
    if action is LiftAction.CONCUR:
        await reviews.begin(session, case, ReviewSubject.LIFT, lift.id)
    return show(vault, caller, lift)


def _note(session: AsyncSession, caller: Caller, case: Case, lift: Lift, action: LiftAction) -> None:
    lift.version += 1
    audit.wrote(session, caller, action.value, "guard_lift", lift.id, case=case.id)
    agency = None if caller is SYSTEM else caller.agency
    enter(session, case, f"lift.{action}", lift.id, agency, Seen.PP)


async def end(session: AsyncSession, caller: Caller, case: Case, lift: Lift, by: str | None = None) -> None:
    """End a lift of a locked guard: what was released under it stops in the same transaction."""
    lift.state = lifting.advance(lift.state, LiftAction.END, lift.ground, caller.agency_kind)
    lift.ended_by, lift.ended_at = by, clock.now()
    _note(session, caller, case, lift, LiftAction.END)
    await session.flush()
    await reviews.drop(session, ReviewSubject.LIFT, lift.id)
    await releases.stop_uncovered(session, case)


async def decide(
    session: AsyncSession, vault: Vault, caller: Caller, review_id: str, body: ReviewDecision
) -> ReviewOut:
    """Decide on a review: what is to end ends now. Raises NotFound, IllegalMove."""
    found = await _review(session, caller, review_id)
    case = await held(session, caller, found.case_id)
    await lock(session, case.child_id)
    review = await _review(session, caller, review_id)
    await session.refresh(review)
    await reviews.record(session, vault, caller, case, review, body)
    if body.outcome is lifting.ReviewOutcome.END:
        await _end_reviewed(session, caller, case, review, named(caller, body.officer))
    return reviews.show(vault, review)


async def _end_reviewed(session: AsyncSession, caller: Caller, case: Case, review: Review, by: str) -> None:
    if review.subject is ReviewSubject.LIFT:
        await end(session, caller, case, await get(session, caller, review.subject_id), by)
        return
    release = await store.release(session, caller, review.subject_id, lock=True)
    if release is not None and release.state is rules.ReleaseState.RELEASED:
        await releases.stop(session, case, release)


async def _review(session: AsyncSession, caller: Caller, review_id: str) -> Review:
    found = await store.review(session, caller, review_id)
    if found is None:
        raise NotFound
    return found


def show(vault: Vault, caller: Caller, lift: Lift) -> LiftOut:
    """Return a lift to one of the two authorities that know of it."""
    words = lift.decision_reasons
    return LiftOut(
        **lift.model_dump(exclude={"reasons", "decision_reasons", "child_id"}),
        reasons=vault.open(lift.reasons, _REASONS, lift.id).decode(),
        decision_reasons=vault.open(words, _DECISION, lift.id).decode() if words is not None else None,
        allowed_actions=lifting.allowed(lift.state, lift.ground, caller.agency_kind),
    )
