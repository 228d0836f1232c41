"""One step of a referral whose row is locked, and what it entails: clocks, parts, the case, who is asked next."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import FEDERAL_PP
from services.referral.referrals import deadlines, ladder, notes, rules, store
from services.referral.referrals.asks import Ask
from services.referral.referrals.codes import Outcome, WithdrawReason
from services.referral.referrals.models import Referral
from services.referral.referrals.opening import note, open_once, open_referral, publish, run_clock
from services.referral.referrals.rules import Action, Party, ReferralKind, Standing, State
from shared import audit, clock
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.rules import ClockState
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import Conflict, Fault, Invalid
from shared.events import DutyMet, ReferralMoved

INTAKE = "service:intake"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said with a step."""

    reason: str | None = None
    note: str | None = None
    with_parts: bool = False
    """Whether the referrals under it end with it."""
    recipient: str | None = None
    """Whom it is handed on to, or who should have had it."""
    at: datetime | None = None
    """The time that was agreed."""


NOTHING = Said()


def standing(referral: Referral) -> Standing:
    """Return what of a referral decides which steps there are."""
    national = agencies.federal(Kind.DIF)
    last = national is not None and referral.recipient == national.id
    return Standing(referral.state, referral.kind, last_resort=last, proposed=referral.refusal_reason is not None)


async def take(
    session: AsyncSession,
    vault: Vault,
    caller: Caller,
    referral: Referral,
    action: Action,
    parties: set[Party],
    said: Said = NOTHING,
) -> None:
    """Take a step of a locked referral. Raises IllegalMove, RefusedByLaw, Conflict or Invalid."""
    state = rules.move(standing(referral), action, parties)
    instead = rules.allowed(standing(referral), parties)
    judged_in = await _needs_second(session, referral) if action is Action.DECLINE else None
    told = referral.state if judged_in else state
    if action in rules.CLOSES:
        await _close_parts(session, vault, caller, referral, instead, with_parts=said.with_parts)
    referral.version += 1
    referral.updated_at = clock.now()
    if said.note is not None:
        referral.sealed_answer = notes.seal(vault, notes.ANSWER, referral.id, said.note)
    audit.wrote(session, caller, action.value, "referral", referral.id, state=told.value, reason=said.reason)
    if judged_in is not None:
        await _propose(session, referral, judged_in, said)
    else:
        referral.state = state
        await _stamp(session, caller, referral, action, said)
        await _entail(session, vault, caller, referral, action, said, instead)
    note(session, await cases.find(session, SYSTEM, referral.case_id), referral, action.value, caller.agency)
    await session.flush()  # the timeline holds the case, and that is locked before events are numbered
    await publish(session, ReferralMoved.TYPE, referral)


# -- a refusal and its second party ---------------------------------------------------------------------


async def _needs_second(session: AsyncSession, referral: Referral) -> Case | None:
    case = await cases.find(session, SYSTEM, referral.case_id)
    return case if rules.needs_second(referral.reason, referral.service, (case.risk, referral.risk)) else None


async def _propose(session: AsyncSession, referral: Referral, case: Case, said: Said) -> None:
    """The state stays, the clock runs on: the second party has its own."""
    now = clock.now()
    referral.refusal_reason, referral.refusal_at, referral.refusal_returned = said.reason, now, None
    referral.refusal_to = _second_party(referral, case)
    await run_clock(session, deadlines.CONFIRM_REFUSAL, referral, referral.refusal_to, now)


def _second_party(referral: Referral, case: Case) -> str:
    """The Procuraduría of the territory; the federal one where that one refuses itself, or must not know."""
    own = agencies.competent(Kind.PP, case.state).id
    unfit = {referral.recipient, *(referral.withheld_from or ())}
    return next((each for each in (own, FEDERAL_PP) if each not in unfit), own)


async def _settle_refusal(session: AsyncSession, referral: Referral, action: Action, said: Said, now: datetime) -> None:
    """End the wait for a second party, whichever way."""
    if referral.refusal_reason is None or action in (Action.RECEIVE, Action.RETURN):
        return
    judged = action in (Action.CONFIRM_REFUSAL, Action.RETURN_REFUSAL)
    if action is Action.CONFIRM_REFUSAL:
        referral.answer_reason = referral.refusal_reason
    if action is Action.RETURN_REFUSAL:
        referral.refusal_returned = said.reason
    referral.refusal_reason = referral.refusal_at = referral.refusal_to = None
    if judged:
        await clocks.meet(session, deadlines.CONFIRM_REFUSAL.id, referral.id, now)
    else:
        await clocks.cancel(session, deadlines.CONFIRM_REFUSAL.id, referral.id)


# -- what is written down -------------------------------------------------------------------------------


async def _stamp(session: AsyncSession, caller: Caller, referral: Referral, action: Action, said: Said) -> None:
    """Write down what was said and when it happened, and see to the clocks."""
    now = referral.updated_at
    await _settle_refusal(session, referral, action, said, now)
    if action is Action.DECLINE:
        referral.answer_reason = said.reason
    elif action is Action.COMPLETE:
        referral.outcome = said.reason
    elif action is Action.HAND_ON:
        referral.outcome = Outcome.HANDED_ON.value
    elif action in (Action.NOT_ACHIEVE, Action.WITHDRAW, Action.ENTER_IN_ERROR):
        referral.end_reason = said.reason
    referral.hold_reason = said.reason if action is Action.HOLD else None
    if action is Action.ACCEPT:
        referral.accepted_at = now
    if referral.state not in rules.LIVE:
        referral.closed_at = now
    await _see_to_acknowledgement(session, referral, action, now)
    await _see_to_beginning(session, caller, referral, action, said, now)


async def _see_to_acknowledgement(session: AsyncSession, referral: Referral, action: Action, now: datetime) -> None:
    deadline = deadlines.acknowledgement(referral.kind, referral.urgency)
    if action in rules.ANSWERS:
        referral.acknowledged_at = referral.acknowledged_at or now
        await clocks.meet(session, deadline.id, referral.id, now)
    elif referral.closed_at is not None:
        await clocks.cancel(session, deadline.id, referral.id)


async def _see_to_beginning(
    session: AsyncSession, caller: Caller, referral: Referral, action: Action, said: Said, now: datetime
) -> None:
    """From acceptance the beginning is due; an agreed time takes the place of that; a hold for a reason stops it."""
    if referral.kind is not ReferralKind.SERVICE:
        return
    begin = deadlines.START_SERVICE[referral.urgency]
    both = (begin, deadlines.APPOINTMENT)
    if action is Action.ACCEPT:
        referral.serve_by = await run_clock(session, begin, referral, referral.recipient, now)
    elif action is Action.AGREE and said.at is not None:
        await clocks.cancel(session, begin.id, referral.id)
        referral.appointment_at = said.at
        referral.serve_by = await run_clock(session, deadlines.APPOINTMENT, referral, referral.recipient, said.at)
    elif action is Action.HOLD and said.reason is not None:
        running = await clock_store.find(session, begin.id, referral.id)
        if running is not None and running.state is ClockState.RUNNING and now < running.due_at:
            await clocks.pause(session, caller, begin, referral.id, reason=said.reason)
    elif action in rules.BEGINS or action is Action.RESUME:
        for each in both:
            await clocks.meet(session, each.id, referral.id, now)
    elif referral.closed_at is not None:
        for each in both:
            await clocks.cancel(session, each.id, referral.id)


# -- what follows ---------------------------------------------------------------------------------------


async def _entail(
    session: AsyncSession, vault: Vault, caller: Caller, referral: Referral, action: Action, said: Said,
    instead: list[str],
) -> None:  # fmt: skip
    """Do what a step means for the case, and ask the next body where this one has no place."""
    kind = referral.kind
    if kind is ReferralKind.PP_NOTICE and action in (Action.RECEIVE, Action.ACCEPT):
        case = await _locked(session, referral)
        met_at = referral.acknowledged_at or referral.updated_at
        cases.notify(session, caller, case, referral.updated_at, evidence=referral.id)
        await duty_met(session, "D1", case.child_id, subject=referral.id, met_at=met_at)
    elif action is Action.HAND_ON:
        await _hand_on(session, vault, caller, referral, said)
    elif action is Action.ENTER_IN_ERROR and kind in (ReferralKind.PP_NOTICE, ReferralKind.DIF_HANDOVER):
        await _replace(session, caller, referral, said, instead)
    elif kind is ReferralKind.DIF_HANDOVER and action is Action.ACCEPT:
        case = await _locked(session, referral)
        cases.hand_over(session, caller, case, referral.recipient, referral.accepted_at, evidence=referral.id)
    elif kind is ReferralKind.DIF_HANDOVER and referral.state in (State.DECLINED, State.NOT_ACHIEVED):
        await _next_handover(session, caller, referral)
    elif kind is ReferralKind.SERVICE and (referral.state, said_at_last(referral)) in ladder.MOVES_ON:
        await _next_provider(session, vault, referral)


def said_at_last(referral: Referral) -> str | None:
    """Return the code of why a referral ended."""
    return referral.answer_reason or referral.end_reason


async def _locked(session: AsyncSession, referral: Referral) -> Case:
    return await cases.find(session, SYSTEM, referral.case_id, lock=True)


async def _next_handover(session: AsyncSession, caller: Caller, referral: Referral) -> None:
    """Ask the next DIF for a place: the child is never left between."""
    case = await _locked(session, referral)
    if case.dif == referral.recipient:
        cases.hand_over(session, caller, case, None, None, evidence=referral.id)
    step = ladder.next_handover(agencies.known(referral.recipient), case.state, directory.readable(SYSTEM).values())
    national = agencies.federal(Kind.DIF)
    reason = "STATE_DIF_CANNOT" if national is not None and step.recipient == national.id else "NO_CAPACITY"
    await open_once(
        session, SYSTEM, case=case, kind=step.kind, recipient_id=step.recipient, reason=reason,
        sender_id=referral.sender, ask=Ask(follows=referral, risk=referral.risk),
    )  # fmt: skip


async def _next_provider(session: AsyncSession, vault: Vault, referral: Referral) -> None:
    """Ask the next body that gives the service; the last is the Procuraduría, which finds one."""
    case = await _locked(session, referral)
    asked = {each.recipient for each in await store.chain(session, SYSTEM, referral)}
    withheld = set(referral.withheld_from or ())
    kept = await case_store.withheld(session, case.id)
    fit = [each for each in directory.readable(SYSTEM).values() if not kept_from(kept, each.id, each.kind)]
    own = agencies.competent(Kind.PP, case.state).id
    step = ladder.next_provider(
        referral.service, case.state, FEDERAL_PP if own in withheld else own, fit,
        basis=referral.lawful_basis, without=asked | withheld | {referral.sender},
    )  # fmt: skip
    await _follow(session, vault, case, referral, step.kind, step.recipient)


async def _hand_on(session: AsyncSession, vault: Vault, caller: Caller, referral: Referral, said: Said) -> None:
    """The national DIF found a place in another state, or the Procuraduría a body that serves."""
    case = await _locked(session, referral)
    found = agencies.here(caller).get(said.recipient or "")
    handover = referral.kind is ReferralKind.DIF_HANDOVER
    if found is None or (handover and (found.kind is not Kind.DIF or found.id == referral.recipient)):
        raise Invalid("It is handed on to a body of the directory.", faults=[Fault("/recipient", "unfit")])
    if found.id == referral.sender or found.id in (referral.withheld_from or ()):
        raise Conflict("A referral goes to another agency, and to none that it is withheld from.")
    kind = ReferralKind.DIF_HANDOVER if handover else ReferralKind.SERVICE
    await _follow(session, vault, case, referral, kind, found.id)


async def _follow(
    session: AsyncSession, vault: Vault, case: Case, referral: Referral, kind: ReferralKind, recipient: str
) -> None:
    """Open the next referral of a chain, which says what the former said."""
    words = notes.words(vault, referral)
    service = kind is ReferralKind.SERVICE
    ask = Ask(
        service=referral.service, urgency=referral.urgency, lawful_basis=referral.lawful_basis, risk=referral.risk,
        fields=None if referral.fields is None else tuple(referral.fields), interpreter=referral.interpreter,
        withheld_from=tuple(referral.withheld_from or ()), note=words["note"], safe_contact=words["safe_contact"],
        parent_id=referral.parent_id if service else None, depth=referral.depth if service else 0, follows=referral,
        vault=vault,
    )  # fmt: skip
    if service or kind is ReferralKind.PP_FIND:
        await open_referral(
            session, SYSTEM, case=case, kind=kind, recipient_id=recipient, reason=referral.reason,
            sender_id=referral.sender, ask=ask,
        )  # fmt: skip
    else:
        await open_once(
            session, SYSTEM, case=case, kind=kind, recipient_id=recipient, reason="NO_CAPACITY",
            sender_id=referral.sender, ask=replace(ask, service=None),
        )  # fmt: skip


async def _replace(session: AsyncSession, caller: Caller, referral: Referral, said: Said, instead: list[str]) -> None:
    """What was ordered in error is ordered of whom it should have been, unless another one of its kind stands."""
    case = await _locked(session, referral)
    kind = Kind.PP if referral.kind is ReferralKind.PP_NOTICE else Kind.DIF
    others = [each for each in await store.of_case(session, case.id) if each.kind is referral.kind]
    stand = any(each.id != referral.id and each.state in rules.LIVE | rules.STANDING for each in others)
    if said.recipient is None:
        if not stand:
            raise rules.NEVER_ENDS.refuse("Say in `instead` who should have had it.", allowed_actions=instead)
        return
    found = directory.readable(caller).get(said.recipient)
    if found is None or found.kind is not kind or found.id == referral.recipient:
        raise Invalid(f"It goes to another {kind}.", faults=[Fault("/instead", "unfit")])
    await open_once(
        session, SYSTEM, case=case, kind=referral.kind, recipient_id=found.id, reason=referral.reason,
        sender_id=referral.sender, ask=Ask(follows=referral),
    )  # fmt: skip


async def _close_parts(
    session: AsyncSession, vault: Vault, caller: Caller, referral: Referral, instead: list[str], *, with_parts: bool
) -> None:
    """End what hangs under a referral that ends. Raises RefusedByLaw unless that was asked for."""
    parts = await store.live_parts(session, referral.id)
    if parts and not with_parts:
        raise rules.PARTS_FIRST.refuse("Referrals under this one are open.", allowed_actions=instead)
    said = Said(reason=WithdrawReason.PARENT_CLOSED.value, with_parts=True)
    for part_id in parts:
        await store.lock_clocks(session, part_id)
        part = await store.locked(session, part_id)
        if part.state in rules.LIVE:
            await take(session, vault, caller, part, Action.WITHDRAW, {Party.SENDER}, said)


async def duty_met(
    session: AsyncSession, duty: str, child_id: str, *, subject: str, met_at: datetime,
    encounters: list[str] | None = None,
) -> None:  # fmt: skip
    """Tell intake that a duty to a child was done: it stops the clocks of these encounters, or all that run for it."""
    fact = DutyMet(duty=duty, child_id=child_id, met_at=met_at, encounters=encounters)
    await delivery.publish(
        session, DutyMet.TYPE, case=child_id, subject=subject, audience=[INTAKE], data=fact.model_dump(mode="json")
    )
