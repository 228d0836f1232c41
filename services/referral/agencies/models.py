"""Tables of the directory: what an installation adds to the shipped file, or says otherwise than it does."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.referral.agencies.rules import Kind
from shared.db import JsonColumn, UTCDateTime, coded


class Body(SQLModel, table=True):
    """A body of this installation. One with the id of a shipped row counts instead of it."""

    __tablename__ = "body"

    id: str = Field(primary_key=True)
    kind: Kind = Field(sa_type=coded(Kind))
    name_es: str
    name_en: str
    state: str | None = None
    territory: list[str] = Field(sa_type=JsonColumn)
    services: list[str] = Field(sa_type=JsonColumn)
    parent: str | None = None
    bound_to: str | None = Field(default=None, description="the foreign state that it serves, ISO 3166-1 alpha-3")
    source: str
    verified: bool
    valid_from: date | None = None
    valid_to: date | None = None
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class BodyVersion(SQLModel, table=True):
    """What a body was at one version."""

    __tablename__ = "body_version"

    body_id: str = Field(primary_key=True, foreign_key="body.id")
    version: int = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    changed_by: str
    changed_at: datetime = Field(sa_type=UTCDateTime)


class DirectoryState(SQLModel, table=True):
    """One row: counts the changes of the directory, so that every process sees that it has an old one."""

    __tablename__ = "directory_state"

    id: int = Field(primary_key=True)
    version: int
