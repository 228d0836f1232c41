"""Beyond 2xx: reminders and escalation of what nobody acknowledges, and the heartbeat of quiet endpoints.

A 2xx says that a machine received; an acknowledgement says that somebody knows. Steps count from
the first send, so nothing here ever speaks of an event that its receiver was not sent.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, telemetry
from shared.db import Database, is_lost
from shared.delivery import account, metrics, service
from shared.delivery.facts import EndpointChallenge, EndpointHeartbeat, EndpointTest, EventReminder
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import AlarmKind, Chain, Channel, DeliveryState, EndpointState, StepKind

REMINDER, HEARTBEAT = EventReminder.TYPE, EndpointHeartbeat.TYPE
CHALLENGE, TEST = EndpointChallenge.TYPE, EndpointTest.TYPE
OWN_TYPES = frozenset({REMINDER, HEARTBEAT, CHALLENGE, TEST})
"""Types of the engine itself: no filter of an endpoint applies to them, and none is ever escalated."""

Escalate = Callable[[AsyncSession, Event, Endpoint], Awaitable[None]]
"""How a service finds another way to a receiver that does not acknowledge."""

_BATCH = 50
_AGAIN = timedelta(minutes=5)


async def step(database: Database, chains: Mapping[str, Chain], escalate: Escalate | None) -> int:
    """Take every step that is due, once. Returns how many were taken."""
    now = clock.now()
    if not chains or not await _any_due(database, now):
        return 0
    async with database.work() as session:
        return sum([await _try(session, each, now, chains, escalate) for each in await _due(session, now)])


async def _any_due(database: Database, now: datetime) -> bool:
    async with database.work(write=False) as session:
        statement = select(Delivery.id).where(col(Delivery.next_step_at) <= now).limit(1)
        return (await session.exec(statement)).first() is not None


async def _due(session: AsyncSession, now: datetime) -> Sequence[Delivery]:
    statement = select(Delivery).where(col(Delivery.next_step_at) <= now).order_by(col(Delivery.next_step_at))
    return (await session.exec(statement.limit(_BATCH).with_for_update(skip_locked=True))).all()


async def _try(
    session: AsyncSession, each: Delivery, now: datetime, chains: Mapping[str, Chain], escalate: Escalate | None
) -> bool:
    """Take one step. A bug in one holds back no other; it is tried again in five minutes."""
    try:
        async with session.begin_nested():
            await _take(session, each, now, chains, escalate)
    except Exception as error:
        if is_lost(error):
            raise
        telemetry.failed(error)
        await session.refresh(each)
        each.next_step_at = now + _AGAIN
        return False
    return True


async def _take(
    session: AsyncSession, each: Delivery, now: datetime, chains: Mapping[str, Chain], escalate: Escalate | None
) -> None:
    fact = await session.get_one(Event, each.event_id)
    chain = chains.get(fact.type, ())
    if each.acknowledged_at is not None or each.first_sent_at is None or each.step >= len(chain):
        each.next_step_at = None
        return
    current = chain[each.step]
    due_at = each.first_sent_at + current.after
    if now < due_at:  # a claim that had read this row before its last step put the earlier time back
        each.next_step_at = due_at
        return
    metrics.LATENESS.observe((now - due_at).total_seconds())
    receiver = await session.get_one(Endpoint, each.endpoint_id)
    if current.kind is StepKind.REMIND and each.state is DeliveryState.DELIVERED:
        await _remind(session, each, fact, receiver, chain)
    elif current.kind is StepKind.ESCALATE and escalate is not None:
        await escalate(session, fact, receiver)
    elif current.kind is StepKind.PERSON:
        await account.raise_alarm(session, receiver.id, AlarmKind.UNACKNOWLEDGED, each.id)
    each.step += 1
    each.next_step_at = each.first_sent_at + chain[each.step].after if each.step < len(chain) else None
    telemetry.say("info", "step", kind=current.kind.value, delivery=each.id)


async def _remind(session: AsyncSession, each: Delivery, fact: Event, receiver: Endpoint, chain: Chain) -> None:
    """Owe a reminder, behind the same gate as what it reminds of."""
    assert each.first_sent_at is not None  # the caller has looked
    sent_at = each.first_sent_at.replace(microsecond=0)
    said = EventReminder(event_id=fact.id, event_type=fact.type, sent_at=sent_at, due_at=sent_at + chain[-1].after)
    await service.publish_to(
        session, REMINDER, [receiver], case=each.case_key, subject=fact.subject, data=said.model_dump(mode="json"),
        gate=each.gate,
    )  # fmt: skip


async def beat(database: Database) -> int:
    """Send a heartbeat to each endpoint that asked for one and has had nothing since. Returns how many."""
    now = clock.now()
    due = select(Endpoint).where(
        col(Endpoint.heartbeat_at) <= now,
        Endpoint.state == EndpointState.ACTIVE,
        Endpoint.channel == Channel.WEBHOOK,
    )
    async with database.work(write=False) as session:
        if (await session.exec(due.limit(1))).first() is None:
            return 0
    async with database.work() as session:
        quiet = (await session.exec(due.limit(_BATCH).with_for_update(skip_locked=True, key_share=True))).all()
        for receiver in quiet:
            await _beat(session, receiver, now)
    return len(quiet)


async def _beat(session: AsyncSession, receiver: Endpoint, now: datetime) -> None:
    """Say how many events this endpoint has answered: if it counts fewer, it has lost one."""
    every = timedelta(seconds=receiver.heartbeat_seconds or 0)
    last = max(filter(None, (receiver.last_success_at, receiver.created_at)))
    if now - last >= every and not await _waiting(session, receiver.id):
        case = f"heartbeat:{receiver.id}"
        data = EndpointHeartbeat(delivered=receiver.delivered).model_dump()
        await service.publish_to(session, HEARTBEAT, [receiver], case=case, subject=receiver.id, data=data)
        last = now
    receiver.heartbeat_at = max(last + every, now + timedelta(seconds=1)) if every else None


async def _waiting(session: AsyncSession, endpoint_id: str) -> bool:
    """Whether a heartbeat is still owed: one that was not received needs no second beside it."""
    statement = select(Delivery.id).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.case_key == f"heartbeat:{endpoint_id}",
        Delivery.state == DeliveryState.PENDING,
    )
    return (await session.exec(statement.limit(1))).first() is not None
