"""The tables of clients, suspensions and changes that wait for a second administrator."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from gateway.clients.rules import Action, Reason, State, Subject
from shared.db import JsonColumn, UTCDateTime, coded


class Client(SQLModel, table=True):
    """A partner's system. What it says here is the ceiling of every token that it gets."""

    __tablename__ = "client"

    id: str = Field(primary_key=True)
    agency: str
    agency_kind: str
    office: str | None = None
    state: str | None = None
    role: str
    country: str | None = None
    scopes: list[str] = Field(sa_type=JsonColumn)
    secret_hash: bytes | None = Field(default=None, description="sandbox only")
    jwks: dict[str, Any] = Field(
        sa_type=JsonColumn,
        description="`keys`: public keys that sign its assertions, each with registered_at and expires_at; "
        "`former`: thumbprints of those that never count again",
    )
    dpop: bool = Field(default=False, description="whether its tokens are bound to a key (RFC 9449)")
    person: str | None = Field(default=None, description="administrators only: whose client it is, by staff number")
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


_OPEN = text("lifted_at IS NULL")
_PENDING = text("state = 'pending'")


class Suspension(SQLModel, table=True):
    """From `since` to `lifted_at` this client, or every client of this agency, gets nothing."""

    __tablename__ = "suspension"
    __table_args__ = (
        Index("uq_suspension_open", "kind", "subject", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: str = Field(primary_key=True)
    kind: Subject = Field(sa_type=coded(Subject))
    subject: str
    reason: Reason = Field(sa_type=coded(Reason))
    reference: str | None = None
    since: datetime = Field(sa_type=UTCDateTime)
    by: str
    lifted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lifted_by: str | None = None


class Change(SQLModel, table=True):
    """What one administrator proposed and another one decides. Never edited: who approves, approves this."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_pending", "proposed_at", postgresql_where=_PENDING, sqlite_where=_PENDING),)

    id: str = Field(primary_key=True)
    action: Action = Field(sa_type=coded(Action))
    subject: str = Field(description="the client's id, or the suspension's")
    payload: dict[str, Any] = Field(sa_type=JsonColumn)
    reason: Reason = Field(sa_type=coded(Reason))
    reference: str | None = None
    proposed_by: str
    proposed_at: datetime = Field(sa_type=UTCDateTime)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    state: State = Field(default=State.PENDING, sa_type=coded(State))
