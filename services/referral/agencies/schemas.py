"""Bodies as those who enter them send them, and as readers see them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from services.referral.agencies.models import BodyVersion
from services.referral.agencies.rules import Agency, Kind, Service
from shared.openapi.given import Given
from shared.shapes import Country, Day, In, Line, Out, Slug, State

Area = Annotated[
    str,
    StringConstraints(pattern=r"^(MX|MX-[A-Z]{3}|[A-Z]{3})$"),
    Field(examples=["MX-CHP"], description="a state, MX for the whole country, or abroad the country"),
]
Territory = Annotated[list[Area], Field(min_length=1, max_length=32)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Services = Annotated[list[Service], Field(min_length=1, max_length=len(Service))]


class AgencyIn(In):
    """A body that takes part in the route."""

    id: Slug = Field(description="its id, for ever", examples=["cas-tam-ejemplo-01"])
    kind: Kind = Field(description="what it is", examples=["CAS"])
    name_es: Line = Field(description="its name in Spanish", examples=["CAS Ejemplo (ficticio)"])
    name_en: Line = Field(description="its name in English", examples=["Example shelter (fictitious)"])
    state: State | None = Field(default=None, description="the state where it stands", examples=["MX-TAM"])
    territory: Territory = Field(description="where it acts", examples=[["MX-TAM"]])
    services: Services = Field(description="what it can be asked for", examples=[["SHELTER"]])
    parent: Slug | None = Field(default=None, description="the body that it belongs to", examples=["dif-chp"])
    bound_to: Country | None = Field(default=None, description="the foreign state that it serves", examples=[None])
    source: Source = Field(description="where that is written", examples=["Registro estatal de CAS (ficticio)"])
    verified: bool = Field(default=False, description="whether somebody has checked that source")
    valid_from: Day | None = Field(default=None, description="its first day; null for always")
    valid_to: Day | None = Field(default=None, description="its first day without service; null while it serves")

    def agency(self) -> Agency:
        """Return it as the rules know bodies."""
        shown = self.model_dump() | {"territory": frozenset(self.territory), "services": tuple(self.services)}
        return Agency(**shown | {"state": self.state.value if self.state else None})


class AgencyPatch(In):
    """A change. Fields that are left out stay as they are."""

    name_es: Annotated[Line | None, Given()] = Field(default=None, description="its name in Spanish")
    name_en: Annotated[Line | None, Given()] = Field(default=None, description="its name in English")
    territory: Annotated[Territory | None, Given()] = Field(default=None, description="where it acts")
    services: Annotated[Services | None, Given()] = Field(default=None, description="what it can be asked for")
    parent: Slug | None = Field(default=None, description="the body that it belongs to", examples=["dif-chp"])
    source: Annotated[Source | None, Given()] = Field(default=None, description="where that is written")
    verified: Annotated[bool | None, Given()] = Field(default=None, description="whether somebody has checked it")
    valid_from: Day | None = Field(default=None, description="its first day")
    valid_to: Day | None = Field(default=None, description="its first day without service")

    @model_validator(mode="after")
    def _something(self) -> Self:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None}
        if not self.model_fields_set or empty - {"parent", "valid_from", "valid_to"}:
            raise ValueError("nothing to change, or nothing in the place of something needed")
        return self

    def applied(self, before: Agency) -> Agency:
        """Return the body with this change."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name, make in (("territory", frozenset), ("services", tuple)):
            if name in given:
                given[name] = make(given[name])
        return replace(before, **given)


class AgencyOut(Out):
    """One body of the directory."""

    id: str
    kind: Kind
    name_es: str
    name_en: str
    state: str | None
    territory: list[str]
    services: list[Service]
    parent: str | None
    bound_to: str | None = Field(description="the foreign state that it serves; null for all others", examples=[None])
    source: str
    verified: bool
    valid_from: date | None = Field(description="its first day; null for always", examples=[None])
    valid_to: date | None = Field(description="its first day without service; null while it serves", examples=[None])
    version: int
    allowed_actions: list[str]

    @classmethod
    def of(cls, agency: Agency, allowed_actions: list[str]) -> "AgencyOut":
        """Show a body."""
        return cls(
            id=agency.id, kind=agency.kind, name_es=agency.name_es, name_en=agency.name_en, state=agency.state,
            territory=sorted(agency.territory), services=list(agency.services), parent=agency.parent,
            bound_to=agency.bound_to, source=agency.source, verified=agency.verified, valid_from=agency.valid_from,
            valid_to=agency.valid_to, version=agency.version, allowed_actions=allowed_actions,
        )  # fmt: skip


class AgencyContent(Out):
    """What a body was."""

    name_es: str = Field(description="its name in Spanish", examples=["CAS Ejemplo (ficticio)"])
    name_en: str = Field(description="its name in English", examples=["Example shelter (fictitious)"])
    territory: list[str] = Field(description="where it acted", examples=[["MX-CHP"]])
    services: list[Service] = Field(description="what it could be asked for", examples=[["SHELTER"]])
    parent: str | None = Field(description="the body that it belonged to", examples=["dif-chp"])
    source: str = Field(description="where that was written", examples=["Registro estatal de CAS (ficticio)"])
    verified: bool = Field(description="whether somebody had checked that source")
    valid_from: date | None = Field(description="its first day", examples=[None])
    valid_to: date | None = Field(description="its first day without service", examples=[None])


class AgencyVersion(Out):
    """One change of a body."""

    version: int = Field(description="which version it made", examples=[2])
    changed_at: datetime = Field(description="when")
    changed_by: str = Field(description="the agency that did", examples=["dif-chp"])
    content: AgencyContent = Field(description="what the body was from then on")

    @classmethod
    def of(cls, row: BodyVersion) -> "AgencyVersion":
        """Show a change."""
        content = {name: row.content[name] for name in AgencyContent.model_fields}
        return cls.model_validate(row.model_dump(exclude={"body_id"}) | {"content": content})


class AgencyHistory(Out):
    """What this installation has made of a body, oldest first; nothing where the shipped row still counts."""

    items: list[AgencyVersion]


class DirectoryCode(Out):
    """A code with what it is called."""

    code: str = Field(description="as the API has it", examples=["SHELTER"])
    text_en: str = Field(description="what it is called, in English", examples=["Shelter and care"])
    text_es: str = Field(description="what it is called, in Spanish", examples=["Alojamiento y cuidado"])
    open_eligibility: str | None = Field(
        description="of a service: the nearest term of the Open Eligibility taxonomy, which HSDS exports name",
        examples=["Temporary Shelter"],
    )


class DirectoryCodes(Out):
    """The code lists of the directory."""

    kinds: list[DirectoryCode] = Field(description="what a body is")
    services: list[DirectoryCode] = Field(
        description="what it can be asked for",
        examples=[[{"code": "HEALTH", "text_en": "Health care", "text_es": "Atención de la salud",
                    "open_eligibility": "Medical Care"}]],
    )  # fmt: skip


class ImportFault(Out):
    """What is wrong with one line. No value is repeated."""

    line: int = Field(description="the line's number, as an editor counts", examples=[3])
    field: str = Field(description="the column; empty for the whole line", examples=["territory"])
    reason: str = Field(description="what is wrong with it", examples=["unknown"])


class ImportOut(Out):
    """What a file does to the directory."""

    added: int = Field(description="bodies that are new", examples=[12])
    changed: int = Field(description="bodies that it changes", examples=[3])
    unchanged: int = Field(description="bodies of which it says what the directory says", examples=[110])
    faults: list[ImportFault] = Field(description="what is wrong; while there is anything, nothing is imported")
