"""Tables of the directory."""

from datetime import date

from sqlmodel import Field, SQLModel

from services.consular.consulates.rules import PostKind, PostStatus
from shared.db import coded


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
    edition: int = Field(description="the edition of the directory that last named it")


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
