"""The table of migration procedures."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class Procedure(SQLModel, table=True):
    """INM began the procedure on the migration status of a child whom it met."""

    __tablename__ = "migration_procedure"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    encounter_id: str = Field(foreign_key="encounter.id", unique=True)
    started_at: datetime = Field(sa_type=UTCDateTime)
    reference: str
    officer: str
    agency: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
