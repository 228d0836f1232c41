"""What the steps of a claim entail: clocks, bars, holds, the case. All of it for what is locked."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Bar, Gate, Seen
from services.referral.referrals import service as referrals
from services.referral.referrals.rules import ReferralKind
from services.referral.refuge import holds, rules
from services.referral.refuge.codes import AppealDecision
from services.referral.refuge.models import RefugeClaim
from services.referral.refuge.rules import PROTECTING, ClaimAction, ClaimOutcome, ClaimState
from services.referral.refuge.schemas import (
    AppealDecisionIn,
    AppealIn,
    ClaimExtensionIn,
    ClaimInterviewIn,
    ClaimWithdrawalIn,
    NotificationIn,
    RemandIn,
    ResolutionIn,
)
from shared import clock
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.clocks.rules import Deadline, WorkingDays
from shared.errors import Fault, Invalid

_DECIDED = {
    AppealDecision.RECOGNISED: ClaimOutcome.RECOGNISED,
    AppealDecision.COMPLEMENTARY_PROTECTION: ClaimOutcome.COMPLEMENTARY_PROTECTION,
}


def check(action: ClaimAction, body: object, row: RefugeClaim, running: dict[str, Clock]) -> None:
    """Raise RefusedByLaw or Invalid unless what is said of a step is what the law asks for."""
    if isinstance(body, ClaimInterviewIn):
        if not (body.specialised and body.representative_present and body.understood):
            raise rules.PERSONAL.refuse(rules.PERSONAL.text.en, allowed_actions=[action.value])
        if body.held_at < row.filed_at:
            raise Invalid("Nobody is heard before the filing.", faults=[Fault("/held_at", "before_the_filing")])
    if isinstance(body, NotificationIn):
        if not (body.understood and body.representative_present):
            raise rules.UNDERSTOOD.refuse(rules.UNDERSTOOD.text.en, allowed_actions=[action.value])
        if body.notified_at < running["D11"].started_at:  # it would cut the time to appeal short
            raise Invalid("It was resolved later.", faults=[Fault("/notified_at", "before_the_resolution")])
    if isinstance(body, ClaimWithdrawalIn) and not body.wishes:
        raise rules.WITHDRAWAL.refuse(rules.WITHDRAWAL.text.en, allowed_actions=[])
    if isinstance(body, AppealIn):
        _check_appeal(body, running["D12"])
    if isinstance(body, RemandIn):
        appealed_at = running["D12"].met_at
        if appealed_at is not None and body.received_at < appealed_at:
            raise Invalid("It was appealed later.", faults=[Fault("/received_at", "before_the_appeal")])


def _check_appeal(body: AppealIn, window: Clock) -> None:
    late = clock.now() >= window.due_at
    if late and body.late_reason is None:
        raise rules.APPEAL_WINDOW.refuse("The appeal is late: name the cause.", allowed_actions=["appeal"])
    if not late and body.late_reason is not None:
        raise Invalid("The appeal is in time.", faults=[Fault("/late_reason", "not_late")])


def enter(session: AsyncSession, case: Case, row: RefugeClaim, what: str, caller: Caller) -> None:
    """Put it on the timeline of the case, for the Procuraduría alone."""
    cases.enter(session, case, code=f"refuge.{what}", subject=row.id, agency=caller.agency, seen=Seen.PP)


async def start(
    session: AsyncSession, case: Case, row: RefugeClaim, deadline: Deadline, agency: str, at: datetime | None = None
) -> None:
    """Start a clock of a claim, or let it run anew after a remand.

    Its days end at midnight in Mexico City: both authorities are federal.
    """
    calendar = await clocks.calendar_of(session, deadline) if deadline.in_days else None
    if not await clocks.restart(session, deadline, row.id, at=at, calendar=calendar):
        session.add(clocks.started(deadline, case=case.id, resource_id=row.id, agency=agency, at=at, calendar=calendar))


async def entail(
    session: AsyncSession, caller: Caller, case: Case, row: RefugeClaim, action: ClaimAction, body: object
) -> None:
    """Do what a step means for the clocks, the case and what is held up."""
    now, comar = clock.now(), competent(Kind.COMAR, case.state).id
    if action is ClaimAction.RATIFY:
        await clocks.meet(session, rules.D7.id, row.id)
    if action is ClaimAction.ASK_OPINION:
        await start(session, case, row, rules.D9, comar)
    if action is ClaimAction.RECEIVE_OPINION:
        row.opinion_at = now
        await clocks.meet(session, rules.D9.id, row.id)
    if isinstance(body, ClaimExtensionIn):
        by = WorkingDays(body.working_days)
        await clocks.extend(session, caller, rules.D10, row.id, by=by, ground=body.ground.value)
    if isinstance(body, ResolutionIn):
        row.outcome = body.outcome
        await clocks.meet(session, rules.D10.id, row.id)
        await start(session, case, row, rules.D11, comar)
    if isinstance(body, NotificationIn):
        await _notified(session, caller, case, row, body.notified_at)
    if action is ClaimAction.APPEAL:
        await clocks.meet(session, rules.D12.id, row.id)
    if isinstance(body, AppealDecisionIn):
        row.outcome = _DECIDED.get(body.decision, row.outcome)
    if isinstance(body, RemandIn):
        await _sent_back(session, caller, case, row, body.received_at)
    if action is ClaimAction.TELL_INM:
        row.inm_told_at = now
        await clocks.meet(session, rules.D8.id, row.id)
        await holds.tell(session, caller, evidence=row.id)
    if action is ClaimAction.RECOGNISE:
        cases.advance(session, caller, case, Action.RECOGNISE, subject=row.id)
        row.recognised_at = now
    if row.state not in rules.LIVE and action is not ClaimAction.RECOGNISE:
        await _over(session, caller, case, row)


async def _notified(session: AsyncSession, caller: Caller, case: Case, row: RefugeClaim, at: datetime) -> None:
    """Let the time to appeal run, unless there is nothing to appeal against. It forbids what the claim forbade."""
    await clocks.meet(session, rules.D11.id, row.id, at)
    if row.outcome is ClaimOutcome.RECOGNISED:
        return
    await start(session, case, row, rules.D12, case.representative, at)
    cases.set_bar(session, caller, case, Bar.APPEAL_PENDING, evidence=row.id)
    cases.lift_bar(session, caller, case, Bar.CLAIM_PENDING, evidence=row.id)


async def _sent_back(session: AsyncSession, caller: Caller, case: Case, row: RefugeClaim, at: datetime) -> None:
    """Let the claim be pending again. What SRE said stands; a time that was extended once is not extended again."""
    row.outcome = None
    await start(session, case, row, rules.D10, competent(Kind.COMAR, case.state).id, at)
    cases.set_bar(session, caller, case, Bar.CLAIM_PENDING, evidence=row.id)
    cases.lift_bar(session, caller, case, Bar.APPEAL_PENDING, evidence=row.id)


async def _over(session: AsyncSession, caller: Caller, case: Case, row: RefugeClaim) -> None:
    """Take in that nothing of a claim is pending any more. The guard is not touched: what was indicated stands."""
    for deadline in rules.DEADLINES:
        await clocks.cancel(session, deadline.id, row.id)
    if row.state is ClaimState.FINAL and row.outcome in PROTECTING:
        cases.set_bar(session, caller, case, Bar.RETURN_UNLAWFUL, evidence=row.id)
        cases.open_gate(session, caller, case, Gate.RECOGNISED, evidence=row.id)
    for bar in (Bar.CLAIM_PENDING, Bar.APPEAL_PENDING):
        if bar in case.standing.bars:
            cases.lift_bar(session, caller, case, bar, evidence=row.id)
    await holds.end(session, SYSTEM, case, evidence=row.id)
    if row.state is ClaimState.LAPSED:  # somebody sees to it that the child's claim is filed anew
        await referrals.open_once(
            session, SYSTEM, case=case, kind=ReferralKind.PP_VERIFY, recipient_id=case.representative,
            reason="NOT_RATIFIED", sender_id=competent(Kind.COMAR, case.state).id,
        )  # fmt: skip
