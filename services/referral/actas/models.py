"""The table of actas: one for each hand-over of a child. Rows are written once and never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime


class Acta(SQLModel, table=True):
    """One acta: what it says, the digest of that, and the signature over the digest."""

    __tablename__ = "acta"
    __table_args__ = (Index("uq_acta_handover_id", "handover_id", unique=True),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    handover_id: str | None = Field(default=None, description="the referral by which DIF accepted; null before 0.5.0")
    follows: str | None = Field(default=None, description="the acta of the hand-over before")
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    digest: str = Field(description="SHA-256 of the canonical JSON of `content`, hexadecimal")
    signature: str = Field(description="a compact JWS over acta id and digest")
    dif: str = Field(index=True)
    issued_by: str
    issued_at: datetime = Field(sa_type=UTCDateTime)
