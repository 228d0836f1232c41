"""What SNDIF sees of a child in its register: the fields of LGDNNA 99 that intake holds."""

from datetime import datetime

from pydantic import Field

from services.intake.children.rules import AgeGroup, Sex
from services.intake.children.schemas import Identity
from services.intake.encounters.rules import EncounterKind, Tie, TravelCondition
from shared.shapes import Out


class TransitOut(Out):
    """Where, when and how the child was met on its way."""

    encounter_id: str = Field(description="the encounter", examples=["enc_019aa7c3f0e57d1e8c2f4b6a90d31e41"])
    kind: EncounterKind = Field(description="how the child came to be met")
    occurred_at: datetime = Field(description="when")
    state: str = Field(description="the state", examples=["MX-CHP"])
    municipality: str | None = Field(description="the municipality")
    point: str | None = Field(description="crossing, station, airport …")
    tie: Tie = Field(description="which adult the child was with")
    tie_proofs: list[str] = Field(description="what that rests on")
    travel_condition: TravelCondition = Field(description="LM 3-XVII to XIX")
    age_group: AgeGroup = Field(description="LM 3-XVI")
    age_presumed: bool = Field(description="whether it was presumed in doubt (R3)")


class EntryOut(Out):
    """A child as it is now. Fields may be added; what other services hold comes from them."""

    child_id: str = Field(description="the child", examples=["chd_019aa7c3f0e57d1e8c2f4b6a90d31e50"])
    version: int = Field(description="the child's version")
    identity: Identity | None = Field(description="names and age; null once it was erased")
    sex: Sex = Field(description="as documents have it")
    nationalities: list[str] = Field(description="ISO 3166-1 alpha-3; empty when unknown")
    residence: str | None = Field(description="country of habitual residence")
    stateless_doubt: bool = Field(description="whether the child may be stateless")
    languages: list[str] = Field(description="ISO 639-3")
    relatives: list[str] = Field(description="family ties: ids of other children of the family")
    transit: list[TransitOut] = Field(description="conditions of transit: each meeting, the earliest first")


class RegisterOut(Out):
    """What has changed since `after`, each child once and as it is now."""

    items: list[EntryOut] = Field(description="children who were new or changed")
    next: str = Field(description="the `after` of the next call", examples=["pQ6xJd3mV0yT5bK8nW2sZ7cF1hR4gLaE"])
    more: bool = Field(description="whether there is more to be had at once")
