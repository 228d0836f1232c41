"""The tables of field actions and inquiries. Who complains stands sealed under a key of that person's own."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.children.rules import RetentionClass
from services.intake.orientation.rules import FieldActionCode, InquiryKind, InquiryStatus, InquiryTopic
from shared.db import UTCDateTime, coded

_DUE = text("erase_after IS NOT NULL")


class FieldAction(SQLModel, table=True):
    """A Grupo Beta did something, somewhere. It names nobody."""

    __tablename__ = "field_action"

    id: str = Field(primary_key=True)
    action: FieldActionCode = Field(sa_type=coded(FieldActionCode))
    occurred_at: datetime = Field(sa_type=UTCDateTime)
    state: str = Field(index=True)
    municipality: str | None = None
    point: str | None = None
    persons: int
    minors: int
    encounter_id: str | None = Field(default=None, foreign_key="encounter.id", description="the child whom it met")
    agency: str
    office: str | None = None
    officer: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class PaisanoInquiry(SQLModel, table=True):
    """Somebody was oriented, or complained."""

    __tablename__ = "paisano_inquiry"
    __table_args__ = (Index("ix_paisano_inquiry_erase_after", "erase_after", postgresql_where=_DUE, sqlite_where=_DUE),)

    id: str = Field(primary_key=True)
    kind: InquiryKind = Field(sa_type=coded(InquiryKind))
    topic: InquiryTopic = Field(sa_type=coded(InquiryTopic))
    occurred_at: datetime = Field(sa_type=UTCDateTime)
    state: str = Field(index=True)
    municipality: str | None = None
    point: str | None = None
    status: InquiryStatus = Field(sa_type=coded(InquiryStatus))
    key_id: str | None = Field(default=None, description="the complainant's data key; erased with the complainant")
    complainant: bytes | None = Field(default=None, description="sealed JSON: who complains, of what")
    retention_class: RetentionClass = Field(default=RetentionClass.ADULT_MET, sa_type=coded(RetentionClass))
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="from then on nobody reads it")
    erase_after: datetime | None = Field(default=None, sa_type=UTCDateTime)
    forwarded_to: str | None = None
    agency: str
    office: str | None = None
    officer: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
