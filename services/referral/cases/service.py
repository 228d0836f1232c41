"""Use cases of cases: open one for a child, prove and bar, move it, and write down what happened.

Upper slices move a case by `advance` alone, and prove by `open_gate`. All of it is for a case that is locked.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import machine, store
from services.referral.cases.models import (
    Case,
    CaseBar,
    CaseEntry,
    CaseEntryParty,
    CaseGate,
)
from services.referral.cases.rules import (
    SETTLED,
    Action,
    Bar,
    Gate,
    Part,
    Seen,
    Status,
)
from services.referral.cases.schemas import (
    StepIn,
    allowed,
    held,
)
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.delivery import service as delivery
from shared.errors import IllegalMove, NotFound
from shared.events import CaseMoved

_CHANGED = "cases_changed"
INTAKE = "service:intake"


async def find(session: AsyncSession, caller: Caller, case_id: str, *, lock: bool = False) -> Case:
    """Return a case that the caller may read, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, case_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def find_with_clocks(session: AsyncSession, caller: Caller, case_id: str) -> Case:
    """Return a case, locked, for a step that may stop its clocks. Raises NotFound.

    They are locked before it, as by the worker that fires them: two orders would deadlock.
    """
    await find(session, caller, case_id)
    await store.hold_clocks(session, case_id)
    return await find(session, caller, case_id, lock=True)


async def id_of(session: AsyncSession, child_id: str) -> str | None:
    """Return the id of a child's case, if there is one: for what a sister says of the child."""
    case = await store.by_child(session, child_id)
    return case.id if case is not None else None


async def ensure(session: AsyncSession, child_id: str, state: str) -> Case:
    """Return the case of a child, locked with its clocks; open it at the first encounter, in that encounter's state.

    From its first moment the Procuraduría represents the child en suplencia (R26).
    """
    case = await of_child(session, child_id)
    if case is not None:
        return case
    now = clock.now()
    case = Case(
        id=ids.new("cas"), child_id=child_id, state=state, representative=competent(Kind.PP, state).id,
        timeline_since=now, created_at=now, updated_at=now,
    )  # fmt: skip
    try:
        async with session.begin_nested():
            session.add(case)
    except IntegrityError:  # a rival opened it meanwhile
        rival = await store.by_child(session, child_id, lock=True)
        if rival is None:
            raise
        return rival
    audit.wrote(session, SYSTEM, "open", "case", case.id, state=state, status=case.status.value)
    enter(session, case, code="case.opened", subject=case.id)
    return case


async def of_child(session: AsyncSession, child_id: str) -> Case | None:
    """Return the case of a child, locked with its clocks, if it has one; for the system's own use."""
    case = await store.by_child(session, child_id)
    return await find_with_clocks(session, SYSTEM, case.id) if case is not None else None


def notify(session: AsyncSession, caller: Caller, case: Case, at: datetime, *, evidence: str) -> None:
    """Take in that a Procuraduría has acknowledged the notice (R4). Later ones change nothing."""
    if case.notified_at is not None:
        return
    case.notified_at, case.notified_by = at, caller.agency
    open_gate(session, caller, case, Gate.PP_ACKNOWLEDGED, evidence=evidence)
    if case.status is Status.DETECTED:
        advance(session, caller, case, Action.NOTIFY)


def hand_over(
    session: AsyncSession, caller: Caller, case: Case, dif: str | None, at: datetime | None, *, evidence: str
) -> None:
    """Take in that a DIF has accepted the child, or (None) that it cannot after all."""
    case.dif, case.dif_accepted_at = dif, at
    prove = open_gate if dif is not None else close_gate
    prove(session, caller, case, Gate.DIF_ACCEPTED, evidence=evidence)
    audit.wrote(session, caller, "hand_over", "case", case.id, dif=dif)


def open_gate(session: AsyncSession, caller: Caller, case: Case, gate: Gate, *, evidence: str) -> None:
    """Note that a fact is on record: `evidence` is the id of the row that proves it."""
    _turn(session, caller, case, gate, evidence, is_open=True)


def close_gate(session: AsyncSession, caller: Caller, case: Case, gate: Gate, *, evidence: str) -> None:
    """Note that a fact holds no longer: `evidence` is the id of the row that ended it."""
    _turn(session, caller, case, gate, evidence, is_open=False)


def _turn(session: AsyncSession, caller: Caller, case: Case, gate: Gate, evidence: str, *, is_open: bool) -> None:
    case.gates = _with(case.gates, gate.value, present=is_open)
    session.add(CaseGate(id=ids.new("gat"), case_id=case.id, gate=gate, opened=is_open, **_by(caller, evidence)))
    changed(session, case)
    audit.wrote(session, caller, "open_gate" if is_open else "close_gate", "case", case.id, gate=gate.value)


def set_bar(session: AsyncSession, caller: Caller, case: Case, bar: Bar, *, evidence: str) -> None:
    """Forbid what this bar forbids, for as long as it stands."""
    _raise(session, caller, case, bar, evidence, is_up=True)


def lift_bar(session: AsyncSession, caller: Caller, case: Case, bar: Bar, *, evidence: str) -> None:
    """Forbid it no longer."""
    _raise(session, caller, case, bar, evidence, is_up=False)


def _raise(session: AsyncSession, caller: Caller, case: Case, bar: Bar, evidence: str, *, is_up: bool) -> None:
    case.bars = _with(case.bars, bar.value, present=is_up)
    session.add(CaseBar(id=ids.new("bar"), case_id=case.id, bar=bar, raised=is_up, **_by(caller, evidence)))
    changed(session, case)
    audit.wrote(session, caller, "set_bar" if is_up else "lift_bar", "case", case.id, bar=bar.value)


def _with(codes: list[str] | None, code: str, *, present: bool) -> list[str]:
    return sorted({*(codes or ()), code} if present else {*(codes or ())} - {code})


def _by(caller: Caller, evidence: str) -> dict[str, Any]:
    return {"evidence": evidence, "agency": caller.agency, "since": clock.now()}


def advance(session: AsyncSession, caller: Caller, case: Case, action: Action, *, subject: str | None = None) -> None:
    """Move a locked case, and enter it in the timeline. Raises IllegalMove or RefusedByLaw.

    `subject` is the id of what moved it, where that is not the case itself.
    """
    before = case.status
    case.status, case.resumes = machine.advance(case.standing, action, held(caller, case))
    if action not in SETTLED and Gate.CLOSING_ASKED in case.standing.gates:
        close_gate(session, caller, case, Gate.CLOSING_ASKED, evidence=subject or case.id)
    changed(session, case)
    audit.wrote(session, caller, action.value, "case", case.id, status=case.status.value)
    telling = action is Action.RECOGNISE or (action is Action.TAKE_UP and before is Status.REFUGE)
    seen = Seen.PP if telling else Seen.ALL
    enter(session, case, code=f"case.{action.value}", subject=subject or case.id, agency=caller.agency, seen=seen)


def enter(
    session: AsyncSession,
    case: Case,
    *,
    code: str,
    subject: str,
    agency: str | None = None,
    seen: Seen = Seen.ALL,
    parties: Collection[str] = (),
    at: datetime | None = None,
) -> None:
    """Add a line to the timeline of a case, for those who may read it (`parties`: with Seen.PARTIES)."""
    entry = CaseEntry(
        id=ids.new("ent"), case_id=case.id, at=at or clock.now(), code=code, subject=subject,
        agency=None if agency == SYSTEM.agency else agency, seen=seen,
    )  # fmt: skip
    session.add(entry)
    session.add_all(CaseEntryParty(entry_id=entry.id, agency=party) for party in sorted(set(parties)))


def changed(session: AsyncSession, case: Case) -> None:
    """Give a case its next version: one for everything that a transaction does to it."""
    case.updated_at = clock.now()
    done: set[str] = session.info.setdefault(_CHANGED, set())
    if case.id not in done:
        done.add(case.id)
        case.version += 1


async def tell_intake(session: AsyncSession, case: Case) -> None:
    """Tell intake whose territory a case is and whether it is closed: that says who reads the child, and how long."""
    changed(session, case)
    fact = CaseMoved(
        child_id=case.child_id, version=case.version, state=case.state,
        closed_at=case.updated_at if case.status is Status.CLOSED else None,
    )  # fmt: skip
    await delivery.publish(
        session, CaseMoved.TYPE, case=case.child_id, subject=case.id, audience=[INTAKE],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def step(
    session: AsyncSession, caller: Caller, case_id: str, action: Action, body: StepIn, *, if_match: str | None = None
) -> Case:
    """Take a step that is a case's own. Raises NotFound, Stale, IllegalMove or RefusedByLaw."""
    case = await taken(session, caller, case_id, if_match)
    advance(session, caller, case, action)
    audit.wrote(session, caller, "decide", "case", case.id, officer=body.officer, reference=body.reference)
    return case


async def taken(session: AsyncSession, caller: Caller, case_id: str, if_match: str | None, *parts: Part) -> Case:
    """Return a case, locked and as `if_match` knows it, to a caller who is one of `parts` to it (none: anybody)."""
    case = await find(session, caller, case_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, case.version)
    if parts and held(caller, case).isdisjoint(parts):
        theirs = ", ".join(part.value for part in parts)
        raise IllegalMove(f"This is another's to do: {theirs}.", allowed_actions=allowed(caller, case))
    return case


async def reads(session: AsyncSession, caller: Caller, case_id: str, *parts: Part) -> Case:
    """Return a case to a reader who is one of `parts` to it. To others there is no such thing. Raises NotFound."""
    case = await find(session, caller, case_id)
    if held(caller, case).isdisjoint(parts):
        raise NotFound
    return case
