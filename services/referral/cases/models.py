"""The tables of cases. A case knows the child by intake's id and nothing else of it."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from services.referral.cases import rules
from services.referral.cases.machine import Standing
from services.referral.cases.rules import (
    Bar,
    Document,
    Gate,
    Representation,
    RepresentativeEnd,
    Risk,
    RiskReason,
    Seen,
    Status,
)
from shared.db import JsonColumn, UTCDateTime, coded


class Case(SQLModel, table=True):
    """One child's way through the route."""

    __tablename__ = "route_case"

    id: str = Field(primary_key=True)
    child_id: str = Field(unique=True)
    state: str = Field(index=True, description="the state where the child was met first, or was transferred to")
    status: Status = Field(default=Status.DETECTED, sa_type=coded(Status))
    resumes: Status | None = Field(
        default=None, sa_type=coded(Status), description="to what a case returns that stepped aside or was closed"
    )
    gates: list[str] | None = Field(default=None, sa_type=JsonColumn, description="those that stand open, by code")
    bars: list[str] | None = Field(default=None, sa_type=JsonColumn, description="those that are set, by code")
    representation: Representation = Field(default=Representation.PP_EN_SUPLENCIA, sa_type=coded(Representation))
    representative: str = Field(description="the Procuraduría, en suplencia or as coadyuvante")
    notified_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="R4: acknowledged")
    notified_by: str | None = Field(default=None, description="the Procuraduría that acknowledged")
    dif: str | None = Field(default=None, description="the DIF that has accepted the child")
    dif_accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    risk: Risk | None = Field(default=None, sa_type=coded(Risk), description="null: not assessed yet")
    reopened: int = Field(default=0, description="how often it was reopened")
    majority_month: str | None = Field(default=None, index=True, description="the month of the 18th birthday: 2027-03")
    timeline_since: datetime | None = Field(
        default=None, sa_type=UTCDateTime, description="since when all is on its timeline; null: before there was one"
    )
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1

    @property
    def stage(self) -> int:
        """The stage of the Ruta, 1 to 4. A case that stepped aside or was closed is in the stage that it left."""
        return rules.STAGES[self.on_route]

    @property
    def on_route(self) -> Status:
        """Its state, or the one that it returns to."""
        return self.status if self.status in rules.STAGES else self.resumes or Status.DETECTED

    @property
    def channelled(self) -> bool:
        """Whether it has its acta."""
        return self.on_route in rules.CHANNELLED_SINCE

    @property
    def standing(self) -> Standing:
        """What the machine goes by. What the first steps prove stands in columns that older code writes too."""
        proven = {
            Gate.PP_ACKNOWLEDGED: self.notified_at is not None,
            Gate.DIF_ACCEPTED: self.dif is not None,
            Gate.REPRESENTED: bool(self.representative),
        }
        others = {Gate(code) for code in self.gates or ()} - proven.keys()
        gates = others | {gate for gate, is_open in proven.items() if is_open}
        return Standing(self.status, frozenset(gates), frozenset(Bar(code) for code in self.bars or ()), self.resumes)


class CaseParty(SQLModel, table=True):
    """An agency that takes part in a case because it sent or got a referral of it."""

    __tablename__ = "case_party"

    case_id: str = Field(primary_key=True, foreign_key="route_case.id")
    agency: str = Field(primary_key=True, index=True)
    since: datetime = Field(sa_type=UTCDateTime)


class CaseWithheld(SQLModel, table=True):
    """From whom a case is kept, whatever their role (R29): an agency, or a class of them."""

    __tablename__ = "case_withheld"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    whom: str = Field(index=True, description="id of an agency, or code of a class")
    reason: str = Field(description="code: why")
    agency: str = Field(description="who said so")
    officer: str
    sealed_words: bytes | None = None
    since: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_by: str | None = Field(default=None, description="agency and officer who ended it")


class CaseGate(SQLModel, table=True):
    """A gate was opened or closed, by whom and on what evidence. Rows are only added: the last one holds."""

    __tablename__ = "case_gate"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    gate: Gate = Field(sa_type=coded(Gate))
    opened: bool
    evidence: str = Field(description="the id of the row that proves it")
    agency: str
    since: datetime = Field(sa_type=UTCDateTime)


class CaseBar(SQLModel, table=True):
    """A bar was set or lifted, by whom and on what evidence. Rows are only added: the last one holds."""

    __tablename__ = "case_bar"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    bar: Bar = Field(sa_type=coded(Bar))
    raised: bool
    evidence: str = Field(description="the id of the row that proves it")
    agency: str
    since: datetime = Field(sa_type=UTCDateTime)


class CaseEntry(SQLModel, table=True):
    """One line of the timeline: written in the transaction of what happened, and never changed."""

    __tablename__ = "case_entry"
    __table_args__ = (Index("ix_case_entry_order", "case_id", "at", "id"),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id")
    at: datetime = Field(sa_type=UTCDateTime)
    code: str
    subject: str = Field(description="the id of what it happened to")
    agency: str | None = Field(default=None, description="who did it; null: Ruta itself")
    seen: Seen = Field(sa_type=coded(Seen))


class CaseEntryParty(SQLModel, table=True):
    """An agency that an entry is for."""

    __tablename__ = "case_entry_party"

    entry_id: str = Field(primary_key=True, foreign_key="case_entry.id")
    agency: str = Field(primary_key=True, index=True)


class CaseRepresentation(SQLModel, table=True):
    """Who represented the child, from when until when. The first one needs no row: the case itself tells it."""

    __tablename__ = "case_representation"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    kind: Representation = Field(sa_type=coded(Representation))
    procuraduria: str = Field(description="en suplencia, or as coadyuvante")
    identity: bytes | None = Field(default=None, description="sealed JSON: name and contact of a legal representative")
    body: str | None = Field(default=None, description="the agency that the representative acts for")
    document: Document | None = Field(default=None, sa_type=coded(Document))
    reference: str | None = Field(default=None, description="the document's own number")
    since: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended: RepresentativeEnd | None = Field(default=None, sa_type=coded(RepresentativeEnd))
    recorded_by: str | None = Field(default=None, description="agency and officer; null: Ruta itself")


class CaseRisk(SQLModel, table=True):
    """How much harm threatened the child, as somebody assessed it."""

    __tablename__ = "case_risk"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    level: Risk = Field(sa_type=coded(Risk))
    reason: RiskReason = Field(sa_type=coded(RiskReason))
    note: bytes | None = Field(default=None, description="sealed")
    assessed_by: str
    assessed_at: datetime = Field(sa_type=UTCDateTime)
