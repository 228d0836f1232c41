"""Every SQL statement of erasure. No reader asks: the worker erases what the schedule says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel, col, delete, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.ages.models import AgeDecision
from services.intake.assistance.models import Assistance
from services.intake.attendances.models import CarerAttendance
from services.intake.cases.models import CaseStanding
from services.intake.children.models import Child, ChildChange
from services.intake.contacts.models import Contact
from services.intake.corrections.models import Correction
from services.intake.counts.models import LedgerEvent, Return
from services.intake.encounters.models import Encounter
from services.intake.families.models import CarerFinding, Family, FamilyMember, FamilySeparation
from services.intake.holds.models import Hold
from services.intake.identifiers.models import ExternalId
from services.intake.interviews.models import Interview
from services.intake.lodging.models import Stay, StayRelative
from services.intake.matches.models import Match, MatchChild, MatchKey, PersonLink
from services.intake.orientation.models import FieldAction
from services.intake.permits.models import HumanitarianPermit
from services.intake.procedures.models import Procedure
from services.intake.screenings.models import Screening
from services.intake.tracing.models import Tracing
from shared.clocks.models import Clock
from shared.delivery.models import Attempt, Delivery, Event, EventCounter, LaneCounter
from shared.delivery.rules import DeliveryState
from shared.idempotency import IdempotencyRecord

OF_A_CHILD: tuple[type[SQLModel], ...] = (
    AgeDecision, Assistance, CaseStanding, ChildChange, Contact, Correction, ExternalId, Hold, HumanitarianPermit,
    Interview,
    MatchChild, MatchKey, Procedure, Screening, Stay, Tracing,
)  # fmt: skip
"""Tables whose `child_id` says whose the row is: it goes with the child."""

COUNTED: tuple[tuple[type[SQLModel], str], ...] = (
    (LedgerEvent, "child_id"), (LedgerEvent, "person_id"), (Return, "child_id"),
    (PersonLink, "child_id"), (PersonLink, "person_id"),
)  # fmt: skip
"""What the official tables count by: the events stay, of a person whom nothing names."""


async def due(session: AsyncSession, now: datetime, blocked_by: datetime, limit: int) -> Sequence[str]:
    """Return children whose time has come and of whom nothing waits, the longest due first."""
    statement = select(Child.id).where(col(Child.blocked_at) <= blocked_by, col(Child.erase_after) <= now)
    free = statement.where(*(~waiting.exists() for waiting in _waiting(col(Child.id))))
    return (await session.exec(free.order_by(col(Child.erase_after)).limit(limit))).all()


async def get(session: AsyncSession, child_id: str, *, lock: bool = False) -> Child | None:
    """Return a child, locked if wished."""
    statement = select(Child).where(Child.id == child_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).first()


async def owed(session: AsyncSession, child_id: str) -> bool:
    """Whether something of the child waits to be delivered or counted: it would be lost."""
    return any([(await session.exec(each.limit(1))).first() is not None for each in _waiting(child_id)])


def _waiting(child_id: Any) -> tuple[Any, ...]:
    """Select what of a child is undelivered, and what is not counted."""
    undelivered = (
        select(Delivery.id)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .where(col(Event.case_key) == child_id, Delivery.state == DeliveryState.PENDING)
    )
    met = select(Encounter.id).where(col(Encounter.child_id) == child_id, col(Encounter.counted_at).is_(None))
    returned = select(Return.id).where(col(Return.child_id) == child_id, col(Return.counted_at).is_(None))
    return undelivered, met, returned


async def forget_replies(session: AsyncSession, until: datetime, limit: int) -> int:
    """Delete stored replies up to a moment, some at a time. Returns how many there were."""
    old = select(IdempotencyRecord.scope).where(col(IdempotencyRecord.created_at) <= until).limit(limit)
    return await _delete(session, IdempotencyRecord, col(IdempotencyRecord.scope).in_(old))


async def erase(session: AsyncSession, child_id: str, nobody: str) -> list[str]:
    """Delete everything of a child; what is counted is of `nobody`. Returns keys of carers who go with the child."""
    keys = await _family(session, child_id)
    await _delete(session, StayRelative, _of_stays(child_id))
    met = select(Encounter.id).where(Encounter.child_id == child_id)
    theirs = col(FieldAction.encounter_id).in_(met)
    await session.exec(update(FieldAction).where(theirs).values(encounter_id=None))
    await _delete(session, CarerAttendance, col(CarerAttendance.encounter_id).in_(met))
    for model in OF_A_CHILD:
        await _delete(session, model, _column(model, "child_id") == child_id)
    await _delete(session, Match, or_(col(Match.child_a) == child_id, col(Match.child_b) == child_id))
    await _told(session, child_id)
    for model, name in COUNTED:
        await session.exec(update(model).where(_column(model, name) == child_id).values({name: nobody}))
    await _delete(session, Encounter, col(Encounter.child_id) == child_id)
    await _delete(session, Child, col(Child.id) == child_id)
    return keys


def _of_stays(child_id: str) -> Any:
    """Say which relatives were known at the stays of a child, and at which stays it was one."""
    own = select(Stay.id).where(Stay.child_id == child_id)
    return or_(col(StayRelative.stay_id).in_(own), col(StayRelative.relative_id) == child_id)


async def _family(session: AsyncSession, child_id: str) -> list[str]:
    """Take a child out of its families; one that is left without children goes whole, with its carers."""
    statement = select(FamilyMember.family_id).where(FamilyMember.child_id == child_id)
    families = sorted(set((await session.exec(statement)).all()))
    await _delete(session, FamilyMember, col(FamilyMember.child_id) == child_id)
    left = select(FamilyMember.family_id).where(
        col(FamilyMember.family_id).in_(families), col(FamilyMember.child_id).is_not(None)
    )
    empty = set(families) - set((await session.exec(left)).all())
    carers = select(FamilyMember.key_id).where(col(FamilyMember.family_id).in_(empty))
    keys = [key for key in (await session.exec(carers)).all() if key is not None]
    for model in (CarerFinding, FamilySeparation, FamilyMember):
        await _delete(session, model, _column(model, "family_id").in_(empty))
    await _delete(session, Family, col(Family.id).in_(empty))
    return keys


async def _told(session: AsyncSession, child_id: str) -> None:
    """Delete the child's clocks, and the events about it with their deliveries: nobody waits for them."""
    events = select(Event.id).where(Event.case_key == child_id)
    deliveries = select(Delivery.id).where(col(Delivery.event_id).in_(events))
    await _delete(session, Attempt, col(Attempt.delivery_id).in_(deliveries))
    await _delete(session, Delivery, col(Delivery.event_id).in_(events))
    for model in (Event, EventCounter, LaneCounter, Clock):
        await _delete(session, model, _column(model, "case_key") == child_id)


def _column(model: type[SQLModel], name: str) -> Any:
    return col(getattr(model, name))


async def _delete(session: AsyncSession, model: type[SQLModel], which: Any) -> int:
    return int((await session.exec(delete(model).where(which))).rowcount)
