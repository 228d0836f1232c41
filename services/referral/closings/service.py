"""Use cases: ask that a case be closed, decide on it, reopen it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.absences import service as absences
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Gate, Part, Status
from services.referral.cases.schemas import allowed, held
from services.referral.closings import rules, store
from services.referral.closings.models import Closing, Reopening
from services.referral.closings.rules import ClosingState, ReopeningReason
from services.referral.closings.schemas import (
    ClosingIn,
    ClosingOut,
    ClosingRefusalIn,
    Closings,
    ReopeningIn,
    ReopeningOut,
)
from services.referral.majority import service as majority
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.errors import Conflict, IllegalMove

_WORDS = frozenset({Part.PP_HERE, Part.DIF_IN_CHARGE})


async def ask(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, body: ClosingIn) -> ClosingOut:
    """Ask that a case be closed. Raises RefusedByLaw while an item of the plan is open or a claim is pending."""
    case = await cases.find(session, caller, case_id, lock=True)
    row_id = ids.new("clo")
    cases.advance(session, caller, case, Action.REQUEST_CLOSE, subject=row_id)
    former = await store.pending(session, case.id)
    if former is not None:  # its gate was closed when something else was done with the case
        former.state, former.decided_at = ClosingState.LAPSED, clock.now()
    row = Closing(
        id=row_id, case_id=case.id, reason=body.reason, requested_by=f"{caller.agency}/{body.officer}",
        note=vault.seal(body.note.encode(), "case_closing", row_id) if body.note else None, requested_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    cases.open_gate(session, caller, case, Gate.CLOSING_ASKED, evidence=row.id)
    audit.wrote(session, caller, "ask", "closing", row.id, case=case.id, reason=body.reason.value)
    return _show(vault, caller, case, row)


async def approve(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, officer: str) -> ClosingOut:
    """Close a case: by a supervisor who did not ask for it. The clocks that still run for it are cancelled."""
    case, row = await _pending(session, caller, case_id)
    decided_by = f"{caller.agency}/{officer}"
    if (refused := rules.another(row.requested_by, decided_by, allowed_actions=allowed(caller, case))) is not None:
        raise refused
    cases.advance(session, caller, case, Action.CLOSE, subject=row.id)
    cases.close_gate(session, caller, case, Gate.CLOSING_ASKED, evidence=row.id)
    await absences.ended(session, case)
    await majority.closed(session, case)
    for each in await store.running(session, case.id):
        await clocks.cancel(session, each.rule, each.resource_id)
        audit.wrote(session, caller, "cancel", "clock", each.id, reason="CASE_CLOSED", closing=row.id)
    _decide(session, caller, row, ClosingState.APPROVED, decided_by)
    await cases.tell_intake(session, case)
    return _show(vault, caller, case, row)


async def refuse(
    session: AsyncSession, vault: Vault, caller: Caller, case_id: str, body: ClosingRefusalIn
) -> ClosingOut:
    """Let a case go on, as a supervisor."""
    case, row = await _pending(session, caller, case_id)
    if Part.PP_SUPERVISOR not in held(caller, case):
        raise IllegalMove("A supervisor of the Procuraduría decides.", allowed_actions=_allowed(caller, case, row))
    row.refusal = body.reason
    _drop(session, caller, case, row, ClosingState.REFUSED, body.officer)
    return _show(vault, caller, case, row)


async def withdraw(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, officer: str) -> ClosingOut:
    """Take a request back, as the agency that made it."""
    case, row = await _pending(session, caller, case_id)
    if not _own(caller, row):
        raise IllegalMove("Who asked for it takes it back.", allowed_actions=_allowed(caller, case, row))
    _drop(session, caller, case, row, ClosingState.WITHDRAWN, officer)
    return _show(vault, caller, case, row)


def _drop(session: AsyncSession, caller: Caller, case: Case, row: Closing, state: ClosingState, officer: str) -> None:
    cases.close_gate(session, caller, case, Gate.CLOSING_ASKED, evidence=row.id)
    cases.enter(session, case, code=f"closing.{state.value}", subject=row.id, agency=caller.agency)
    _decide(session, caller, row, state, f"{caller.agency}/{officer}")


def _decide(session: AsyncSession, caller: Caller, row: Closing, state: ClosingState, by: str) -> None:
    row.state, row.decided_by, row.decided_at = state, by, clock.now()
    audit.wrote(session, caller, state.value, "closing", row.id, case=row.case_id, officer=by)


async def _pending(session: AsyncSession, caller: Caller, case_id: str) -> tuple[Case, Closing]:
    case = await cases.find_with_clocks(session, caller, case_id)
    row = await store.pending(session, case.id)
    if row is None or Gate.CLOSING_ASKED not in case.standing.gates:
        raise Conflict("Nobody has asked that this case be closed.", allowed_actions=allowed(caller, case))
    return case, row


async def reopen(session: AsyncSession, caller: Caller, case_id: str, body: ReopeningIn) -> Case:
    """Let a closed case begin again."""
    case = await cases.find(session, caller, case_id, lock=True)
    await _reopen(session, caller, case, ReopeningReason(body.reason.value), f"{caller.agency}/{body.officer}")
    return case


async def met_again(session: AsyncSession, case: Case) -> None:
    """Take in that INM met the child of a closed case: it begins again, and the notice is due again (R4)."""
    if case.status is not Status.CLOSED:
        return
    await _reopen(session, SYSTEM, case, ReopeningReason.NEW_ENCOUNTER, None)
    case.notified_at, case.notified_by = None, None
    cases.close_gate(session, SYSTEM, case, Gate.PP_ACKNOWLEDGED, evidence=case.id)
    if case.dif is not None:
        cases.hand_over(session, SYSTEM, case, None, None, evidence=case.id)


async def _reopen(session: AsyncSession, caller: Caller, case: Case, reason: ReopeningReason, by: str | None) -> None:
    row = Reopening(id=ids.new("rop"), case_id=case.id, reason=reason, reopened_by=by, reopened_at=clock.now())
    cases.advance(session, caller, case, Action.REOPEN, subject=row.id)
    session.add(row)
    case.reopened += 1
    audit.wrote(session, caller, "reopen", "case", case.id, reason=reason.value, officer=by)
    await cases.tell_intake(session, case)


async def index(session: AsyncSession, vault: Vault, caller: Caller, case_id: str) -> Closings:
    """Return the requests to close a case and its reopenings. The reading of their words is recorded."""
    case = await cases.find(session, caller, case_id)
    audit.read(session, caller, "closings", case.id)
    rows = await store.of_case(session, caller, case.id)
    return Closings(
        items=[_show(vault, caller, case, row) for row in rows],
        reopenings=[ReopeningOut.model_validate(row) for row in await store.reopenings(session, case.id)],
    )


def _show(vault: Vault, caller: Caller, case: Case, row: Closing) -> ClosingOut:
    told = not held(caller, case).isdisjoint(_WORDS)
    note = vault.open(row.note, "case_closing", row.id).decode() if told and row.note is not None else None
    shown = row.model_dump(include=set(ClosingOut.model_fields) - {"note", "allowed_actions"})
    return ClosingOut.model_validate(shown | {"note": note, "allowed_actions": _allowed(caller, case, row)})


def _allowed(caller: Caller, case: Case, row: Closing) -> list[str]:
    if row.state is not ClosingState.REQUESTED or Gate.CLOSING_ASKED not in case.standing.gates:
        return []
    supervisor = Part.PP_SUPERVISOR in held(caller, case)
    may = {
        "approve": Action.CLOSE.value in allowed(caller, case),
        "refuse": supervisor,
        "withdraw": _own(caller, row),
    }
    return [step for step, lawful in may.items() if lawful]


def _own(caller: Caller, row: Closing) -> bool:
    return row.requested_by.partition("/")[0] == caller.agency
