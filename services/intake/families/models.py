"""The tables of families. Carers' names stand sealed under a key of the carer's own."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.children.rules import RetentionClass
from services.intake.encounters.rules import Relation, Tie
from services.intake.families.rules import (
    FindingOutcome,
    MemberRole,
    RemovalReason,
    SeparationReason,
    SeparationState,
)
from shared.db import JsonColumn, UTCDateTime, coded

_DUE = text("erase_after IS NOT NULL")


class Family(SQLModel, table=True):
    """Children and carers who belong together."""

    __tablename__ = "family"

    id: str = Field(primary_key=True)
    created_by: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class FamilyMember(SQLModel, table=True):
    """A child, or an adult who cares for the children."""

    __tablename__ = "family_member"
    __table_args__ = (Index("ix_family_member_erase_after", "erase_after", postgresql_where=_DUE, sqlite_where=_DUE),)

    id: str = Field(primary_key=True)
    family_id: str = Field(foreign_key="family.id", index=True)
    role: MemberRole = Field(sa_type=coded(MemberRole))
    child_id: str | None = Field(default=None, foreign_key="child.id", index=True)
    relation: Relation | None = Field(default=None, sa_type=coded(Relation))
    tie: Tie | None = Field(default=None, sa_type=coded(Tie))
    tie_proofs: list[str] = Field(sa_type=JsonColumn)
    key_id: str | None = Field(default=None, description="a carer's data key in the keyring; erased with the carer")
    identity: bytes | None = Field(default=None, description="sealed JSON: who the carer says to be")
    added_by: str
    joined_at: datetime = Field(sa_type=UTCDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    removal: RemovalReason | None = Field(default=None, sa_type=coded(RemovalReason))
    removed_by: str | None = Field(default=None, description="agency, officer and number of the decision")
    retention_class: RetentionClass = Field(default=RetentionClass.ADULT_MET, sa_type=coded(RetentionClass))
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="from then on nobody reads it")
    erase_after: datetime | None = Field(default=None, sa_type=UTCDateTime)


class FamilySeparation(SQLModel, table=True):
    """The Procuraduría parted some members from all the others."""

    __tablename__ = "family_separation"

    id: str = Field(primary_key=True)
    family_id: str = Field(foreign_key="family.id", index=True)
    members: list[str] = Field(sa_type=JsonColumn, description="who was taken away from the others")
    reason: SeparationReason = Field(sa_type=coded(SeparationReason))
    state: SeparationState = Field(default=SeparationState.STANDING, sa_type=coded(SeparationState))
    decided_by: str
    reference: str
    decided_at: datetime = Field(sa_type=UTCDateTime)
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    ended_by: str | None = None
    end_reference: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class CarerFinding(SQLModel, table=True):
    """What the Procuraduría found of a carer."""

    __tablename__ = "carer_finding"

    id: str = Field(primary_key=True)
    family_id: str = Field(foreign_key="family.id", index=True)
    member_id: str = Field(foreign_key="family_member.id")
    outcome: FindingOutcome = Field(sa_type=coded(FindingOutcome))
    grounds: list[str] = Field(sa_type=JsonColumn)
    decided_by: str
    reference: str
    decided_at: datetime = Field(sa_type=UTCDateTime)
    recorded_at: datetime = Field(sa_type=UTCDateTime)
