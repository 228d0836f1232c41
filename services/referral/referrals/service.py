"""Use cases of referrals: open one, take a step, and what a step of a mandatory one entails."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind, Service
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.referrals import rules, store
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Action, LawfulBasis, Party, ReferralKind, State, Urgency
from services.referral.referrals.schemas import ReferralIn
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.models import Clock
from shared.delivery import service as delivery
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.events import DutyMet, ReferralMoved

INTAKE = "service:intake"


async def find(session: AsyncSession, caller: Caller, referral_id: str, *, lock: bool = False) -> Referral:
    """Return a referral that the caller may read, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, referral_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def of_case(session: AsyncSession, case_id: str) -> Sequence[Referral]:
    """Return every referral of a case, oldest first, for the system's own use."""
    return await store.of_case(session, case_id)


async def seen(session: AsyncSession, caller: Caller, case_id: str) -> tuple[Sequence[Referral], Sequence[Clock]]:
    """Return the referrals of a case that the caller may read, oldest first, and their clocks."""
    found = await store.of_case(session, case_id, caller)
    return found, await store.clocks_of(session, [referral.id for referral in found])


def parties(caller: Caller, referral: Referral) -> set[Party]:
    """Return what the caller is to a referral; nothing when it may only read it."""
    known = {Party.SENDER: referral.sender, Party.RECIPIENT: referral.recipient}
    found = {party for party, agency in known.items() if agency == caller.agency}
    return found | {Party.SYSTEM} if caller is SYSTEM else found


def allowed(caller: Caller, referral: Referral) -> list[str]:
    """Return what the caller may do with a referral now."""
    return rules.allowed(referral.state, referral.kind, parties(caller, referral), last_resort=_last_resort(referral))


async def open_referral(
    session: AsyncSession,
    caller: Caller,
    *,
    case: Case,
    kind: ReferralKind,
    recipient_id: str,
    reason: str,
    sender_id: str | None = None,
    service: Service | None = None,
    urgency: Urgency = Urgency.HOUR,
    lawful_basis: LawfulBasis = LawfulBasis.LEGAL_OBLIGATION,
    note: str | None = None,
) -> Referral:
    """Open a referral and start its acknowledgement clock.

    `sender_id` is the caller's agency when left out; the system names the agency it acts for.
    """
    now = clock.now()
    referral_id = ids.new("ref")
    running = clocks.started(
        rules.acknowledgement(kind, urgency), case=case.id, resource_id=referral_id, agency=recipient_id, at=now
    )
    referral = Referral(
        id=referral_id, case_id=case.id, child_id=case.child_id, kind=kind, sender=sender_id or caller.agency,
        recipient=recipient_id, reason=reason, service=service, urgency=urgency, lawful_basis=lawful_basis,
        note=note, due_at=running.due_at, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(referral)
    session.add(running)
    await session.flush()
    for agency in sorted({referral.sender, referral.recipient} - {SYSTEM.agency}):  # one order: no deadlock
        await case_store.join(session, case.id, agency, now)
    audit.wrote(session, caller, "open", "referral", referral.id, kind=kind.value, recipient=recipient_id)
    _enter(session, case, referral, "sent", referral.sender)
    await _publish(session, ReferralMoved.SENT, referral)
    return referral


async def open_once(
    session: AsyncSession,
    caller: Caller,
    *,
    case: Case,
    kind: ReferralKind,
    recipient_id: str,
    reason: str,
    sender_id: str | None = None,
) -> Referral:
    """Return the referral of this kind that the recipient has open for a locked case, or open it."""
    existing = await store.live(session, case.id, kind, recipient_id)
    if existing is not None:
        return existing
    return await open_referral(
        session, caller, case=case, kind=kind, recipient_id=recipient_id, reason=reason, sender_id=sender_id
    )


async def request_service(session: AsyncSession, caller: Caller, body: ReferralIn) -> Referral:
    """Open a SERVICE referral for a case that the caller may read, to a body of the directory."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    if body.recipient not in directory.readable(caller):
        raise Invalid("The directory has no such body.", faults=[Fault("/recipient", "unknown")])
    if body.recipient == caller.agency:
        raise Conflict("A referral goes to another agency.")
    return await open_referral(
        session, caller, case=case, kind=ReferralKind.SERVICE, recipient_id=body.recipient, reason=body.reason.value,
        service=body.service, urgency=body.urgency, lawful_basis=body.lawful_basis, note=body.note,
    )  # fmt: skip


async def act(
    session: AsyncSession,
    caller: Caller,
    referral_id: str,
    action: Action,
    *,
    reason: str | None = None,
    note: str | None = None,
    if_match: str | None = None,
) -> Referral:
    """Take a step. The row is locked, so that of two rivals one moves it and one is refused.

    Its clock is locked before it, as by the worker that fires clocks: two orders would deadlock.
    Raises NotFound, Stale, IllegalMove or RefusedByLaw.
    """
    found = await find(session, caller, referral_id)
    await clock_store.find(session, rules.acknowledgement(found.kind, found.urgency).id, found.id)
    referral = await find(session, caller, referral_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, referral.version)
    referral.state = rules.move(
        referral.state, action, referral.kind, parties(caller, referral), last_resort=_last_resort(referral)
    )
    await _stamp(session, referral, action)
    referral.answer_reason = reason or referral.answer_reason
    referral.answer_note = note or referral.answer_note
    audit.wrote(session, caller, action.value, "referral", referral.id, state=referral.state.value, reason=reason)
    _enter(session, await cases.find(session, SYSTEM, referral.case_id), referral, action.value, caller.agency)
    await _entail(session, caller, referral, action)
    await _publish(session, ReferralMoved.TYPE, referral)
    return referral


def _enter(session: AsyncSession, case: Case, referral: Referral, what: str, agency: str) -> None:
    """Put it on the timeline of the case, for both agencies."""
    both = (referral.sender, referral.recipient)
    cases.enter(
        session, case, code=f"referral.{what}", subject=referral.id, agency=agency, seen=Seen.PARTIES, parties=both
    )


async def _stamp(session: AsyncSession, referral: Referral, action: Action) -> None:
    """Write down when it happened, and stop the acknowledgement clock."""
    now = clock.now()
    referral.version += 1
    referral.updated_at = now
    if action is Action.ACCEPT:
        referral.accepted_at = now
    if referral.state not in rules.LIVE:
        referral.closed_at = now
    deadline = rules.acknowledgement(referral.kind, referral.urgency)
    if action in rules.ANSWERS:
        referral.acknowledged_at = referral.acknowledged_at or now
        await clocks.meet(session, deadline.id, referral.id, now)
    elif referral.closed_at is not None:
        await clocks.cancel(session, deadline.id, referral.id)


async def _entail(session: AsyncSession, caller: Caller, referral: Referral, action: Action) -> None:
    """Do what a step of a mandatory referral means for its case."""
    if referral.kind is ReferralKind.PP_NOTICE and action in (Action.RECEIVE, Action.ACCEPT):
        case = await cases.find(session, SYSTEM, referral.case_id, lock=True)
        cases.notify(session, caller, case, referral.updated_at, evidence=referral.id)
        await duty_met(
            session, "D1", case.child_id, subject=referral.id, met_at=referral.acknowledged_at or referral.updated_at
        )
    if referral.kind is not ReferralKind.DIF_HANDOVER:
        return
    if action is Action.ACCEPT:
        case = await cases.find(session, SYSTEM, referral.case_id, lock=True)
        cases.hand_over(session, caller, case, referral.recipient, referral.accepted_at, evidence=referral.id)
        if case.channelled:  # it has its acta: to be handed over again takes an acceptance alone
            await duty_met(session, "D2", case.child_id, subject=referral.id, met_at=referral.updated_at)
    elif referral.state in (State.DECLINED, State.NOT_ACHIEVED):
        await _hand_on(session, caller, referral)


async def _hand_on(session: AsyncSession, caller: Caller, referral: Referral) -> None:
    """Ask the national system where a state's DIF cannot take the child: the child is never left between."""
    case = await cases.find(session, SYSTEM, referral.case_id, lock=True)
    if case.dif == referral.recipient:
        cases.hand_over(session, caller, case, None, None, evidence=referral.id)
    if (national := agencies.federal(Kind.DIF)) is not None:
        await open_once(
            session, SYSTEM, case=case, kind=ReferralKind.DIF_HANDOVER, recipient_id=national.id,
            reason="STATE_DIF_CANNOT", sender_id=referral.sender,
        )  # fmt: skip


def _last_resort(referral: Referral) -> bool:
    national = agencies.federal(Kind.DIF)
    return national is not None and referral.recipient == national.id


async def duty_met(session: AsyncSession, duty: str, child_id: str, *, subject: str, met_at: datetime) -> None:
    """Tell intake that a duty to a child was done: it stops the clocks that it runs for it."""
    fact = DutyMet(duty=duty, child_id=child_id, met_at=met_at)
    await delivery.publish(
        session, DutyMet.TYPE, case=child_id, subject=subject, audience=[INTAKE], data=fact.model_dump(mode="json")
    )


async def _publish(session: AsyncSession, event_type: str, referral: Referral) -> None:
    fact = ReferralMoved(referral_id=referral.id, state=referral.state.value)
    await delivery.publish(
        session, event_type, case=referral.case_id, subject=referral.id,
        audience=[referral.sender, referral.recipient], data=fact.model_dump(mode="json"),
    )  # fmt: skip
