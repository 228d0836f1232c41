"""What systems send and see of an encounter."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.assistance.rules import AssistanceCode
from services.intake.assistance.schemas import Help
from services.intake.children.rules import AgeGroup
from services.intake.children.schemas import BirthDate, ChildIn, Name, Nationalities, Reference
from services.intake.encounters import rules
from services.intake.encounters.rules import (
    AnnouncedBy,
    CarerPresentation,
    EncounterKind,
    Outcome,
    Relation,
    Tie,
    TieProof,
    TravelCondition,
)
from services.intake.identifiers.schemas import ExternalIdIn
from services.intake.matches.schemas import PossibleMatch
from shared.clocks.schemas import ClockOut
from shared.shapes import Country, Id, In, Out, Past, Slug, State

PlaceName = Annotated[
    str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f<>]+$"), Field(examples=["Tapachula"])
]
ExternalId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$"),
    Field(examples=["CHP-2026-004711"], description="your own id of this encounter: sent again, it is the same one"),
]


class Place(In):
    """Where the child was met."""

    state: State = Field(examples=["MX-CHP"])
    municipality: PlaceName | None = None
    point: PlaceName | None = Field(default=None, description="crossing, station, airport …")


class AdultIdentity(In):
    """Who the adult says to be. Sealed under the child's key."""

    given_names: Name | None = None
    first_surname: Name | None = None
    second_surname: Name | None = None
    birth_date: BirthDate | None = None
    nationalities: Nationalities = Field(default_factory=list)


class Adult(In):
    """Which adult the child was with, what shows it, and what was done with that adult."""

    tie: Tie
    proofs: Annotated[list[TieProof], Field(max_length=4)] = Field(default_factory=list)
    relation: Relation | None = Field(default=None, description="what the adult is to the child")
    identity: AdultIdentity | None = Field(default=None, description="who the adult says to be")
    presented_at: Past | None = Field(default=None, description="when the adult was presented (R10)")
    pp_attended_at: Past | None = Field(default=None, description="when the Procuraduría attended (R10)")
    oficio: Reference | None = Field(default=None, description="number of the oficio de canalización (R10)")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        said = (self.relation, self.identity, self.presented_at, self.pp_attended_at, self.oficio)
        if self.tie is Tie.NOBODY and any(each is not None for each in said):
            raise ValueError("there was no adult")
        return self


class EncounterIn(In):
    """A child is met: a new one (`child`), or one who is known (`child_id`)."""

    kind: EncounterKind = EncounterKind.FOREIGN_MET
    occurred_at: Past
    place: Place
    adult: Adult
    child: ChildIn | None = None
    child_id: Id | None = None
    assistance: Annotated[list[Help], Field(max_length=20)] = Field(default_factory=list)
    external_id: ExternalId | None = None
    external_ids: Annotated[list[ExternalIdIn], Field(max_length=5)] = Field(
        default_factory=list, description="numbers that other systems know a new child by"
    )
    outcome: Outcome | None = Field(default=None, description="how the official tables count what INM did")
    return_point: PlaceName | None = Field(
        default=None, description="MEXICAN_RETURNED: the repatriation point", examples=["Nuevo Laredo II"]
    )
    returned_from: Country | None = Field(
        default=None, description="MEXICAN_RETURNED: the country that returned the child", examples=["USA"]
    )
    state_of_origin: State | None = Field(
        default=None, description="MEXICAN_RETURNED: the Mexican state that the child comes from"
    )
    announced_by: AnnouncedBy | None = Field(default=None, description="ANNOUNCED: who told of the child")
    announcing_agency: Slug | None = Field(default=None, description="ANNOUNCED: the agency", examples=["unicef"])
    announcing_country: Country | None = Field(default=None, description="ANNOUNCED: the country", examples=["GTM"])
    announcement_id: Id | None = Field(
        default=None, description="the ANNOUNCED encounter that this meeting answers; with its `child_id`",
        examples=["enc_019aa7c3f0e57d1e8c2f4b6a90d31e40"],
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_child(self) -> Self:
        if (self.child is None) == (self.child_id is None):
            raise ValueError("exactly one of child and child_id")
        if self.child is None and self.external_ids:
            raise ValueError("external_ids here are of a new child")
        if self.announcement_id is not None and self.child_id is None:
            raise ValueError("announcement_id goes with child_id")
        return self

    def of_kinds(self) -> set[str]:
        """Return which of the fields that belong to one kind only are there."""
        return {name for names in rules.FIELDS_OF.values() for name in names if getattr(self, name) is not None}


class Handover(Out):
    """Whether a sister service has what it is owed.

    `pending` is kept and delivered when it is back; `not_due` is a child who is only announced.
    """

    to: str
    status: Literal["pending", "delivered", "not_due"]


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
    external_id: str | None = Field(description="the agency's own id of it")
    outcome: Outcome | None = Field(description="how the official tables count what INM did")
    return_point: str | None = Field(description="the repatriation point")
    returned_from: str | None = Field(description="the country that returned a Mexican child")
    state_of_origin: str | None = Field(description="the Mexican state that the child comes from")
    announced_by: AnnouncedBy | None = Field(description="who told of a child not met yet")
    announcing_agency: str | None = Field(description="the agency that told of it")
    announcing_country: str | None = Field(description="the country that told of it")
    announcement_id: str | None = Field(description="the announcement that this meeting answers")
    met_by: str | None = Field(description="of an announcement: the encounter by which the child was met")
    tie_proofs: list[TieProof] = Field(description="what the tie to the adult rests on")
    adult_relation: Relation | None = Field(description="what the adult is to the child")
    carer_presented_at: datetime | None = Field(description="when the adult was presented")
    pp_attended_at: datetime | None = Field(description="when the Procuraduría attended")
    oficio: str | None = Field(description="number of the oficio de canalización")
    carer_presentation: CarerPresentation = Field(description="whether the adult may be presented (R10)")
    unmet_needs: list[AssistanceCode] = Field(description="basic needs neither met nor declined yet")
    clocks: list[ClockOut]
    handover: Handover
    possible_matches: list[PossibleMatch] = Field(description="matches of the child that wait for review")


class AdultOut(Out):
    """The adult with whom the child was met."""

    encounter_id: str
    tie: Tie
    relation: Relation | None = Field(description="what the adult is to the child")
    identity: AdultIdentity = Field(description="who the adult says to be")
