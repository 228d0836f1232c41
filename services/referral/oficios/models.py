"""The table of oficios. Rows are written once and never changed; whom one names is sealed."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from shared.db import JsonColumn, UTCDateTime


class Oficio(SQLModel, table=True):
    """One oficio: what it says but for the name, the name, the digest of both, and the signature over the digest."""

    __tablename__ = "oficio"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    encounter_id: str = Field(unique=True, description="the meeting of the child and its carer, in intake")
    content: dict[str, Any] = Field(sa_type=JsonColumn, description="without `adult`")
    adult: bytes = Field(description="sealed: name, tie, and a salt, so that nobody finds the name by the digest")
    digest: str = Field(description="SHA-256 of the canonical JSON of `content` with `adult`, hexadecimal")
    signature: str = Field(description="a compact JWS over oficio id and digest")
    issued_by: str
    issued_at: datetime = Field(sa_type=UTCDateTime)
