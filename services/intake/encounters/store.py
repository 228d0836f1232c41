"""Every SQL statement on encounters."""

from collections.abc import Collection
from typing import Any

from sqlmodel import col, false, or_, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child
from services.intake.children.store import AUTHORITIES
from services.intake.encounters.models import Encounter
from shared.auth import Caller
from shared.delivery.models import Delivery, Event
from shared.delivery.rules import DeliveryState
from shared.events import EncounterRecorded


def readable(caller: Caller) -> Any:
    """Select the encounters in the caller's state; a federal office's are all (R37)."""
    if caller.agency_kind not in AUTHORITIES:
        return select(Encounter).where(false())
    return select(Encounter).where(Encounter.state == caller.state if caller.state else true())


async def get(session: AsyncSession, caller: Caller, encounter_id: str) -> Encounter | None:
    """Return an encounter that the caller may read: in its state, or of a child who is in its charge now (R37)."""
    statement = readable(caller)
    if caller.state is not None and caller.agency_kind in AUTHORITIES:
        here = select(Child.id).where(Child.id == Encounter.child_id, Child.state == caller.state)
        statement = select(Encounter).where(or_(Encounter.state == caller.state, here.exists()))
    found: Encounter | None = (await session.exec(statement.where(Encounter.id == encounter_id))).first()
    return found


async def several(session: AsyncSession, caller: Caller, encounter_ids: Collection[str]) -> dict[str, Encounter]:
    """Return those of these encounters that the caller may read, by id."""
    found = (await session.exec(readable(caller).where(col(Encounter.id).in_(encounter_ids)))).all()
    return {encounter.id: encounter for encounter in found}


async def recorded(session: AsyncSession, agency: str, external_ids: Collection[str]) -> set[str]:
    """Return which of an agency's own ids it has recorded encounters under already."""
    statement = select(Encounter.external_id).where(
        Encounter.agency == agency, col(Encounter.external_id).in_(external_ids)
    )
    return {name for name in (await session.exec(statement)).all() if name is not None}


async def meetings(session: AsyncSession, announcement_ids: Collection[str]) -> dict[str, str]:
    """Return by which encounter each of these announced children was met, as far as they were."""
    if not announcement_ids:
        return {}
    statement = select(Encounter.announcement_id, Encounter.id).where(
        col(Encounter.announcement_id).in_(announcement_ids)
    )
    return {told: met for told, met in (await session.exec(statement)).all() if told is not None}


async def undelivered(session: AsyncSession, subjects: list[str]) -> set[str]:
    """Return which of these encounters referral has not been told of yet."""
    statement = (
        select(Event.subject)
        .join(Delivery, col(Delivery.event_id) == col(Event.id))
        .where(
            col(Event.subject).in_(subjects),
            Event.type == EncounterRecorded.TYPE,  # its clocks speak under the same subject
            Delivery.state != DeliveryState.DELIVERED,
        )
    )
    return set((await session.exec(statement)).all())
