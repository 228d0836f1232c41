"""The table of external ids. A number stands there sealed, and as a keyed digest to find it by."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from services.intake.identifiers.rules import IdSystem
from shared.db import UTCDateTime, coded


class ExternalId(SQLModel, table=True):
    """A number by which another system knows a child."""

    __tablename__ = "external_id"
    __table_args__ = (UniqueConstraint("child_id", "digest"),)

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id")
    system: IdSystem = Field(sa_type=coded(IdSystem))
    value: bytes = Field(description="sealed JSON: issuer and number")
    digest: bytes = Field(index=True, description="keyed: who lacks the key cannot try numbers")
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
