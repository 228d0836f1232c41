"""The tables of cases. A case knows the child by intake's id and nothing else of it."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.cases import rules
from services.referral.cases.rules import Representation, Risk, Status
from shared.db import UTCDateTime, coded


class Case(SQLModel, table=True):
    """One child's way through the route."""

    __tablename__ = "route_case"

    id: str = Field(primary_key=True)
    child_id: str = Field(unique=True)
    state: str = Field(index=True, description="the state where the child was met first")
    status: Status = Field(default=Status.DETECTED, sa_type=coded(Status))
    representation: Representation = Field(default=Representation.PP_EN_SUPLENCIA, sa_type=coded(Representation))
    representative: str = Field(description="the Procuraduría, en suplencia or as coadyuvante")
    notified_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="R4: acknowledged")
    notified_by: str | None = Field(default=None, description="the Procuraduría that acknowledged")
    dif: str | None = Field(default=None, description="the DIF that has accepted the child")
    dif_accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    risk: Risk | None = Field(default=None, sa_type=coded(Risk), description="null: not assessed yet")
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1

    @property
    def stage(self) -> int:
        """The stage of the Ruta, 0 to 4."""
        return rules.STAGES[self.status]


class CaseParty(SQLModel, table=True):
    """An agency that takes part in a case because it sent or got a referral of it."""

    __tablename__ = "case_party"

    case_id: str = Field(primary_key=True, foreign_key="route_case.id")
    agency: str = Field(primary_key=True, index=True)
    since: datetime = Field(sa_type=UTCDateTime)
