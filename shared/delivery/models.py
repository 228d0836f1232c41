"""Tables of the webhook engine. Events and deliveries are inserted by the domain's own transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime, coded
from shared.delivery.rules import AlarmKind, Channel, DeliveryState, EndpointState


class EventCounter(SQLModel, table=True):
    """How many events a case has had: locked while the next one commits, so that order is commit order."""

    __tablename__ = "event_counter"

    case_key: str = Field(primary_key=True)
    n: int


class Event(SQLModel, table=True):
    """A fact that left with its transaction."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("case_key", "case_seq"),)

    id: str = Field(primary_key=True)
    type: str
    version: int = 1
    case_key: str
    case_seq: int
    subject: str = Field(description="the id of the resource that it is about", index=True)
    occurred_at: datetime = Field(sa_type=UTCDateTime)
    data: dict[str, Any] = Field(sa_type=JsonColumn)


class Endpoint(SQLModel, table=True):
    """Where one receiver wants its events, how they are signed, and how it has answered lately."""

    __tablename__ = "endpoint"

    id: str = Field(primary_key=True)
    owner: str = Field(index=True, description="agency, consulate, or `service:<name>`")
    channel: Channel = Field(default=Channel.WEBHOOK, sa_type=coded(Channel))
    url: str = Field(description="empty for a feed")
    event_types: list[str] | None = Field(default=None, sa_type=JsonColumn)
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=coded(EndpointState))
    cap: int = Field(default=4, description="how many may be on their way at once")
    retry_ceiling: int | None = Field(default=None, description="seconds: the receiver's own longest wait")
    mutual_tls: bool = False
    secrets: bytes = Field(description="sealed JSON: the HMAC secrets, newest first, as 0.1.0 reads them")
    signing_keys: bytes | None = Field(default=None, description="sealed JSON: every key with its times")
    served_at: datetime = Field(sa_type=UTCDateTime)
    failures: int = Field(default=0, description="in a row")
    pace: int = Field(default=4, description="how many may be on their way after what it answered lately")
    hold_until: datetime | None = Field(default=None, sa_type=UTCDateTime, description="the next probe")
    last_outcome: str | None = None
    last_attempt_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    delivered: int = Field(default=0, description="how many events it has answered with 2xx, or acknowledged")
    position: int = Field(default=0, description="the last place given in its feed")
    epoch: int = Field(default=1, description="grows with each restore from a backup: numbers start anew")
    proof_challenge: str | None = None
    proof_due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    proof_attempts: int = 0
    proof_outcome: str | None = None
    heartbeat_seconds: int | None = None
    heartbeat_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class Delivery(SQLModel, table=True):
    """One event on its way to one endpoint. A lease is `token` with `due_at` pushed to its end."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", "origin"),
        # That due_at is not null is always so. It keeps PostgreSQL from looking up the order of a case by this index:
        # with statistics from quieter days it would, and read a whole backlog for each row of it.
        Index("ix_delivery_due", "endpoint_id", "due_at",
              postgresql_where=text("state = 'pending' AND due_at IS NOT NULL"),
              sqlite_where=text("state = 'pending'")),
        Index("ix_delivery_order", "endpoint_id", "case_key", "case_seq",
              postgresql_where=text("state = 'pending'"), sqlite_where=text("state = 'pending'")),
        Index("ix_delivery_endpoint", "endpoint_id", "id"),
        Index("ix_delivery_feed", "endpoint_id", "position",
              postgresql_where=text("position IS NOT NULL"), sqlite_where=text("position IS NOT NULL")),
        Index("ix_delivery_unopened", "endpoint_id", "due_at",
              postgresql_where=text("state = 'pending' AND position IS NULL"),
              sqlite_where=text("state = 'pending' AND position IS NULL")),
        Index("ix_delivery_step", "next_step_at",
              postgresql_where=text("next_step_at IS NOT NULL"), sqlite_where=text("next_step_at IS NOT NULL")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="event.id")
    endpoint_id: str = Field(foreign_key="endpoint.id")
    case_key: str
    case_seq: int
    origin: str = Field(default="live", description="live, `rsd_…` or `rpl_…`: each has an order of its own")
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_type=coded(DeliveryState))
    gate: str | None = Field(default=None, description="what must permit each send, such as a release id")
    due_at: datetime = Field(sa_type=UTCDateTime)
    token: str | None = None
    sending: bool = Field(default=False, description="on its way, and so counted against the endpoint's cap")
    attempts: int = 0
    sequence: int | None = Field(default=None, description="the receiver's own count, from the first send on")
    position: int | None = Field(default=None, description="its place in the endpoint's feed, from the first send on")
    body: bytes | None = Field(default=None, description="the exact bytes, fixed at the first send")
    first_sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    last_outcome: str | None = None
    last_status: int | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="somebody said so")
    step: int = Field(default=0, description="how many steps of its escalation chain have happened")
    next_step_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Alarm(SQLModel, table=True):
    """Something about an endpoint that needs a person. Open until it is cleared; one of a kind at a time."""

    __tablename__ = "endpoint_alarm"
    __table_args__ = (
        Index("uq_endpoint_alarm_open", "endpoint_id", "kind", unique=True,
              postgresql_where=text("cleared_at IS NULL"), sqlite_where=text("cleared_at IS NULL")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="endpoint.id")
    kind: AlarmKind = Field(sa_type=coded(AlarmKind))
    delivery_id: str | None = None
    raised_at: datetime = Field(sa_type=UTCDateTime)
    cleared_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LaneCounter(SQLModel, table=True):
    """The last number that a receiver has seen for a case."""

    __tablename__ = "lane_counter"

    endpoint_id: str = Field(primary_key=True)
    case_key: str = Field(primary_key=True)
    n: int


class Attempt(SQLModel, table=True):
    """One try: written before the first byte leaves, closed afterwards."""

    __tablename__ = "attempt"

    id: str = Field(primary_key=True)
    delivery_id: str = Field(index=True)
    started_at: datetime = Field(sa_type=UTCDateTime, index=True)
    outcome: str | None = None
    status: int | None = None
    milliseconds: int | None = None
