"""Use cases of cases: open one for a child, let an agency take part, take the steps of stage 1."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import rules, store
from services.referral.cases.models import Case
from services.referral.cases.rules import Action
from services.referral.cases.schemas import allowed
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import NotFound


async def find(session: AsyncSession, caller: Caller, case_id: str, *, lock: bool = False) -> Case:
    """Return a case that the caller may read, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, case_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def ensure(session: AsyncSession, child_id: str, state: str) -> Case:
    """Return the case of a child, locked; open it at the first encounter, in that encounter's state.

    From its first moment the Procuraduría represents the child en suplencia (R26).
    """
    case = await store.by_child(session, child_id, lock=True)
    if case is not None:
        return case
    now = clock.now()
    case = Case(
        id=ids.new("cas"), child_id=child_id, state=state, representative=competent(Kind.PP, state).id,
        created_at=now, updated_at=now,
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
    return case


def notify(session: AsyncSession, caller: Caller, case: Case, at: datetime) -> None:
    """Take in that a Procuraduría has acknowledged the notice (R4). Later ones change nothing."""
    if case.notified_at is None:
        case.notified_at, case.notified_by = at, caller.agency
        advance(session, caller, case, Action.NOTIFY)


def hand_over(session: AsyncSession, caller: Caller, case: Case, dif: str | None, at: datetime | None) -> None:
    """Take in that a DIF has accepted the child, or (None) that it cannot after all."""
    case.dif, case.dif_accepted_at = dif, at
    _changed(case)
    audit.wrote(session, caller, "hand_over", "case", case.id, dif=dif)


def advance(session: AsyncSession, caller: Caller, case: Case, action: Action) -> None:
    """Move a locked case. Raises IllegalMove."""
    case.status = rules.advance(case.status, action, allowed=allowed(caller, case))
    _changed(case)
    audit.wrote(session, caller, action.value, "case", case.id, status=case.status.value)


def _changed(case: Case) -> None:
    case.version += 1
    case.updated_at = clock.now()
