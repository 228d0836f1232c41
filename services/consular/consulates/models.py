"""Tables of the directory."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.consular.consulates.rules import PostKind, PostStatus
from shared.db import JsonColumn, UTCDateTime, coded


class Consulate(SQLModel, table=True):
    """An embassy or consulate. A post that closes keeps its row: past notices stay explicable."""

    __tablename__ = "consulate"

    id: str = Field(primary_key=True)
    country: str = Field(index=True)
    city: str
    state: str = Field(description="where it stands")
    kind: PostKind = Field(sa_type=coded(PostKind))
    status: PostStatus = Field(sa_type=coded(PostStatus))
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, description="the first day on which the row no longer holds")
    source: str
    verified: bool
    edition: int = Field(description="the edition of the directory that last named it; 0: none did")
    telephone: str | None = None
    email: str | None = None
    address: str | None = None
    duty_text: str | None = Field(default=None, description="its hours as it says them")
    hours: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)
    holidays_text: str | None = None
    holidays: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    version: int = 1
    own: bool = Field(default=False, description="this installation has entered or changed it: no edition touches it")


class Jurisdiction(SQLModel, table=True):
    """A state that a consulate serves, and when."""

    __tablename__ = "jurisdiction"

    id: int = Field(primary_key=True)
    consulate_id: str = Field(foreign_key="consulate.id", index=True)
    state: str
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, description="the first day on which the row no longer holds")
    source: str
    verified: bool


class ConsulateVersion(SQLModel, table=True):
    """What a post was at one version, jurisdiction and all. Only ever added."""

    __tablename__ = "consulate_version"

    consulate_id: str = Field(primary_key=True, foreign_key="consulate.id")
    version: int = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    changed_by: str
    changed_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="null: as it was shipped")
    reason: str
