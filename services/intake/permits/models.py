"""The table of permits. What stands on the card is sealed."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.permits.rules import CarerStatus, MigrationAct, PermitReason, PermitStatus
from shared.db import UTCDateTime, coded

_VALID = text("status = 'valid'")


class HumanitarianPermit(SQLModel, table=True):
    """A child may stay, until the act that its protection measures call for."""

    __tablename__ = "humanitarian_permit"
    __table_args__ = (
        Index("uq_humanitarian_permit_valid", "child_id", unique=True, postgresql_where=_VALID, sqlite_where=_VALID),
    )

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    reason: PermitReason = Field(sa_type=coded(PermitReason))
    card: bytes | None = Field(default=None, description="sealed JSON: the card's number and CURP")
    granted_at: datetime = Field(sa_type=UTCDateTime)
    status: PermitStatus = Field(default=PermitStatus.VALID, sa_type=coded(PermitStatus))
    act: MigrationAct | None = Field(default=None, sa_type=coded(MigrationAct))
    act_reference: str | None = None
    act_date: date | None = None
    measure_reference: str | None = Field(default=None, description="the protection measure that calls for the act")
    encounter_id: str | None = Field(default=None, index=True, description="the encounter at which the carer was met")
    member_id: str | None = Field(default=None, description="which carer of the child's family that adult is")
    carer: CarerStatus = Field(default=CarerStatus.NONE, sa_type=coded(CarerStatus))
    finding_reference: str | None = Field(default=None, description="the Procuraduría's latest decision on the carer")
    finding_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    agency: str
    office: str | None = None
    officer: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
