"""Every SQL statement of what is due, and of whom a clock that speaks concerns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case, CaseParty
from services.referral.cases.rules import Seen
from services.referral.clocks.rules import ORDERED
from services.referral.referrals.models import Referral
from shared import ids
from shared.audit import AuditEntry
from shared.auth import Caller
from shared.bundle import fields
from shared.clocks import store
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.delivery import bulk
from shared.paging import Paging


@dataclass(frozen=True, slots=True)
class Wish:
    """Which of the duties that an agency owes it wants to see."""

    state: ClockState | None = None
    rule: str | None = None
    case: str | None = None
    due_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A row of the list. Its place is its due time, as it was when it was shown: due times may move."""

    clock: Clock

    @property
    def id(self) -> str:
        """Where the next page goes on."""
        return f"{self.clock.due_at.isoformat()} {self.clock.id}"


def readable(caller: Caller) -> Any:
    """Select the clocks of the duties that the caller's agency owes. Others read a clock with what it is about.

    Of a case that is kept from it (R29) only those of duties that the law itself gives it.
    """
    kept = col(Clock.case_key).in_(cases.kept_from(caller))
    return store.readable(caller).where(or_(~kept, col(Clock.rule).in_(ORDERED)))


async def get(session: AsyncSession, caller: Caller, clock_id: str) -> Clock | None:
    """Return one clock that the caller may read."""
    found: Clock | None = (await session.exec(readable(caller).where(Clock.id == clock_id))).first()
    return found


async def due(session: AsyncSession, caller: Caller, paging: Paging, wish: Wish) -> Sequence[Due]:
    """Return one page, and one row more, by due time."""
    statement = readable(caller)
    if wish.state is not None:
        statement = statement.where(Clock.state == wish.state)
    if wish.rule is not None:
        statement = statement.where(Clock.rule == wish.rule)
    if wish.case is not None:
        statement = statement.where(Clock.case_key == wish.case)
    if wish.due_before is not None:
        statement = statement.where(Clock.due_at < wish.due_before)
    if paging.after is not None:
        moment, _, last = paging.after.partition(" ")
        shown = datetime.fromisoformat(moment)
        later = and_(col(Clock.due_at) == shown, col(Clock.id) > last)
        statement = statement.where(or_(col(Clock.due_at) > shown, later))
    statement = statement.order_by(col(Clock.due_at), col(Clock.id)).limit(paging.limit + 1)
    return [Due(found) for found in (await session.exec(statement)).all()]


# -- whom a clock concerns -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case is, and who represents the child."""

    state: str
    representative: str


async def places_of(session: AsyncSession, case_ids: Collection[str]) -> dict[str, Place]:
    """Return the places of cases by their ids."""
    statement = select(Case.id, Case.state, Case.representative).where(col(Case.id).in_(case_ids))
    return {case: Place(state, representative) for case, state, representative in (await session.exec(statement)).all()}


async def senders_of(session: AsyncSession, resource_ids: Collection[str]) -> dict[str, str]:
    """Return who sent the referrals among these resources, by id. They are locked, in one order for everybody."""
    statement = select(Referral.id, Referral.sender).where(col(Referral.id).in_(resource_ids))
    return dict((await session.exec(statement.order_by(col(Referral.id)).with_for_update())).all())


async def escalate(session: AsyncSession, told: Mapping[str, str]) -> None:
    """Write down which body above a referral's recipient has learned of it (referral → agency): it may read it now."""
    rows = [{"id": referral, "escalated_to": agency} for referral, agency in told.items()]
    await bulk.update(session, _REFERRALS, rows)


@dataclass(frozen=True, slots=True)
class Line:
    """What a clock said of a case, for its timeline, and who may read it: those who were told."""

    case: str
    code: str
    subject: str
    parties: Sequence[str]


async def enter(session: AsyncSession, lines: Sequence[Line], at: datetime) -> None:
    """Put what clocks have said on the timelines of their cases: in one order for everybody."""
    rows, parties = [], []
    for line in sorted(lines, key=lambda each: each.case):
        entry = {"id": ids.new("ent"), "case_id": line.case, "at": at, "code": line.code, "subject": line.subject}
        rows.append({**entry, "agency": None, "seen": Seen.PARTIES})
        parties += [{"entry_id": entry["id"], "agency": agency} for agency in line.parties]
    await bulk.insert(session, _ENTRIES, rows)
    await bulk.insert(session, _PARTIES, parties)


async def audited(session: AsyncSession, entries: Collection[AuditEntry]) -> None:
    """Write entries of the audit."""
    await bulk.insert(session, _AUDIT, [fields(each) for each in entries])


_REFERRALS, _AUDIT, _ENTRIES, _PARTIES = (
    SQLModel.metadata.tables[name] for name in ("referral", "audit_entry", "case_entry", "case_entry_party")
)


async def join(session: AsyncSession, rows: Collection[tuple[str, str]], since: datetime) -> None:
    """Let agencies take part in cases (case, agency), unless they do already: in one order for everybody."""
    if rows:
        values = [{"case_id": case, "agency": agency, "since": since} for case, agency in sorted(rows)]
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        await session.exec(insert(CaseParty).values(values).on_conflict_do_nothing())


async def copy(session: AsyncSession, clock_id: str) -> Clock | None:
    """Return the copy of a sister's clock, locked."""
    statement = select(Clock).where(Clock.id == clock_id, col(Clock.origin).is_not(None)).with_for_update()
    return (await session.exec(statement)).first()
