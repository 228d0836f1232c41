"""The table of requests for correction. What shall stand there instead is sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.corrections.rules import AskedBy, CorrectionRefusal, CorrectionState, RepresentationProof
from shared.db import JsonColumn, UTCDateTime, coded


class Correction(SQLModel, table=True):
    """The child's representative asks that the record be corrected."""

    __tablename__ = "correction"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    state: CorrectionState = Field(default=CorrectionState.ASKED, sa_type=coded(CorrectionState))
    asked_by: AskedBy = Field(sa_type=coded(AskedBy))
    proof: RepresentationProof = Field(sa_type=coded(RepresentationProof))
    asked_at: datetime = Field(sa_type=UTCDateTime)
    fields: list[str] = Field(sa_type=JsonColumn)
    patch: bytes = Field(description="sealed JSON: the fields as they shall be")
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusal: CorrectionRefusal | None = Field(default=None, sa_type=coded(CorrectionRefusal))
    version: int = 1
