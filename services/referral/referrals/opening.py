"""How a referral comes to be: its row, its clock, who takes part, who is told."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM, bound_to
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.referrals import deadlines, notes, permission, rules, store
from services.referral.referrals.asks import Ask
from services.referral.referrals.models import Referral, ReferralWithheld
from services.referral.referrals.rules import ReferralKind
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.rules import Deadline
from shared.delivery import service as delivery
from shared.events import ReferralMoved

_PLAIN = Ask()


async def open_referral(
    session: AsyncSession,
    caller: Caller,
    *,
    case: Case,
    kind: ReferralKind,
    recipient_id: str,
    reason: str,
    sender_id: str | None = None,
    ask: Ask = _PLAIN,
) -> Referral:
    """Open a referral and start its acknowledgement clock.

    `sender_id` is the caller's agency when left out; the system names the agency it acts for.
    Raises RefusedByLaw for a body of a foreign state, and for a service where R28 or R29 forbids it.
    """
    if bound_to(recipient_id) is not None:
        raise rules.ABROAD.refuse("That body serves a foreign state.", allowed_actions=[])
    if kind is ReferralKind.SERVICE:
        await permission.check(session, case, recipient_id, ask)
    now, referral_id = clock.now(), ids.new("ref")
    running = clocks.started(
        deadlines.acknowledgement(kind, ask.urgency), case=case.id, resource_id=referral_id, agency=recipient_id, at=now
    )
    referral = Referral(
        id=referral_id, case_id=case.id, child_id=case.child_id, kind=kind, sender=sender_id or caller.agency,
        recipient=recipient_id, reason=reason, due_at=running.due_at, created_at=now, updated_at=now,
        **_columns(referral_id, ask),
    )  # fmt: skip
    session.add(referral)
    session.add(running)
    await session.flush()
    session.add_all(ReferralWithheld(referral_id=referral.id, agency=each) for each in ask.withheld_from)
    for agency in sorted({referral.sender, referral.recipient} - {SYSTEM.agency}):  # one order: no deadlock
        await case_store.join(session, case.id, agency, now)
    audit.wrote(session, caller, "open", "referral", referral.id, kind=kind.value, recipient=recipient_id)
    await publish(session, ReferralMoved.SENT, referral)
    note(session, case, referral, "sent", referral.sender)
    return referral


def _columns(referral_id: str, ask: Ask) -> dict[str, Any]:
    """Return what is said in a referral as its row holds it, the words sealed."""
    return {
        "service": ask.service, "urgency": ask.urgency, "lawful_basis": ask.lawful_basis, "risk": ask.risk,
        "fields": None if ask.fields is None else list(ask.fields), "withheld_from": list(ask.withheld_from) or None,
        "interpreter": ask.interpreter, "parent_id": ask.parent_id, "depth": ask.depth,
        "external_id": ask.external_id,
        "sealed_note": notes.seal(ask.vault, notes.NOTE, referral_id, ask.note),
        "sealed_contact": notes.seal(ask.vault, notes.CONTACT, referral_id, ask.safe_contact),
        "follows": ask.follows.id if ask.follows else None,
        "root_id": root_of(ask.follows) if ask.follows else None,
    }  # fmt: skip


def root_of(referral: Referral) -> str:
    """Return the first referral of the chain that this one is in."""
    return referral.root_id or referral.id


async def open_once(
    session: AsyncSession,
    caller: Caller,
    *,
    case: Case,
    kind: ReferralKind,
    recipient_id: str,
    reason: str,
    sender_id: str | None = None,
    ask: Ask = _PLAIN,
) -> Referral:
    """Return the referral of this kind that the recipient has open for a locked case, or open it."""
    existing = await store.live(session, case.id, kind, recipient_id)
    if existing is not None:
        return existing
    return await open_referral(
        session, caller, case=case, kind=kind, recipient_id=recipient_id, reason=reason, sender_id=sender_id, ask=ask
    )


async def run_clock(
    session: AsyncSession, deadline: Deadline, referral: Referral, agency: str, at: datetime
) -> datetime:
    """Start a clock of a referral, or start it anew. Returns when it is due."""
    fresh = clocks.started(deadline, case=referral.case_id, resource_id=referral.id, agency=agency, at=at)
    found = await clock_store.find(session, deadline.id, referral.id)
    if found is None:
        session.add(fresh)
    else:
        for name in fresh.model_dump(exclude={"id", "origin", "follower"}):
            setattr(found, name, getattr(fresh, name))
    return fresh.due_at


async def publish(session: AsyncSession, event_type: str, referral: Referral) -> None:
    """Tell both agencies that a referral was sent or has moved."""
    fact = ReferralMoved(referral_id=referral.id, state=referral.state.value)
    await delivery.publish(
        session, event_type, case=referral.case_id, subject=referral.id,
        audience=sorted({referral.sender, referral.recipient}), data=fact.model_dump(mode="json"),
    )  # fmt: skip


def note(session: AsyncSession, case: Case, referral: Referral, step: str, agency: str) -> None:
    """Enter what happened in the case's timeline, for both agencies."""
    cases.enter(
        session, case, code=f"referral.{step}", subject=referral.id, agency=agency, seen=Seen.PARTIES,
        parties=(referral.sender, referral.recipient),
    )  # fmt: skip
