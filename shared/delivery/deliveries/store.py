"""Every SQL statement about deliveries that people ask for.

What a gate withholds is shown once it has arrived, and not before: to its owner and to operators alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, func, insert, literal, update
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Caller
from shared.db import run
from shared.delivery import chains
from shared.delivery import store as endpoints
from shared.delivery.deliveries.rules import REPLAY
from shared.delivery.models import Alarm, Attempt, Delivery, Endpoint, Event
from shared.delivery.rules import MOST_REPLAYED, STUCK_AFTER, UNCHARGED, AlarmKind, DeliveryState
from shared.paging import Paging

LONGEST_LOG = 200
_NOT_REPEATED = chains.OWN_TYPES - {chains.REMINDER}
"""Heartbeats and the like tell of a moment. A reminder has a number among the events of its case, so it is repeated."""

_SUMMARY: tuple[Any, ...] = (
    Delivery.id, Delivery.event_id, col(Event.type).label("event_type"), Delivery.endpoint_id, Delivery.origin,
    Delivery.sequence, Delivery.state, Delivery.gate, Delivery.token, Delivery.due_at, Delivery.attempts,
    Delivery.last_outcome, Delivery.last_status, Delivery.first_sent_at, Delivery.delivered_at,
    col(Endpoint.state).label("endpoint_state"), Endpoint.channel,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries a list is to show."""

    endpoint_id: str | None = None
    state: str | None = None
    event_type: str | None = None
    since: datetime | None = None
    stuck: bool = False


def readable(caller: Caller) -> Any:
    """Select the deliveries that the caller may know of, without their bodies."""
    free, withheld = col(Delivery.gate).is_(None), col(Delivery.gate).is_not(None)
    return (
        endpoints.readable(caller)
        .join(Delivery, col(Delivery.endpoint_id) == col(Endpoint.id))
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .with_only_columns(*_SUMMARY)
        .where(
            or_(
                and_(free, col(Delivery.state) != DeliveryState.CANCELLED),
                and_(withheld, col(Delivery.state) == DeliveryState.DELIVERED),
            )
        )
    )


async def page(session: AsyncSession, caller: Caller, paging: Paging, wanted: Wanted) -> Sequence[Any]:
    """Return the deliveries of one page, newest first."""
    statement = readable(caller)
    if wanted.endpoint_id is None and caller.agency_kind != endpoints.OPERATOR:
        # Said once more as plain ids: else a database walks through everybody's deliveries to find these.
        own = [each.id for each in (await session.exec(endpoints.readable(caller))).all()]
        statement = statement.where(col(Delivery.endpoint_id).in_(own))
    for column, value in (
        (Delivery.endpoint_id, wanted.endpoint_id),
        (Delivery.state, wanted.state),
        (Event.type, wanted.event_type),
    ):
        if value is not None:
            statement = statement.where(col(column) == value)
    if wanted.since is not None:
        statement = statement.where(_first_sent() >= wanted.since)
    if wanted.stuck:
        statement = statement.where(
            col(Delivery.state) == DeliveryState.PENDING,
            col(Delivery.attempts) >= STUCK_AFTER,
            col(Delivery.gate).is_(None),
        )
    rows: Sequence[Any] = (await run(session, paging.apply(statement, Delivery.id))).all()
    return rows


def _first_sent() -> Any:
    """When it was first sent. 0.1.0 kept only when it arrived."""
    return func.coalesce(Delivery.first_sent_at, Delivery.delivered_at)


async def get(session: AsyncSession, caller: Caller, delivery_id: str) -> Any | None:
    """Return one delivery that the caller may know of."""
    return (await run(session, readable(caller).where(col(Delivery.id) == delivery_id))).first()


async def just_changed(session: AsyncSession, delivery_id: str) -> Any:
    """Return a delivery that the caller has just made or changed, whatever its gate will say."""
    statement = select(*_SUMMARY).join(Event).join(Endpoint)
    return (await run(session, statement.where(col(Delivery.id) == delivery_id))).one()


async def attempts(session: AsyncSession, delivery_id: str, *, gated: bool) -> Sequence[Any]:
    """Return the last attempts at a delivery, newest last.

    Those at which nothing left because a permit had ended are not shown: they were no attempt, and
    the receiver could tell from them how the gate came to open.
    """
    statement = (
        select(Attempt.started_at, Attempt.outcome, Attempt.status, Attempt.milliseconds)
        .where(Attempt.delivery_id == delivery_id)
        .order_by(col(Attempt.started_at).desc(), col(Attempt.id).desc())
        .limit(LONGEST_LOG)
    )
    if gated:
        uncharged = sorted(outcome.value for outcome in UNCHARGED)
        statement = statement.where(or_(col(Attempt.outcome).is_(None), col(Attempt.outcome).not_in(uncharged)))
    return list(reversed((await session.exec(statement)).all()))


async def unstick(session: AsyncSession, endpoint_id: str, delivery_id: str, now: datetime) -> None:
    """Close the alarm that this delivery is stuck, if there is one."""
    stuck = update(Alarm).where(
        col(Alarm.endpoint_id) == endpoint_id,
        col(Alarm.kind) == AlarmKind.STUCK,
        col(Alarm.delivery_id) == delivery_id,
        col(Alarm.cleared_at).is_(None),
    )
    await session.exec(stuck.values(cleared_at=now))


# -- once more -------------------------------------------------------------------------------------


async def is_replaying(session: AsyncSession, endpoint_id: str) -> bool:
    """Whether a replay to this endpoint has not ended.

    What a gate withholds does not count: else the refusal of a second replay would tell of it.
    """
    statement = select(Delivery.id).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.state == DeliveryState.PENDING,
        col(Delivery.gate).is_(None),
        col(Delivery.origin).startswith(f"{REPLAY}_", autoescape=True),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def received(session: AsyncSession, endpoint_id: str, since: datetime, until: datetime | None) -> Sequence[str]:
    """Return what an endpoint has received, first sent since then, in the order in which it was sent: ids.

    At most one more than a replay may hold.
    """
    statement = (
        select(Delivery.id)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .where(
            Delivery.endpoint_id == endpoint_id,
            Delivery.origin == "live",
            Delivery.state == DeliveryState.DELIVERED,
            col(Delivery.position).is_not(None),  # in the feed's index
            col(Delivery.first_sent_at) >= since,
            col(Event.type).not_in(sorted(_NOT_REPEATED)),
        )
        .order_by(col(Delivery.position))
        .limit(MOST_REPLAYED + 1)
    )
    if until is not None:
        statement = statement.where(col(Delivery.first_sent_at) < until)
    return (await session.exec(statement)).all()


_SAME = ("event_id", "endpoint_id", "case_key", "case_seq", "gate", "sequence", "body")


def _copying() -> Any:
    table = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    values = {
        "id": bindparam("key", type_=String),
        "origin": bindparam("run", type_=String),
        "due_at": bindparam("due", type_=table.c.due_at.type),
        "created_at": bindparam("now", type_=table.c.created_at.type),
        "state": literal(DeliveryState.PENDING.value, String),
        "sending": literal(False),
        "attempts": literal(0),
        "step": literal(0),
    }
    chosen = select(*(table.c[name] for name in _SAME), *values.values())
    source = chosen.where(table.c.id == bindparam("source", type_=String))
    return insert(table).from_select([*_SAME, *values], source)


_COPY = _copying()
"""Owes once more what was sent. The bytes never leave the database on the way."""


async def copy(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Owe deliveries once more, each row a copy: `source`, `key` (the new id), `run` (its origin), `due`, `now`."""
    if rows:
        await run(session, _COPY, rows)
