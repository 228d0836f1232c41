"""The table of holds, as referral has told of them."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class Hold(SQLModel, table=True):
    """A child's procedure is held up from one moment to another; null: it still is."""

    __tablename__ = "child_hold"

    id: str = Field(primary_key=True, description="referral's")
    child_id: str = Field(foreign_key="child.id", index=True)
    since: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
