"""What systems send and see of the guard. No consulate and no service outside reads any of it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.referral.protection.rules import IndicationCode, Obstacle, ReleaseState, ToldBy, Verdict
from shared.shapes import Country, Id, In, Language, Note, Out, Past, Slug, State

Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["opi-0417"], description="the officer's own number in the agency's system"),
]


class IndicationIn(In):
    """An indication that a child may need protection."""

    case_id: Id
    code: IndicationCode
    told_by: ToldBy
    note: Note | None = None


class IndicationOut(Out):
    """The indication, and what it set off in the same transaction."""

    id: str
    case_id: str
    code: IndicationCode
    told_by: ToldBy
    agency: str
    recorded_at: datetime
    comar_referral_id: str
    open_permits: list[str] = Field(description="sends that had been allowed less than two seconds before")
    verification_referral_id: str | None = Field(description="the Procuraduría's task to see what those sends did")


class IndicationRead(Out):
    """An indication as the Procuraduría reads it."""

    id: str
    case_id: str
    code: IndicationCode
    told_by: ToldBy
    note: str | None
    agency: str
    recorded_at: datetime


class IndicationList(Out):
    """The indications of one case, oldest first."""

    items: list[IndicationRead]


class ReleaseIn(In):
    """An officer proposes that the consulate be told. The facts come from intake, not from here."""

    case_id: Id
    nationality: Country
    officer: Officer
    screened_at: Past = Field(description="when the screening found no need of protection")
    told_at: Past = Field(description="when the child was told of the right to consular help")
    told_in: Language
    objects: bool = Field(description="whether the child objects")


class Step(In):
    """Who takes a step."""

    officer: Officer


class ReleaseOut(Out):
    """A release as INM and the Procuraduría of the state see it."""

    id: str
    case_id: str
    state: ReleaseState
    nationality: str
    screened_at: datetime
    told_at: datetime
    told_in: str
    objects: bool
    proposed_by: str
    concurred_by: str | None
    concurred_at: datetime | None
    released_by: str | None
    released_at: datetime | None
    acknowledged_at: datetime | None
    created_at: datetime
    version: int
    obstacles: list[Obstacle]
    allowed_actions: list[str]


class FactsIn(BaseModel):
    """What intake knows of a child, as the guard needs it. Intake may come to know more: that is ignored."""

    model_config = ConfigDict(extra="ignore")

    child_id: Id
    version: Annotated[int, Field(ge=1)]
    nationalities: list[Country]
    residence: Country | None
    stateless_doubt: bool
    languages: list[Language]
    relatives: list[Id]
    state: State | None = None
    screened_at: Past | None = None
    screened_by: Slug | None = None
    indicators: list[IndicationCode] = Field(default_factory=list)
    majority_month: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")] | None = None

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if self.indicators and (self.state is None or self.screened_by is None):
            raise ValueError("what a screening found has a state and an agency")
        return self


class FactsOut(Out):
    """Confirms that the guard now goes by these facts."""

    child_id: str
    version: int


class PermitIn(In):
    """The sender asks whether one notice may leave now."""

    release_id: Id


class PermitOut(Out):
    """The answer: single use, two seconds."""

    permit_id: str | None
    release_id: str
    verdict: Verdict
    expires_at: datetime | None
