"""The table of actas. Rows are written once and never changed."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime


class Acta(SQLModel, table=True):
    """One acta: what it says, the digest of that, and the signature over the digest."""

    __tablename__ = "acta"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", unique=True)
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    digest: str = Field(description="SHA-256 of the canonical JSON of `content`, hexadecimal")
    signature: str = Field(description="a compact JWS over acta id and digest")
    dif: str = Field(index=True)
    issued_by: str
    issued_at: datetime = Field(sa_type=UTCDateTime)
