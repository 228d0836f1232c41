"""What systems send and see of where a child sleeps."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.children.schemas import Officer, Reference
from services.intake.encounters.rules import TravelCondition
from services.intake.lodging.rules import (
    EndReason,
    FacilityKind,
    Quarters,
    SplitReason,
    StayPurpose,
    StayStatus,
    ends_properly,
)
from shared.shapes import Id, In, Line, Out, Past, State

PlaceId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$"), Field(examples=["cas-tapachula-01"])
]


class StayPlace(In):
    """Which place it is. Sealed: of a foster family the name is that of persons."""

    id: PlaceId = Field(description="the place's id in the register of your agency: one id for one place")
    name: Line | None = Field(default=None, description="its name", examples=["CAS Tapachula"])
    municipality: Line | None = Field(default=None, description="where it is", examples=["Tapachula"])


class Facility(In):
    """The place where the child sleeps."""

    kind: FacilityKind = Field(description="what kind of place", examples=["CAS_PUBLIC"])
    state: State = Field(description="the state where it is", examples=["MX-CHP"])
    place: StayPlace = Field(description="which one")


class FamilyDecision(In):
    """The Procuraduría's reasoned decision that a family sleeps apart."""

    reason: SplitReason = Field(description="why, by code")
    reference: Reference = Field(description="the number of the decision")
    decided_at: Past = Field(description="when it was decided")


class StayIn(In):
    """A child sleeps somewhere. With `until` and `end_reason`: slept there."""

    child_id: Id
    facility: Facility = Field(description="where")
    purpose: StayPurpose = Field(description="why there", examples=["CARE"])
    quarters: Quarters = Field(description="with whom", examples=["WITH_CHILDREN"])
    since: Past = Field(description="from when on")
    until: Past | None = Field(default=None, description="until when; null while it lasts")
    end_reason: EndReason | None = Field(default=None, description="why it ended; goes with `until`")
    officer: Officer
    family_decision: FamilyDecision | None = Field(
        default=None, description="that the family sleeps apart; not needed where a separation stands in its record"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.until is None) != (self.end_reason is None):
            raise ValueError("until and end_reason go together")
        if not ends_properly(self.since, self.until):
            raise ValueError("until is not after since")
        return self


class StayEndIn(In):
    """The child no longer sleeps there."""

    until: Past = Field(description="until when")
    end_reason: EndReason = Field(description="why", examples=["MOVED"])
    officer: Officer


class StayVoidIn(In):
    """It was recorded by mistake."""

    officer: Officer


class StayItem(Out):
    """A stay in a list: which place it was is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["sty_019aa7c3f0e57d1e8c2f4b6a90d31e70"])
    child_id: str
    kind: FacilityKind = Field(description="what kind of place", examples=["CAS_PUBLIC"])
    state: str = Field(description="the state where the place is", examples=["MX-CHP"])
    purpose: StayPurpose = Field(description="why there", examples=["CARE"])
    quarters: Quarters = Field(description="with whom", examples=["WITH_CHILDREN"])
    travel_condition: TravelCondition
    since: datetime = Field(description="from when on")
    until: datetime | None = Field(description="until when; null while it lasts", examples=[None])
    end_reason: EndReason | None = Field(description="why it ended", examples=[None])
    status: StayStatus = Field(description="where it stands", examples=["sleeping"])
    split_reason: SplitReason | None = Field(description="why the family sleeps apart", examples=[None])
    split_reference: str | None = Field(description="the Procuraduría's decision on that", examples=[None])
    split_decided_at: datetime | None = Field(description="when it was decided", examples=[None])
    separation_id: str | None = Field(
        description="the family's standing separation by which it sleeps apart", examples=[None]
    )
    agency: str
    officer: str = Field(description="the officer's number", examples=["dif-0031"])
    recorded_at: datetime
    version: int = Field(description="grows with each change; the ETag holds it")
    allowed_actions: list[str] = Field(description="what may be done with it now", examples=[["end", "void"]])


class StayOut(StayItem):
    """A stay as its audience may see it."""

    place: StayPlace | None = Field(description="which place; null where R31 withholds it from you")
    withheld: str | None = Field(description="the rule that withholds the place", examples=[None])


class Unlodged(Out):
    """A child of whom nobody has said where it sleeps."""

    child_id: str
    unknown_since: datetime = Field(description="since when nobody knows: it was met then, or left a place")
    last_stay_id: str | None = Field(
        description="where it slept last", examples=["sty_019aa7c3f0e57d1e8c2f4b6a90d31e70"]
    )
    end_reason: EndReason | None = Field(description="why that ended", examples=["LEFT"])
