"""Tables of the webhook engine. Events and deliveries are inserted by the domain's own transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime, coded
from shared.delivery.rules import DeliveryState, EndpointState


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
    """Where one receiver wants its events."""

    __tablename__ = "endpoint"

    id: str = Field(primary_key=True)
    owner: str = Field(index=True, description="agency, consulate, or `service:<name>`")
    url: str
    event_types: list[str] | None = Field(default=None, sa_type=JsonColumn)
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=coded(EndpointState))
    cap: int = 4
    secrets: bytes = Field(description="sealed JSON: the signing secrets, newest first")
    served_at: datetime = Field(sa_type=UTCDateTime)
    failures: int = Field(default=0, description="in a row")
    last_success_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class Delivery(SQLModel, table=True):
    """One event on its way to one endpoint. A lease is `token` with `due_at` pushed to its end."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", "origin"),
        Index("ix_delivery_due", "endpoint_id", "due_at",
              postgresql_where=text("state = 'pending'"), sqlite_where=text("state = 'pending'")),
        Index("ix_delivery_order", "endpoint_id", "case_key", "case_seq",
              postgresql_where=text("state = 'pending'"), sqlite_where=text("state = 'pending'")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="event.id")
    endpoint_id: str = Field(foreign_key="endpoint.id")
    case_key: str
    case_seq: int
    origin: str = "live"
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_type=coded(DeliveryState))
    gate: str | None = Field(default=None, description="what must permit each send, such as a release id")
    due_at: datetime = Field(sa_type=UTCDateTime)
    token: str | None = None
    sending: bool = Field(default=False, description="on its way, and so counted against the endpoint's cap")
    attempts: int = 0
    sequence: int | None = Field(default=None, description="the receiver's own count, from the first send on")
    body: bytes | None = Field(default=None, description="the exact bytes, fixed at the first send")
    created_at: datetime = Field(sa_type=UTCDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


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
    started_at: datetime = Field(sa_type=UTCDateTime)
    outcome: str | None = None
    status: int | None = None
    milliseconds: int | None = None
