"""The table of contacts with relatives. It has no place for what was said."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.contacts.rules import Means
from services.intake.encounters.rules import Relation
from shared.db import UTCDateTime, coded


class Contact(SQLModel, table=True):
    """A child spoke with a relative, or was offered to and declined."""

    __tablename__ = "family_contact"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    at: datetime = Field(sa_type=UTCDateTime)
    means: Means = Field(sa_type=coded(Means))
    relation: Relation = Field(sa_type=coded(Relation))
    country: str | None = None
    minutes: int | None = None
    declined: bool
    agency: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
