"""Every SQL statement about notices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import col, false, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.letters import store as letters
from services.consular.letters.rules import AUTHORITIES
from services.consular.notices.models import Notice
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.delivery.facts import EventReminder
from shared.delivery.models import Attempt, Delivery, Endpoint, Event
from shared.events import NoticeIssued


def readable(caller: Caller) -> Any:
    """Select the notices that the caller may read if it can name them.

    A consulate's are those addressed or escalated to it whose first permitted send to it has begun, or of which a
    letter was handed over to it: whoever knows the id of one, which is pure chance, has received it, even where the
    answer got lost.
    """
    if caller.agency_kind == "CONSULATE":
        return select(Notice).where(
            or_(Notice.consulate_id == caller.agency, Notice.escalated_to == caller.agency),
            func.coalesce(Notice.addressee, Notice.nationality) == caller.country,
            or_(
                _deliveries(caller).where(col(Delivery.sequence).is_not(None)).exists(),
                letters.sent_to(caller, Notice.id),
            ),
        )
    if caller.agency_kind in AUTHORITIES:
        return select(Notice).where(Notice.state == caller.state)
    return select(Notice).where(false())


def listed(caller: Caller) -> Any:
    """Select the notices that the caller may discover.

    A consulate discovers here only what its own receiver has answered, or what it has acknowledged.
    An attempt that nothing answered may have sent nothing, and a list must not make up for it
    after the gate has closed.
    """
    if caller.agency_kind != "CONSULATE":
        return readable(caller)
    answered = _deliveries(caller).join(Attempt, col(Attempt.delivery_id) == col(Delivery.id))
    answered = answered.where(col(Attempt.status).is_not(None))
    return readable(caller).where(or_(col(Notice.acknowledged_at).is_not(None), answered.exists()))


def _deliveries(caller: Caller) -> Any:
    return (
        select(Delivery.id)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(Event.subject == Notice.id, Event.type == NoticeIssued.TYPE, Endpoint.owner == caller.agency)
        .correlate(Notice)
    )


async def find(session: AsyncSession, caller: Caller, notice_id: str, *, lock: bool = False) -> Notice | None:
    statement = readable(caller).where(Notice.id == notice_id)
    found: Notice | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def locked(session: AsyncSession, notice_id: str) -> Notice:
    """Return a notice for the service itself, locked."""
    return (await session.exec(select(Notice).where(Notice.id == notice_id).with_for_update())).one()


async def of_release(session: AsyncSession, release_id: str) -> Notice | None:
    """Return the notice that a release has led to."""
    return (await session.exec(select(Notice).where(Notice.release_id == release_id))).first()


async def deliveries(session: AsyncSession, notice_ids: Sequence[str]) -> Sequence[tuple[Event, str, Delivery]]:
    """Return the deliveries of notices and of their reminders that the caller may read about, with their receivers."""
    statement = (
        select(Event, Endpoint.owner, Delivery)
        .join(Delivery, col(Delivery.event_id) == col(Event.id))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(col(Event.subject).in_(notice_ids), col(Event.type).in_((NoticeIssued.TYPE, EventReminder.TYPE)))
    )
    return (await session.exec(statement)).all()


async def clocks(session: AsyncSession, notices: Sequence[Notice]) -> Sequence[Clock]:
    """Return the clocks of notices, and of their letters, that the caller has been shown to be able to read."""
    keys = [notice.release_id for notice in notices]
    statement = select(Clock).where(col(Clock.case_key).in_(keys)).order_by(col(Clock.rule), col(Clock.id))
    return (await session.exec(statement)).all()
