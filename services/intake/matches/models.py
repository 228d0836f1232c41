"""Tables of matching. Nothing here says who a child is: keys are keyed digests, reasons are levels of agreement."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.intake.matches.rules import Band, Decision, Status
from shared.db import JsonColumn, UTCDateTime, coded


class MatchKey(SQLModel, table=True):
    """One mark of one child, as a keyed digest (HMAC-SHA-256, 64 bits)."""

    __tablename__ = "match_key"
    __table_args__ = {"sqlite_with_rowid": False}

    key: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    child_id: str = Field(primary_key=True)


class MatchChild(SQLModel, table=True):
    """Which keys a child has: under which key of the vault, from which version of the child."""

    __tablename__ = "match_child"

    child_id: str = Field(primary_key=True)
    key_id: str = Field(index=True)
    version: int
    keys: bytes = Field(description="the child's match keys, 8 bytes each: how they are found again to be deleted")
    generation: int | None = Field(default=None, description="of the marks they were made of; empty: the first")


class Match(SQLModel, table=True):
    """Two children who may be one person, and what people decided. Neither is ever changed into the other."""

    __tablename__ = "child_match"
    __table_args__ = (
        UniqueConstraint("child_a", "child_b"),
        Index("ix_child_match_state_a", "state_a", "status", "rank"),
        Index("ix_child_match_state_b", "state_b", "status", "rank"),
        Index("ix_child_match_status", "status", "rank"),
    )

    id: str = Field(primary_key=True)
    child_a: str = Field(description="the one of the two ids that sorts first")
    child_b: str = Field(index=True)
    state_a: str
    state_b: str
    status: Status = Field(default=Status.PROPOSED, sa_type=coded(Status))
    band: Band = Field(sa_type=coded(Band))
    score: float = Field(description="log2 of the odds that both are one person")
    rank: str = Field(description="sorts by score, then by id")
    reasons: dict[str, str] = Field(sa_type=JsonColumn, description="for each field how well the two agree")
    found_at: datetime = Field(sa_type=UTCDateTime)
    confirmed_by_state: str | None = Field(default=None, description="the state whose reviewer has confirmed it alone")
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    decision_code: Decision | None = Field(default=None, sa_type=coded(Decision))
    version: int = 1


class PersonLink(SQLModel, table=True):
    """Which person a child is. A child without a row is a person of its own, under its own id."""

    __tablename__ = "person_link"

    child_id: str = Field(primary_key=True)
    person_id: str = Field(index=True, description="the first id of those who are linked")


class MatchProgress(SQLModel, table=True):
    """How far a loop of the worker has come, so that it goes on there."""

    __tablename__ = "match_progress"

    name: str = Field(primary_key=True)
    position: str = ""
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
