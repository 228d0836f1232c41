"""The tables of closings and reopenings."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.closings.rules import ClosingState, ClosureReason, RefusalReason, ReopeningReason
from shared.db import UTCDateTime, coded


class Closing(SQLModel, table=True):
    """An officer asked that a case be closed; a supervisor decided."""

    __tablename__ = "case_closing"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    state: ClosingState = Field(default=ClosingState.REQUESTED, sa_type=coded(ClosingState))
    reason: ClosureReason = Field(sa_type=coded(ClosureReason))
    note: bytes | None = Field(default=None, description="sealed")
    requested_by: str = Field(description="agency and officer")
    requested_at: datetime = Field(sa_type=UTCDateTime)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusal: RefusalReason | None = Field(default=None, sa_type=coded(RefusalReason))


class Reopening(SQLModel, table=True):
    """A closed case began again."""

    __tablename__ = "case_reopening"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    reason: ReopeningReason = Field(sa_type=coded(ReopeningReason))
    reopened_by: str | None = Field(default=None, description="agency and officer; null: Ruta itself")
    reopened_at: datetime = Field(sa_type=UTCDateTime)
