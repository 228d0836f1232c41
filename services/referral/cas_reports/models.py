"""The table of half-yearly reports. The worker opens the row when the half-year begins."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from services.referral.cas_reports.rules import ReportStatus
from shared.db import JsonColumn, UTCDateTime, coded


class CasReport(SQLModel, table=True):
    """What a Procuraduría owes, or has reported, of one half-year."""

    __tablename__ = "cas_report"
    __table_args__ = (UniqueConstraint("agency", "half_year"),)

    id: str = Field(primary_key=True)
    agency: str
    state: str
    half_year: str
    status: ReportStatus = Field(default=ReportStatus.OWED, sa_type=coded(ReportStatus))
    due_at: datetime = Field(sa_type=UTCDateTime)
    centres: list[dict[str, Any]] | None = Field(default=None, sa_type=JsonColumn)
    visits: list[dict[str, Any]] | None = Field(default=None, sa_type=JsonColumn)
    submitted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acknowledged_by: str | None = None
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
