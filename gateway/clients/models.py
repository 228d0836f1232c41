"""The table of clients."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime


class Client(SQLModel, table=True):
    """A partner's system. What it says here is the ceiling of every token that it gets."""

    __tablename__ = "client"

    id: str = Field(primary_key=True)
    agency: str
    agency_kind: str
    office: str | None = None
    state: str | None = None
    role: str
    country: str | None = None
    scopes: list[str] = Field(sa_type=JsonColumn)
    secret_hash: bytes | None = Field(default=None, description="sandbox only")
    jwks: dict[str, Any] = Field(sa_type=JsonColumn, description="public keys that sign its assertions")
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
