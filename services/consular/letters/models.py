"""The table of letters. What is not released is not here."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.consular.letters.rules import How, LetterKind, LetterStatus
from shared.db import JsonColumn, UTCDateTime, coded


class Letter(SQLModel, table=True):
    """One letter to one post. Its id is pure chance, and stands nowhere on the paper."""

    __tablename__ = "letter"

    id: str = Field(primary_key=True)
    notice_id: str = Field(index=True)
    release_id: str = Field(description="what must permit each printing")
    state: str = Field(index=True, description="where the child was handed over")
    consulate_id: str = Field(foreign_key="consulate.id")
    kind: LetterKind = Field(sa_type=coded(LetterKind))
    status: LetterStatus = Field(sa_type=coded(LetterStatus))
    content: dict[str, Any] = Field(sa_type=JsonColumn, description="what the notice says")
    owed_at: datetime = Field(sa_type=UTCDateTime)
    printed: list[str] = Field(default_factory=list, sa_type=JsonColumn, description="when, each time")
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    sent_by: str | None = Field(default=None, description="the officer's number")
    how: How | None = Field(default=None, sa_type=coded(How))
    evidence: str | None = Field(default=None, description="the number of the receipt")
    in_time: bool | None = None
    recorded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    recorded_by: str | None = None
