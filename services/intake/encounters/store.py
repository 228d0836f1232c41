"""Every SQL statement on encounters."""

from typing import Any

from sqlmodel import col, false, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

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
    """Return an encounter that the caller may read."""
    found: Encounter | None = (await session.exec(readable(caller).where(Encounter.id == encounter_id))).first()
    return found


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
