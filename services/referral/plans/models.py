"""The tables of plans. Who answers for an item by name, and what is to be done in words, is sealed."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from services.referral.measures.rules import MeasureKind
from services.referral.plans.rules import Beneficiary, ItemState, Periodicity, PlanState, Right, Unmet
from shared.db import UTCDateTime, coded


class Plan(SQLModel, table=True):
    """One version of a case's plan of restitution. What was signed is kept."""

    __tablename__ = "prd_plan"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    number: int = Field(description="1 for the first version of a case")
    determination_id: str = Field(foreign_key="determination.id")
    state: PlanState = Field(default=PlanState.DRAFT, sa_type=coded(PlanState))
    allows_exit: bool = Field(description="whether the child may leave the country by it (R21)")
    drawn_up_by: str
    drawn_up_at: datetime = Field(sa_type=UTCDateTime)
    signed_by: str | None = None
    signed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reference: str | None = Field(default=None, description="the number of the signed document")
    version: int = 1


class PlanItem(SQLModel, table=True):
    """One thing that is to be done: the columns of a Procuraduría's form (route.md, stage 3)."""

    __tablename__ = "prd_item"

    id: str = Field(primary_key=True)
    plan_id: str = Field(foreign_key="prd_plan.id", index=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    number: int
    continues: str | None = Field(default=None, description="the item of the former version that it goes on with")
    right: Right = Field(sa_type=coded(Right))
    basis: str = Field(description="the legal basis")
    kind: MeasureKind = Field(sa_type=coded(MeasureKind))
    beneficiary: Beneficiary = Field(sa_type=coded(Beneficiary))
    measure: bytes = Field(description="sealed")
    agency: str = Field(index=True, description="the institution that answers for it")
    responsible: bytes = Field(description="sealed: the person's name")
    periodicity: Periodicity = Field(sa_type=coded(Periodicity))
    due_on: date
    due_at: datetime = Field(sa_type=UTCDateTime, description="the end of that day where the case is")
    state: ItemState = Field(default=ItemState.PLANNED, sa_type=coded(ItemState))
    reported_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    unmet: Unmet | None = Field(default=None, sa_type=coded(Unmet))
    version: int = 1


class ItemStep(SQLModel, table=True):
    """What was done with an item, with its evidence. Rows are only added."""

    __tablename__ = "prd_item_step"

    id: str = Field(primary_key=True)
    item_id: str = Field(foreign_key="prd_item.id", index=True)
    state: ItemState = Field(sa_type=coded(ItemState), description="the state that it led to")
    reference: str | None = Field(default=None, description="the number of the evidence")
    digest: str | None = Field(default=None, description="SHA-256 of the evidence, hexadecimal")
    note: bytes | None = Field(default=None, description="sealed")
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
