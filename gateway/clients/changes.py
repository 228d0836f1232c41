"""What takes two administrators waits here: proposed by one, approved or rejected by another, within seven days."""

from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import administration, rules, steps, store
from gateway.clients.models import Change, Client, Suspension
from gateway.clients.rules import Action, Decision, State
from gateway.clients.schemas import Why
from gateway.clients.service import SYSTEM, administers
from gateway.clients.steps import Payload, Step
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Conflict, Forbidden, NotFound, Refusal, Stale

Outcome = Client | Suspension | Change


async def ask(
    session: AsyncSession, caller: Caller, action: Action, subject: str, payload: Payload, why: Why
) -> Outcome:
    """Do at once what one administrator may do alone; else return the change that waits for another one."""
    administrator = await administration.acting(session, caller)
    step = await steps.check(session, action, subject, payload)
    if not step.takes_two:
        return await _write(session, caller, action, step, **administration.reasons(why))
    change = Change(
        id=ids.new("chg"), action=action, subject=subject, payload=dict(payload), reason=why.reason,
        reference=why.reference, proposed_by=administrator.id, proposed_at=clock.now(),
    )  # fmt: skip
    session.add(change)
    details = step.details | administration.reasons(why) | {"step": action, "subject": subject}
    audit.wrote(session, caller, "propose", "change", change.id, **details)
    await session.flush()
    return change


async def _write(session: AsyncSession, caller: Caller, action: Action, step: Step, **more: Any) -> Client | Suspension:
    written = step.write(caller.client_id)
    audit.wrote(session, caller, action, step.resource, step.resource_id, **step.details, **more)
    await session.flush()
    return written


async def approve(session: AsyncSession, caller: Caller, change_id: str) -> Change:
    """Do what was proposed, in this transaction, if it still may be done and the caller is another person.

    Raises NotFound, IllegalMove (decided or expired), Forbidden (proposer, or concerned), Conflict (no longer fits).
    """
    administrator = await administration.acting(session, caller)
    change = await find(session, change_id)
    state = _decided(change, Decision.APPROVE)
    proposer = await steps.client_of(session, change.proposed_by)
    me = steps.party_of(administrator)
    if me.is_also(steps.party_of(proposer)):
        raise Forbidden("Another administrator than the one who proposed it has to approve.")
    if not await administers(session, proposer, clock.now()):
        raise Conflict("Who proposed this is no administrator now: propose it anew.")
    try:
        step = await steps.check(session, change.action, change.subject, change.payload)
    except (Refusal, ValidationError) as error:
        raise Conflict(f"What was proposed no longer fits. {_said(error)}".strip()) from None
    if me.is_also(step.party):
        raise Forbidden("Nobody approves what concerns himself.")
    _close(change, state, administrator.id)
    audit.wrote(session, caller, "approve", "change", change.id, step=change.action, proposed_by=proposer.id)
    reasons = {"reason": change.reason, "reference": change.reference}
    await _write(session, caller, change.action, step, change=change.id, proposed_by=proposer.id, **reasons)
    return change


async def reject(session: AsyncSession, caller: Caller, change_id: str, why: Why) -> Change:
    """End a proposal without doing it. Its proposer may take it back; else whom it does not concern decides."""
    administrator = await administration.acting(session, caller)
    change = await find(session, change_id)
    state = _decided(change, Decision.REJECT)
    own = change.proposed_by == administrator.id
    if not own and steps.party_of(administrator).is_also(await _party(session, change)):
        raise Forbidden("Nobody decides what concerns himself.")
    _close(change, state, administrator.id)
    action = "withdraw" if own else "reject"
    audit.wrote(session, caller, action, "change", change.id, **administration.reasons(why))
    await session.flush()
    return change


async def expire(session: AsyncSession) -> int:
    """End what nobody decided in seven days. Returns how many there were."""
    await store.alone(session)
    found = await store.overdue(session, clock.now())
    for change in found:
        _close(change, rules.decided(change.state, Decision.EXPIRE), None)
        audit.wrote(session, SYSTEM, "expire", "change", change.id)
    return len(found)


async def find(session: AsyncSession, change_id: str) -> Change:
    """Return a change, decided ones too. Raises NotFound."""
    change = await store.find_change(session, change_id)
    if change is None:
        raise NotFound
    return change


def _decided(change: Change, decision: Decision) -> State:
    return rules.decided(rules.state_at(change.state, change.proposed_at, clock.now()), decision)


def _close(change: Change, state: State, by: str | None) -> None:
    change.state, change.decided_by, change.decided_at = state, by, clock.now()


async def _party(session: AsyncSession, change: Change) -> rules.Party:
    """Return whom a change concerns, also where it could no longer be done."""
    if change.action is Action.REGISTER:
        return rules.Party(change.subject, change.payload["agency"], change.payload.get("person"))
    if change.action is Action.LIFT and change.payload["kind"] == rules.Subject.AGENCY:
        return rules.Party(None, change.payload["subject"], None)
    client_id = change.payload["subject"] if change.action is Action.LIFT else change.subject
    return steps.party_of(await steps.client_of(session, client_id))


def _said(error: Refusal | ValidationError) -> str:
    """Return why, in our own words only: what a validation error says may quote what was proposed."""
    if isinstance(error, Stale):
        return "The client has changed since."
    return error.detail if isinstance(error, Refusal) else "It is not of the shape that is asked for now."
