"""Use cases: report an absence, review the search, find the child."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.absences import rules, store
from services.referral.absences.models import Absence, AbsenceReview
from services.referral.absences.rules import AbsenceEnd, AbsenceKind
from services.referral.absences.schemas import AbsenceIn, AbsenceOut, FoundIn, ReviewIn, ReviewOut
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.representation import move_to
from services.referral.cases.rules import Action, Part, Status
from services.referral.cases.schemas import allowed, held
from services.referral.referrals import service as referrals
from services.referral.referrals.rules import ReferralKind
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.errors import Conflict, IllegalMove, NotFound

_TOLD = frozenset({Part.PP_HERE, Part.DIF_IN_CHARGE})
_REVIEWS = frozenset({Part.PP_HERE, Part.SYSTEM})
_WHY = "ABSENT"


async def report(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, body: AbsenceIn) -> AbsenceOut:
    """Take down that a child left care or is missing. The case steps aside; Procuraduría and MP are told."""
    case = await cases.find_with_clocks(session, caller, case_id)
    row_id = ids.new("abs")
    cases.advance(session, caller, case, rules.REPORTS[body.kind], subject=row_id)
    await _end(session, case, AbsenceEnd.NOW_MISSING, None)
    row = Absence(
        id=row_id, case_id=case.id, kind=body.kind, circumstances=body.circumstances, noticed_at=body.noticed_at,
        note=_sealed(vault, body.note, row_id), agency=caller.agency, officer=body.officer, reported_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    audit.wrote(session, caller, "report", "absence", row.id, case=case.id, kind=body.kind.value, officer=body.officer)
    _next_review(session, case, row, 1)
    await _tell(session, case, row)
    return await _shown(session, vault, caller, case, row)


async def _tell(session: AsyncSession, case: Case, row: Absence) -> None:
    """Open what the report entails: the Procuraduría's task and, for a missing child, the Ministerio Público's."""
    if row.agency != case.representative:
        await referrals.open_referral(
            session, SYSTEM, case=case, kind=ReferralKind.PP_VERIFY, recipient_id=case.representative, reason=_WHY,
            sender_id=row.agency,
        )  # fmt: skip
    prosecution = competent(Kind.MP, case.state).id
    if row.kind is AbsenceKind.MISSING and row.agency != prosecution:
        await referrals.open_referral(
            session, SYSTEM, case=case, kind=ReferralKind.MP_NOTICE, recipient_id=prosecution, reason=_WHY,
            sender_id=row.agency,
        )  # fmt: skip


def _next_review(session: AsyncSession, case: Case, row: Absence, number: int) -> None:
    """Make the next review of the search due: the Procuraduría of the territory owes it."""
    review = AbsenceReview(id=ids.new("rvw"), absence_id=row.id, number=number)
    session.add(review)
    deadline = rules.review(number)
    session.add(clocks.started(deadline, case=case.id, resource_id=review.id, agency=case.representative))


async def review(
    session: AsyncSession, vault: Vault, caller: Caller, case_id: str, absence_id: str, body: ReviewIn
) -> AbsenceOut:
    """Take down a review of the search; the next one is due from now on."""
    case, row = await _going_on(session, caller, case_id, absence_id)
    if held(caller, case).isdisjoint(_REVIEWS):
        raise IllegalMove("The Procuraduría of the territory reviews.", allowed_actions=_allowed(caller, case, row))
    due = (await store.reviews(session, [row.id]))[-1]
    due.finding, due.note = body.finding, _sealed(vault, body.note, due.id)
    due.reviewed_by, due.reviewed_at = f"{caller.agency}/{body.officer}", clock.now()
    await clocks.meet(session, rules.review(due.number).id, due.id)
    _next_review(session, case, row, due.number + 1)
    row.version += 1
    audit.wrote(session, caller, "review", "absence", row.id, case=case.id, finding=body.finding.value)
    cases.enter(session, case, code="absence.reviewed", subject=row.id, agency=caller.agency)
    return await _shown(session, vault, caller, case, row)


async def find(
    session: AsyncSession, vault: Vault, caller: Caller, case_id: str, absence_id: str, body: FoundIn
) -> AbsenceOut:
    """Take down that the child was found: the case goes on where it stood, in another territory if it is there."""
    case, row = await _going_on(session, caller, case_id, absence_id)
    cases.advance(session, caller, case, Action.FIND, subject=row.id)
    await _end(session, case, AbsenceEnd(body.how.value), f"{caller.agency}/{body.officer}")
    await _elsewhere(session, caller, case, row, body.state)
    return await _shown(session, vault, caller, case, row)


async def met_again(session: AsyncSession, case: Case, state: str) -> None:
    """Take in that INM met a child who was not where it should be: it is found."""
    row = await store.present(session, case.id)
    if row is None or case.status not in (Status.LEFT_CARE, Status.MISSING):
        return
    cases.advance(session, SYSTEM, case, Action.FIND, subject=row.id)
    await _end(session, case, AbsenceEnd.MET_AGAIN, None)
    await _elsewhere(session, SYSTEM, case, row, state)


async def _elsewhere(session: AsyncSession, caller: Caller, case: Case, row: Absence, state: str | None) -> None:
    """Let the authorities of another state take over, where the child was found there: each has to answer."""
    if state is None or state == case.state:
        return
    row.found_state = state
    await move_to(session, caller, case, state)
    if case.dif is not None:
        cases.hand_over(session, SYSTEM, case, None, None, evidence=row.id)
    for kind, body in ((ReferralKind.PP_NOTICE, Kind.PP), (ReferralKind.DIF_HANDOVER, Kind.DIF)):
        await referrals.open_once(
            session, SYSTEM, case=case, kind=kind, recipient_id=competent(body, state).id, reason=_WHY,
            sender_id=row.agency,
        )  # fmt: skip


async def ended(session: AsyncSession, case: Case) -> None:
    """Take in that a case was closed while the child was not found."""
    await _end(session, case, AbsenceEnd.CASE_CLOSED, None)


async def _end(session: AsyncSession, case: Case, how: AbsenceEnd, by: str | None) -> None:
    row = await store.present(session, case.id)
    if row is None:
        return
    row.ended_at, row.ended_how, row.ended_by = clock.now(), how, by
    row.version += 1
    for each in await store.reviews(session, [row.id]):
        if each.finding is None:
            await clocks.cancel(session, rules.review(each.number).id, each.id)
    await session.flush()


async def _going_on(session: AsyncSession, caller: Caller, case_id: str, absence_id: str) -> tuple[Case, Absence]:
    case = await cases.find_with_clocks(session, caller, case_id)
    row = await store.get(session, caller, case.id, absence_id)
    if row is None:
        raise NotFound
    if row.ended_at is not None:
        raise Conflict("This absence has ended.", allowed_actions=[])
    return case, row


def _sealed(vault: Vault, note: str | None, row_id: str) -> bytes | None:
    return vault.seal(note.encode(), "absence", row_id) if note else None


async def index(session: AsyncSession, vault: Vault, caller: Caller, case_id: str) -> list[AbsenceOut]:
    """Return the absences of a case. The reading of their words is recorded."""
    case = await cases.find(session, caller, case_id)
    audit.read(session, caller, "absences", case.id)
    rows = await store.of_case(session, caller, case.id)
    reviews = await store.reviews(session, [row.id for row in rows])
    return [_show(vault, caller, case, row, [each for each in reviews if each.absence_id == row.id]) for row in rows]


async def _shown(session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: Absence) -> AbsenceOut:
    await session.flush()
    return _show(vault, caller, case, row, await store.reviews(session, [row.id]))


def _show(vault: Vault, caller: Caller, case: Case, row: Absence, reviews: Sequence[AbsenceReview]) -> AbsenceOut:
    told = row.agency == caller.agency or not held(caller, case).isdisjoint(_TOLD)

    def said(each: Absence | AbsenceReview) -> str | None:
        return vault.open(each.note, "absence", each.id).decode() if told and each.note is not None else None

    return AbsenceOut(
        note=said(row),
        reviews=[
            ReviewOut(note=said(each), **each.model_dump(include=set(ReviewOut.model_fields) - {"note"}))
            for each in reviews
        ],
        allowed_actions=_allowed(caller, case, row),
        **row.model_dump(include=set(AbsenceOut.model_fields) - {"note", "reviews", "allowed_actions"}),
    )


def _allowed(caller: Caller, case: Case, row: Absence) -> list[str]:
    if row.ended_at is not None:
        return []
    steps = [Action.FIND.value] if Action.FIND.value in allowed(caller, case) else []
    return ([] if held(caller, case).isdisjoint(_REVIEWS) else ["review"]) + steps
