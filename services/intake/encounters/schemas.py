"""What systems send and see of an encounter."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.assistance.schemas import Help
from services.intake.children.rules import AgeGroup
from services.intake.children.schemas import ChildIn
from services.intake.encounters.rules import EncounterKind, Tie, TieProof, TravelCondition
from shared.clocks.schemas import ClockOut
from shared.shapes import Id, In, Out, Past, State

PlaceName = Annotated[
    str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f<>]+$"), Field(examples=["Tapachula"])
]


class Place(In):
    """Where the child was met."""

    state: State = Field(examples=["MX-CHP"])
    municipality: PlaceName | None = None
    point: PlaceName | None = Field(default=None, description="crossing, station, airport …")


class Adult(In):
    """Which adult the child was with, and what shows it."""

    tie: Tie
    proofs: Annotated[list[TieProof], Field(max_length=4)] = Field(default_factory=list)


class EncounterIn(In):
    """A child is met: a new one (`child`), or one who is known (`child_id`)."""

    kind: EncounterKind = EncounterKind.FOREIGN_MET
    occurred_at: Past
    place: Place
    adult: Adult
    child: ChildIn | None = None
    child_id: Id | None = None
    assistance: Annotated[list[Help], Field(max_length=20)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_child(self) -> Self:
        if (self.child is None) == (self.child_id is None):
            raise ValueError("exactly one of child and child_id")
        return self


class Handover(Out):
    """Whether a sister service has what it is owed. `pending` is kept and delivered when it is back."""

    to: str
    status: Literal["pending", "delivered"]


class EncounterOut(Out):
    """An encounter as the authorities of its state see it."""

    id: str
    child_id: str
    kind: EncounterKind
    occurred_at: datetime
    recorded_at: datetime
    state: str
    municipality: str | None
    point: str | None
    agency: str
    office: str | None
    tie: Tie
    travel_condition: TravelCondition
    age_group: AgeGroup
    age_presumed: bool
    clocks: list[ClockOut]
    handover: Handover
