"""The table of searches for relatives. What is known of the relative stands there sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.encounters.rules import Relation
from services.intake.tracing.rules import Searcher, TracingState
from shared.db import UTCDateTime, coded


class Tracing(SQLModel, table=True):
    """Somebody is to look for a relative of a child."""

    __tablename__ = "tracing"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    state: TracingState = Field(default=TracingState.OPEN, sa_type=coded(TracingState))
    relation: Relation = Field(sa_type=coded(Relation))
    country: str
    searcher: Searcher = Field(sa_type=coded(Searcher))
    known: bytes = Field(description="sealed JSON: what is known of the relative, and what was found")
    asked_at: datetime = Field(sa_type=UTCDateTime)
    officer: str
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    moved_by: str | None = None
    moved_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    version: int = 1
