"""Tables of the guard. One row per child is the lock on which permits and indications meet."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.protection.rules import IndicationCode, ReleaseState, ToldBy
from shared.db import JsonColumn, UTCDateTime, coded


class Guard(SQLModel, table=True):
    """What the guard knows of one child. Facts are intake's; null means not yet known."""

    __tablename__ = "guard"

    child_id: str = Field(primary_key=True)
    announced_version: int = Field(default=0, description="the newest version of the facts that intake announced")
    facts_version: int = 0
    nationalities: list[str] | None = Field(default=None, sa_type=JsonColumn)
    residence: str | None = None
    stateless_doubt: bool | None = None
    languages: list[str] | None = Field(default=None, sa_type=JsonColumn)
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="the consular block")


class Kinship(SQLModel, table=True):
    """Two children of one family, each way one row: what protects one protects the other."""

    __tablename__ = "kinship"

    child_id: str = Field(primary_key=True)
    relative_id: str = Field(primary_key=True)


class Indication(SQLModel, table=True):
    """Somebody saw or heard that the child may need protection."""

    __tablename__ = "indication"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    child_id: str
    code: IndicationCode = Field(sa_type=coded(IndicationCode))
    told_by: ToldBy = Field(sa_type=coded(ToldBy))
    note: bytes | None = Field(default=None, description="sealed")
    agency: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class Release(SQLModel, table=True):
    """The act by which a consulate may be told. Its id is pure chance and leads to no case."""

    __tablename__ = "release"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    child_id: str = Field(index=True)
    state: ReleaseState = Field(default=ReleaseState.PROPOSED, sa_type=coded(ReleaseState))
    nationality: str
    screened_at: datetime = Field(sa_type=UTCDateTime)
    told_at: datetime = Field(sa_type=UTCDateTime)
    told_in: str
    objects: bool
    proposed_by: str
    concurred_by: str | None = None
    concurred_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    released_by: str | None = None
    released_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class Permit(SQLModel, table=True):
    """A single send was allowed, for two seconds."""

    __tablename__ = "permit"

    id: str = Field(primary_key=True)
    release_id: str = Field(index=True)
    child_id: str = Field(index=True)
    issued_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
