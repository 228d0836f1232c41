"""What systems send and see of a child."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.intake.children.rules import Sex
from shared import clock
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


class EstimatedAge(In):
    """An age between `low` and `high` full years, and what the estimate rests on."""

    low: Annotated[int, Field(ge=0, le=30)]
    high: Annotated[int, Field(ge=0, le=30)]
    basis: Annotated[str, StringConstraints(min_length=1, max_length=200)]

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

    @model_validator(mode="after")
    def _one_age(self) -> Self:
        if (self.birth_date is None) == (self.estimated_age is None):
            raise ValueError("exactly one of birth_date and estimated_age")
        return self


class ChildIn(Identity):
    """A child who is met for the first time."""

    sex: Sex
    nationalities: Nationalities = Field(description="empty when unknown; unknown never releases a consular notice")
    residence: Country | None = Field(default=None, description="country of habitual residence")
    stateless_doubt: bool = False
    languages: Languages
    relatives: Relatives = Field(default_factory=list)


class ChildPatch(In):
    """A correction. Fields that are left out stay as they are."""

    identity: Identity | None = None
    sex: Sex | None = None
    nationalities: Nationalities | None = None
    residence: Country | None = None
    stateless_doubt: bool | None = None
    languages: Languages | None = None
    relatives: Relatives | None = None

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
    state: str
    created_at: datetime
    version: int


class Facts(Out):
    """What the guard must know of a child: never who it is."""

    child_id: str
    version: int
    nationalities: list[str]
    residence: str | None
    stateless_doubt: bool
    languages: list[str]
    relatives: list[str]
