"""The table of transfers."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.places.rules import AgeBand, PlaceSex
from services.referral.referrals.codes import LawfulBasis
from services.referral.transfers.rules import Condition, TransferKind, TransferState
from shared.db import JsonColumn, UTCDateTime, coded

_LIVE = text("state IN ('proposed', 'accepted', 'departed', 'not_arrived')")
_DEPARTED = text("state = 'departed'")


class Transfer(SQLModel, table=True):
    """A child, or its case, on the way to another authority. One of a kind at a time."""

    __tablename__ = "transfer"
    __table_args__ = (
        Index("uq_transfer_live", "case_id", "kind", unique=True, postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("ix_transfer_on_its_way", "arrive_by", postgresql_where=_DEPARTED, sqlite_where=_DEPARTED),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    kind: TransferKind = Field(sa_type=coded(TransferKind))
    state: TransferState = Field(default=TransferState.PROPOSED, sa_type=coded(TransferState))
    sender: str = Field(index=True)
    recipient: str = Field(index=True)
    from_state: str = Field(description="the case's territory when it was proposed")
    to_state: str = Field(description="the recipient's")
    reason: str = Field(description="code: why")
    lawful_basis: LawfulBasis = Field(sa_type=coded(LawfulBasis))
    fields: list[str] = Field(sa_type=JsonColumn, description="what of the case the recipient sees until the arrival")
    sex: PlaceSex | None = Field(default=None, sa_type=coded(PlaceSex), description="the place that a centre is asked")
    age_band: AgeBand | None = Field(default=None, sa_type=coded(AgeBand))
    officer: str = Field(description="the officer who proposed it, by number")
    sealed_note: bytes | None = None
    sealed_answer: bytes | None = None
    sealed_place: bytes | None = Field(default=None, description="where the child was handed over")
    end_reason: str | None = Field(default=None, description="code: why it was declined or withdrawn")
    answer_by: datetime = Field(sa_type=UTCDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    departed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    expected_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    arrive_by: datetime | None = Field(default=None, sa_type=UTCDateTime, description="later is not in time")
    arrived_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    handed_over_by: str | None = None
    received_by: str | None = None
    condition: Condition | None = Field(default=None, sa_type=coded(Condition))
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
