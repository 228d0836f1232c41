"""What systems send and see of a child."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.intake.children import rules
from services.intake.children.rules import (
    AgeEvidence,
    AgeOutcome,
    CurpWarning,
    Disability,
    HealthAlert,
    NameForm,
    RetentionClass,
    Sex,
)
from shared import clock
from shared.openapi.given import Given
from shared.shapes import Country, Day, Id, In, Language, Out

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f<>{}\[\]\\|@#%^*=_+~$0-9]+$")
]
Nationalities = Annotated[list[Country], Field(max_length=5, examples=[["HND"]])]
Languages = Annotated[list[Language], Field(min_length=1, max_length=10, examples=[["spa"]])]
Relatives = Annotated[list[Id], Field(max_length=20)]


def _lived(day: date) -> date:
    today = clock.now().date()
    if not date(today.year - 120, 1, 1) <= day <= today:
        raise ValueError("not a possible birth date")
    return day


BirthDate = Annotated[Day, AfterValidator(_lived)]

Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}$"), Field(examples=["PP-CHP/0417/2026"])
]
"""The number of an official document. Never a name."""

Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["opi-0417"], description="the officer's own number in the agency's system"),
]
"""Who acted, as the agency's own system knows them. Never a name."""

Curp = Annotated[
    str, StringConstraints(min_length=1, max_length=24, pattern=r"^[A-Za-z0-9Ññ &_-]+$"),
    Field(examples=["PEXF120305MCSXXXA4"], description="as the document has it; looked at, never refused"),
]  # fmt: skip


class EstimatedAge(In):
    """An age between `low` and `high` full years, and what the estimate rests on."""

    low: Annotated[int, Field(ge=0, le=30)]
    high: Annotated[int, Field(ge=0, le=30)]
    basis: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    evidence: Annotated[list[AgeEvidence], Field(max_length=7)] = Field(
        default_factory=list, description="what the estimate rests on, by code"
    )
    pp_order: Reference | None = Field(default=None, description="the Procuraduría's order of an examination")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Identity(In):
    """What identifies a child. Unknown names are null; a birth date or an estimate must be there."""

    given_names: Name | None = None
    first_surname: Name | None = None
    second_surname: Name | None = None
    birth_date: BirthDate | None = None
    estimated_age: EstimatedAge | None = None
    name_form: NameForm | None = Field(default=None, description="how the name is built; null when nobody said")
    curp: Curp | None = Field(default=None, description="Mexico's population code, where the child has one")

    @model_validator(mode="after")
    def _one_age(self) -> Self:
        if (self.birth_date is None) == (self.estimated_age is None):
            raise ValueError("exactly one of birth_date and estimated_age")
        return self

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        names = (self.given_names, self.first_surname, self.second_surname)
        given, first, second = (name is not None for name in names)
        if self.name_form is not None and not rules.fits(self.name_form, given=given, first=first, second=second):
            raise ValueError("the names are not of the form that name_form says")
        return self


class Alerts(In):
    """What whoever cares for the child must know. Sealed like the identity."""

    disabilities: Annotated[list[Disability], Field(max_length=7)] = Field(
        default_factory=list, description="difficulties by the Washington Group's short set"
    )
    health: Annotated[list[HealthAlert], Field(max_length=10)] = Field(
        default_factory=list, description="alerts that cannot wait"
    )


class ChildIn(Identity):
    """A child who is met for the first time."""

    sex: Sex
    nationalities: Nationalities = Field(description="empty when unknown; unknown never releases a consular notice")
    residence: Country | None = Field(default=None, description="country of habitual residence")
    stateless_doubt: bool = False
    languages: Languages
    relatives: Relatives = Field(default_factory=list)
    alerts: Alerts | None = Field(default=None, description="disabilities and health alerts")


class ChildPatch(In):
    """A correction. Fields that are left out stay as they are."""

    identity: Annotated[Identity | None, Given()] = None
    sex: Annotated[Sex | None, Given()] = None
    nationalities: Annotated[Nationalities | None, Given()] = None
    residence: Country | None = None
    stateless_doubt: Annotated[bool | None, Given()] = None
    languages: Annotated[Languages | None, Given()] = None
    relatives: Annotated[Relatives | None, Given()] = None
    alerts: Annotated[Alerts | None, Given()] = Field(
        default=None, description="disabilities and health alerts, all of them anew"
    )

    @model_validator(mode="after")
    def _something_lawful(self) -> Self:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None}
        if not self.model_fields_set or empty - {"residence"}:
            raise ValueError("only residence may become unknown")
        return self


class ChildOut(Out):
    """A child as the authorities of its state see it."""

    id: str
    identity: Identity
    sex: Sex
    nationalities: list[str]
    residence: str | None
    stateless_doubt: bool
    languages: list[str]
    relatives: list[str]
    alerts: Alerts | None
    curp_warnings: list[CurpWarning] = Field(description="what looks wrong with the CURP; it keeps nobody out")
    age_decision: AgeOutcome | None = Field(description="the Procuraduría's latest decision on the age")
    retention_class: RetentionClass = Field(description="by which schedule the record is blocked and erased")
    state: str
    created_at: datetime
    version: int


class Before(Out):
    """What the changed fields held before. Those that did not change are left null."""

    identity: Identity | None = None
    sex: Sex | None = None
    nationalities: list[str] | None = None
    residence: str | None = None
    stateless_doubt: bool | None = None
    languages: list[str] | None = None
    relatives: list[str] | None = None
    alerts: Alerts | None = None
    age_decision: AgeOutcome | None = Field(default=None, description="the Procuraduría's decision on the age")


class ChangeOut(Out):
    """One change of a child, as the authorities of its state see it."""

    id: str = Field(description="its id")
    version: int = Field(description="the child's version after it")
    at: datetime = Field(description="when")
    client_id: str = Field(description="by which client")
    agency: str = Field(description="of which agency")
    office: str | None = Field(description="of which office")
    fields: list[str] = Field(description="which fields changed")
    before: Before = Field(description="what they held before")
    request_id: str | None = Field(description="the request of the child's representative behind it")


class Facts(Out):
    """What the guard must know of a child: never who it is."""

    child_id: str
    version: int
    nationalities: list[str]
    residence: str | None
    stateless_doubt: bool
    languages: list[str]
    relatives: list[str]


class ScreenedFacts(Facts):
    """The same for a referral that knows of screenings; that of 0.2.0 does not."""

    state: str
    screened_at: datetime | None
    screened_by: str | None
    indicators: list[str]
    majority_month: str | None
    """The month of the 18th birthday, `2027-03`: the earliest that it may be, where the age is an estimate."""
