"""The tables of children. Names and birth date stand nowhere but in `identity`, sealed."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.children.rules import AgeOutcome, RetentionClass, Sex
from shared.db import JsonColumn, UTCDateTime, coded

_DUE = text("erase_after IS NOT NULL")


class Child(SQLModel, table=True):
    """A person whom the route cares for."""

    __tablename__ = "child"
    __table_args__ = (Index("ix_child_erase_after", "erase_after", postgresql_where=_DUE, sqlite_where=_DUE),)

    id: str = Field(primary_key=True)
    key_id: str = Field(description="the data key in the keyring; erased with the child")
    identity: bytes = Field(description="sealed JSON: names, birth date or estimate, CURP")
    sex: Sex = Field(sa_type=coded(Sex))
    nationalities: list[str] = Field(sa_type=JsonColumn)
    residence: str | None = None
    stateless_doubt: bool
    languages: list[str] = Field(sa_type=JsonColumn)
    relatives: list[str] = Field(sa_type=JsonColumn, description="ids of other children of the family")
    state: str = Field(index=True, description="the state whose authorities read the child (R37)")
    created_by: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
    alerts: bytes | None = Field(default=None, description="sealed JSON: disabilities and health alerts")
    age_decision: AgeOutcome | None = Field(
        default=None, sa_type=coded(AgeOutcome), description="the Procuraduría's latest decision on the age"
    )
    screened_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="the latest screening")
    screened_by: str | None = None
    indicators: bytes | None = Field(default=None, description="sealed JSON: what every screening so far found")
    retention_class: RetentionClass = Field(default=RetentionClass.CHILD_RECORD, sa_type=coded(RetentionClass))
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="from then on nobody reads it")
    erase_after: datetime | None = Field(
        default=None, sa_type=UTCDateTime, description="empty while no schedule is known"
    )
    met_state: str | None = Field(
        default=None, description="the state whose authorities met the child first, once it is another's"
    )
    permit_id: str | None = Field(default=None, description="the humanitarian permit that has not ended")

    @property
    def first_state(self) -> str:
        """The state where authorities met the child first: its days are those of there."""
        return self.met_state or self.state


class ChildChange(SQLModel, table=True):
    """One change of a child: who, when, which fields, and what they held before, sealed."""

    __tablename__ = "child_change"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    version: int = Field(description="the child's version after the change")
    at: datetime = Field(sa_type=UTCDateTime)
    client_id: str
    agency: str
    office: str | None = None
    fields: list[str] = Field(sa_type=JsonColumn)
    before: bytes = Field(description="sealed JSON: the fields as they were")
    request_id: str | None = Field(default=None, description="the request of the child's representative behind it")
