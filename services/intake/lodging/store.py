"""Every SQL statement on lodging."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import and_, col, exists, false, func, or_, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind, TravelCondition
from services.intake.lodging.models import Stay, StayRelative
from services.intake.lodging.rules import SETTLED, StayStatus
from shared.auth import Caller

READERS = ("INM", "PP", "DIF")
"""Who must know where a child sleeps: who represents it, who cares for it, who met it."""

_COUNTS = Stay.status != StayStatus.VOID


def lodged(caller: Caller) -> Any:
    """Select the children of whose nights the caller may know: of its state, or in a place there (R37)."""
    if caller.agency_kind not in READERS:
        return select(Child).where(false())
    here = select(Stay.child_id).where(Stay.state == caller.state, _COUNTS)
    territory = or_(Child.state == caller.state, col(Child.id).in_(here)) if caller.state else true()
    return select(Child).where(territory, col(Child.blocked_at).is_(None))


def readable(caller: Caller) -> Any:
    """Select the stays of the children of whose nights the caller may know."""
    return select(Stay).where(col(Stay.child_id).in_(lodged(caller).with_only_columns(Child.id)))


async def child(session: AsyncSession, caller: Caller, child_id: str, *, lock: bool = False) -> Child | None:
    """Return a child of whose nights the caller may know."""
    statement = lodged(caller).where(Child.id == child_id)
    found: Child | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def get(session: AsyncSession, caller: Caller, stay_id: str, *, lock: bool = False) -> Stay | None:
    """Return a stay that the caller may read."""
    statement = readable(caller).where(Stay.id == stay_id)
    found: Stay | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def travelling(session: AsyncSession, child_id: str) -> TravelCondition:
    """Return how a child, whom the caller may lodge, travelled when it was last met. Unknown counts as alone."""
    statement = (
        select(Encounter.travel_condition)
        .where(Encounter.child_id == child_id, Encounter.kind != EncounterKind.ANNOUNCED)
        .order_by(col(Encounter.occurred_at).desc())
        .limit(1)
    )
    found = (await session.exec(statement)).first()
    return TravelCondition.UNACCOMPANIED if found is None else TravelCondition(found)


def _during(since: datetime, until: datetime | None) -> Any:
    """Whether a stay that counts has a moment in common with this span, whose end is not part of it."""
    begun = Stay.since < until if until is not None else true()
    return and_(_COUNTS, begun, or_(col(Stay.until).is_(None), col(Stay.until) > since))


async def overlaps(session: AsyncSession, child_id: str, since: datetime, until: datetime | None) -> bool:
    """Whether a child, who is locked, slept elsewhere at some moment of this span."""
    statement = select(Stay.id).where(Stay.child_id == child_id, _during(since, until)).limit(1)
    return (await session.exec(statement)).first() is not None


async def of_family(
    session: AsyncSession, child_id: str, relatives: Collection[str], since: datetime, until: datetime | None
) -> Sequence[Stay]:
    """Return where the children of the same family slept in this span, by whichever record says that they are."""
    naming = select(StayRelative.stay_id).where(StayRelative.relative_id == child_id)
    family = or_(col(Stay.child_id).in_(relatives), col(Stay.id).in_(naming))
    statement = select(Stay).where(family, Stay.child_id != child_id, _during(since, until))
    return (await session.exec(statement)).all()


def unlodged(caller: Caller) -> Any:
    """Select the children who were met and of whom nobody says where they sleep."""
    of_child = col(Stay.child_id) == col(Child.id)
    met = (
        select(func.max(Encounter.occurred_at))
        .where(Encounter.child_id == Child.id, Encounter.kind != EncounterKind.ANNOUNCED)
        .correlate(Child)
        .scalar_subquery()
    )
    sleeping = exists().where(of_child, col(Stay.status) == StayStatus.SLEEPING)
    settled = exists().where(
        of_child, col(Stay.status) == StayStatus.ENDED, col(Stay.end_reason).in_(SETTLED), col(Stay.until) >= met
    )
    return lodged(caller).where(met.is_not(None), ~sleeping, ~settled)


async def last_met(session: AsyncSession, child_ids: Collection[str]) -> dict[str, datetime]:
    """Return when each of these children, whom the caller may know of, was last met."""
    statement = (
        select(Encounter.child_id, func.max(Encounter.occurred_at))
        .where(col(Encounter.child_id).in_(child_ids), Encounter.kind != EncounterKind.ANNOUNCED)
        .group_by(col(Encounter.child_id))
    )
    return dict((await session.exec(statement)).all())


async def last_stays(session: AsyncSession, child_ids: Collection[str]) -> dict[str, Stay]:
    """Return the latest stay of each of these children, whom the caller may know of."""
    statement = select(Stay).where(col(Stay.child_id).in_(child_ids), _COUNTS).order_by(col(Stay.since))
    return {stay.child_id: stay for stay in (await session.exec(statement)).all()}
