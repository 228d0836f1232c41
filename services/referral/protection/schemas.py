"""What systems send and see of the guard. No consulate and no service outside reads any of it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Representation
from services.referral.cases.schemas import Reference
from services.referral.protection.lifting import (
    CorrectionReason,
    LiftGround,
    LiftPurpose,
    LiftState,
    ReviewOutcome,
    ReviewState,
    ReviewSubject,
)
from services.referral.protection.rules import Answer, IndicationCode, Obstacle, ReleaseState, ToldBy, Verdict
from shared.events import Office
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
    mp_referral_id: str | None = Field(
        description="the notice to the public prosecution, where it may be trafficking", examples=[None]
    )
    assistance: list[str] = Field(
        description="who offers victims of trafficking help there; ask them yourself", examples=[[]]
    )


class IndicationRead(Out):
    """An indication as the Procuraduría reads it."""

    id: str
    case_id: str
    code: IndicationCode
    told_by: ToldBy
    note: str | None
    agency: str
    recorded_at: datetime
    corrected_at: datetime | None = Field(
        description="when it was marked as an error; the guard stays closed", examples=[None]
    )
    corrected_by: str | None = Field(description="agency and officer who did", examples=[None])
    correction: CorrectionReason | None = Field(description="why it was an error", examples=[None])
    correction_note: str | None = Field(description="why, in words", examples=[None])


class CorrectionIn(In):
    """An indication was entered in error. That alone opens nothing: a lift does."""

    reason: CorrectionReason = Field(description="why it was an error", examples=["WRONG_CHILD"])
    note: Note = Field(description="what happened, in words; sealed", examples=["Registrado en otro expediente"])
    officer: Officer


class IndicationList(Out):
    """The indications of one case, oldest first."""

    items: list[IndicationRead]


class ReleaseIn(In):
    """An officer proposes that the consulate, or another body of a foreign state, be told. Facts come from intake."""

    case_id: Id
    nationality: Country
    officer: Officer
    screened_at: Past = Field(description="when the screening found no need of protection")
    told_at: Past = Field(description="when the child was told of the right to consular help")
    told_in: Language
    objects: bool = Field(description="whether the child objects")
    recipient: Slug | None = Field(
        default=None, description="a body of the directory that serves that state; null: its consulate"
    )
    service: Service | None = Field(default=None, description="what that body is asked for; only with a recipient")

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if (self.recipient is None) is not (self.service is None):
            raise ValueError("a body abroad is asked for a service, a consulate for none")
        return self


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
    recipient: str | None = Field(description="the body abroad that it is for; null: the consulate", examples=[None])
    service: Service | None = Field(description="what that body is asked for", examples=[None])
    answer: Answer | None = Field(description="what that body said", examples=[None])
    obstacles: list[Obstacle]
    allowed_actions: list[str]


_PP = {"id": "pp-chp", "name": "Procuraduría de Protección de Niñas, Niños y Adolescentes del Estado de Chiapas"}
_DIF = {"id": "dif-chp", "name": "Sistema para el Desarrollo Integral de la Familia del Estado de Chiapas"}


class CrossingOut(Out):
    """What a body abroad gets of a child: no identity, no age, no date, no case."""

    id: str = Field(description="its id", examples=["crs_2c9e4a7d1b3f4e5a8c6d0f9b7a5e3d10"])
    state: str = Field(description="the Mexican state where the child is", examples=["MX-CHP"])
    service: Service = Field(description="what you are asked for", examples=["FAMILY_TRACING"])
    pp: Office = Field(description="the Procuraduría that represents the child: whom to talk to", examples=[_PP])
    dif: Office = Field(description="the DIF that cares for the child", examples=[_DIF])
    acknowledged_at: datetime | None = Field(description="when you said that you know", examples=[None])
    answer: Answer | None = Field(description="what you said", examples=[None])
    answered_at: datetime | None = Field(description="when you said it", examples=[None])
    allowed_actions: list[str] = Field(
        description="what you may do with it now", examples=[["acknowledge", "accept", "decline"]]
    )


class LiftIn(In):
    """The Procuraduría proposes to open a closed guard, for one purpose and named recipients."""

    case_id: Id
    ground: LiftGround = Field(description="on what it rests", examples=["JOINT"])
    purpose: LiftPurpose = Field(description="what it is for", examples=["CONSULAR_NOTICE"])
    recipients: Annotated[list[Annotated[str, StringConstraints(min_length=2, max_length=48)]], Field(
        min_length=1, max_length=20, description="states (ISO 3166-1 alpha-3), or bodies abroad of the directory",
        examples=[["HND"]],
    )]  # fmt: skip
    consent_by: Representation | None = Field(
        default=None, description="who represents the child and consented; only with CONSENT", examples=[None]
    )
    consent_at: Past | None = Field(default=None, description="when; only with CONSENT", examples=[None])
    evidence: Reference
    reasons: Note = Field(description="why, in words; sealed", examples=["El riesgo cesó; opinión técnica"])
    officer: Officer

    @model_validator(mode="after")
    def _consented(self) -> Self:
        wanted = self.ground is LiftGround.CONSENT
        if (self.consent_by is not None) is not wanted or (self.consent_at is not None) is not wanted:
            raise ValueError("a consent says whose it is and when it was given; nothing else does")
        return self


class LiftDecision(In):
    """The second authority decides, or one of them ends a lift."""

    evidence: Reference
    reasons: Note = Field(description="why, in words; sealed", examples=["Se comparte la valoración"])
    officer: Officer


class LiftOut(Out):
    """A lift, as the Procuraduría and COMAR see it. Nobody else does."""

    id: str = Field(description="its id", examples=["lft_019aa7c3f0e57d1e8c2f4b6a90d31e95"])
    case_id: str
    state: LiftState = Field(description="where it stands", examples=["proposed"])
    ground: LiftGround = Field(description="on what it rests", examples=["JOINT"])
    purpose: LiftPurpose = Field(description="what it is for: it opens nothing else", examples=["CONSULAR_NOTICE"])
    recipients: list[str] = Field(description="whom it lets know: states, or bodies abroad", examples=[["HND"]])
    consent_by: Representation | None = Field(description="who consented for the child", examples=[None])
    consent_at: datetime | None = Field(description="when", examples=[None])
    proposed_by: str = Field(description="agency and officer of the first act", examples=["pp-chp/pp-0001"])
    proposed_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])
    evidence: str = Field(description="the number of the document behind it", examples=["PP/2026/0417"])
    reasons: str = Field(description="why, in words", examples=["El riesgo cesó; opinión técnica"])
    decided_by: str | None = Field(description="agency and officer of the second act", examples=[None])
    decided_at: datetime | None = Field(description="when", examples=[None])
    decision_evidence: str | None = Field(description="the number of the document behind that", examples=[None])
    decision_reasons: str | None = Field(description="why, in words: of the last decision", examples=[None])
    ended_by: str | None = Field(description="agency and officer; null where an indication ended it", examples=[None])
    ended_at: datetime | None = Field(description="when it ended", examples=[None])
    version: int
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["withdraw"]])


class ReviewDecision(In):
    """What a review came to."""

    outcome: ReviewOutcome = Field(description="what is to be", examples=["KEEP"])
    reasons: Note = Field(description="why, in words; sealed", examples=["El riesgo persiste"])
    officer: Officer


class ReviewOut(Out):
    """A review at a set date, as the Procuraduría sees it."""

    id: str = Field(description="its id", examples=["grv_019aa7c3f0e57d1e8c2f4b6a90d31e96"])
    case_id: str
    subject: ReviewSubject = Field(description="what is looked at again", examples=["BAR"])
    subject_id: str = Field(
        description="the release or the lift; of a bar the case", examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60"]
    )
    state: ReviewState = Field(description="where it stands", examples=["due"])
    due_at: datetime = Field(description="by when", examples=["2026-11-20T15:04:05Z"])
    outcome: ReviewOutcome | None = Field(description="what it came to", examples=[None])
    reasons: str | None = Field(description="why, in words", examples=[None])
    decided_by: str | None = Field(description="agency and officer", examples=[None])
    decided_at: datetime | None = Field(description="when", examples=[None])
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["decide"]])


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
