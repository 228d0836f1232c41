"""The table of interviews. What the child said stands there sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime


class Interview(SQLModel, table=True):
    """A child-protection officer of INM asked a child what the law lets it ask."""

    __tablename__ = "interview"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    held_at: datetime = Field(sa_type=UTCDateTime)
    officer: str
    agency: str
    office: str | None = None
    language: str
    interpreter: bool
    explained_at: datetime = Field(sa_type=UTCDateTime)
    explained_in: str
    cndh_present: bool
    topics: list[str] = Field(sa_type=JsonColumn)
    answers: bytes = Field(description="sealed JSON: by topic, what the child said")
    screening_id: str | None = Field(default=None, description="the screening that told the guard what was found")
    recorded_at: datetime = Field(sa_type=UTCDateTime)
