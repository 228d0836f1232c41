"""The tables of the exchange: rows that this installation added, what was taken in, what waits, what was kept."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from services.referral.interop.rules import Door, MapList, System, Way
from shared.db import JsonColumn, UTCDateTime, coded


class MappingRow(SQLModel, table=True):
    """A row of the mapping that an administrator added. None is ever changed: a later one takes its place."""

    __tablename__ = "interop_mapping"

    id: str = Field(primary_key=True)
    system: System = Field(sa_type=coded(System))
    list: MapList = Field(sa_type=coded(MapList))
    ours: str | None = None
    theirs: str | None = None
    way: Way = Field(sa_type=coded(Way))
    source: str
    note_en: str | None = None
    note_es: str | None = None
    valid_from: date
    valid_to: date | None = None
    added_by: str
    added_at: datetime = Field(sa_type=UTCDateTime)


class Receipt(SQLModel, table=True):
    """A message of a partner that took effect, or turned out to change nothing: once for its id and version."""

    __tablename__ = "interop_receipt"
    __table_args__ = (
        Index("uq_interop_receipt_message", "agency", "system", "partner_id", "partner_version", unique=True),
        Index("ix_interop_receipt_received_at", "received_at"),
    )

    id: str = Field(primary_key=True)
    agency: str
    system: System = Field(sa_type=coded(System))
    partner_id: str
    partner_version: str
    digest: bytes = Field(description="of the message, under a key of this service")
    changed_at: datetime = Field(sa_type=UTCDateTime, description="when it changed at the partner")
    referral_id: str = Field(index=True)
    result: str
    codes: dict[str, Any] = Field(sa_type=JsonColumn, description="the codes in it, theirs and ours: for dry runs")
    received_at: datetime = Field(sa_type=UTCDateTime)


class Quarantined(SQLModel, table=True):
    """A message with a code that the mapping does not know. Sealed whole; it is let go once it is settled."""

    __tablename__ = "interop_quarantine"
    __table_args__ = (
        Index("uq_interop_quarantine_message", "agency", "system", "partner_id", "partner_version", unique=True),
    )

    id: str = Field(primary_key=True)
    agency: str = Field(index=True)
    door: Door = Field(sa_type=coded(Door))
    system: System = Field(sa_type=coded(System))
    partner_id: str
    partner_version: str
    state: str = Field(index=True, description="waiting, replayed, discarded or lapsed")
    sealed_body: bytes | None = Field(default=None, description="none once it is settled")
    opens: bool = Field(description="whether it asks for something new, as far as was known when it came")
    received_at: datetime = Field(sa_type=UTCDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    referral_id: str | None = None


class Kept(SQLModel, table=True):
    """Which version of a referral an agency's system has confirmed to have."""

    __tablename__ = "interop_kept"

    agency: str = Field(primary_key=True)
    door: Door = Field(primary_key=True, sa_type=coded(Door))
    referral_id: str = Field(primary_key=True)
    version: int
    kept_at: datetime = Field(sa_type=UTCDateTime)
