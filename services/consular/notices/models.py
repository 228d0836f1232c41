"""The table of notices. What is not released is not here."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.consular.notices.rules import NoticeDecision, NoticeStatus
from shared.db import JsonColumn, UTCDateTime, coded


class Notice(SQLModel, table=True):
    """One notice of LM 112-V. Its id is pure chance: order and age tell nothing."""

    __tablename__ = "notice"

    id: str = Field(primary_key=True)
    release_id: str = Field(unique=True)
    nationality: str
    state: str = Field(index=True, description="where the child was handed over")
    pp: dict[str, Any] = Field(sa_type=JsonColumn)
    dif: dict[str, Any] = Field(sa_type=JsonColumn)
    consulate_id: str | None = Field(default=None, foreign_key="consulate.id", index=True)
    escalated_to: str | None = Field(
        default=None, foreign_key="consulate.id", index=True, description="the embassy that has it too"
    )
    status: NoticeStatus = Field(sa_type=coded(NoticeStatus))
    issued_at: datetime = Field(sa_type=UTCDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    addressee: str | None = Field(default=None, description="the state of residence, where the notice goes there")
    acknowledged_by: str | None = Field(default=None, description="the officer who recorded what came on paper")
    evidence: str | None = Field(default=None, description="its number")
    decision: NoticeDecision | None = Field(default=None, sa_type=coded(NoticeDecision))
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    decided_by: str | None = Field(default=None, description="the officer's number")
    decided_in: str | None = Field(default=None, description="the number of the file")

    @property
    def told(self) -> str:
        """The state whose consulates are told: that of nationality, or of residence where the release says so."""
        return self.addressee or self.nationality
