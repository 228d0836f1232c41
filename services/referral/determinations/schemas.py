"""Assessments, hearings and determinations as they are told and seen."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.referral.cases.schemas import Officer, Reference
from services.referral.determinations.rules import (
    AssessmentKind,
    BidPurpose,
    BidState,
    Discipline,
    Explained,
    Expression,
    Finding,
    Option,
    ReviewReason,
)
from shared.shapes import Id, In, Language, Note, Out, Past, Slug

_WHEN = "2026-11-20T15:04:05Z"
_WHO = "agency and officer"
_BY = ["pp-chp/pp-0001"]

Findings = Annotated[list[Finding], Field(min_length=1, max_length=14)]
Explanations = Annotated[list[Explained], Field(min_length=1, max_length=6)]


class AssessmentIn(In):
    """The child was assessed."""

    case_id: Id
    kind: AssessmentKind = Field(description="DIF's INITIAL one, or one of best interests", examples=["INITIAL"])
    safe: bool = Field(description="whether the place was safe", examples=[True])
    private: bool = Field(description="whether nobody listened", examples=[True])
    findings: Findings = Field(
        description="what was found; what tells of a need of protection closes the guard at once (R15)",
        examples=[["PSYCHOSOCIAL", "FAMILY_ABROAD"]],
    )  # fmt: skip
    words: Note | None = Field(default=None, description="in words; sealed")
    assessed_at: Past = Field(description="when")
    officer: Officer

    @model_validator(mode="after")
    def _say_one_thing(self) -> Self:
        if len(set(self.findings)) != len(self.findings):
            raise ValueError("a finding is named once")
        if Finding.NO_SPECIAL_NEED in self.findings and len(self.findings) > 1:
            raise ValueError("either no special need was found, or some")
        return self


class AssessmentOut(Out):
    """An assessment, to the Procuraduría of the territory and the DIF in charge."""

    id: str = Field(description="its id", examples=["asm_019aa7c3f0e57d1e8c2f4b6a90d31e83"])
    case_id: str
    kind: AssessmentKind = Field(description="which it is", examples=["INITIAL"])
    safe: bool = Field(description="whether the place was safe", examples=[True])
    private: bool = Field(description="whether nobody listened", examples=[True])
    findings: list[Finding] = Field(description="what was found", examples=[["PSYCHOSOCIAL"]])
    words: str | None = Field(description="in words; in a list always null", examples=[None])
    agency: str = Field(description="who assessed", examples=["dif-chp"])
    officer: str = Field(description="the officer's number", examples=["dif-0031"])
    assessed_at: datetime = Field(description="when", examples=[_WHEN])
    recorded_at: datetime = Field(description="when it was recorded", examples=[_WHEN])


class HearingIn(In):
    """The child was heard, and told in its language what happens."""

    case_id: Id
    expression: Expression = Field(description="how it took part", examples=["EXPRESSED"])
    view: Note = Field(
        description="the child's view or, where it said none, what was observed; sealed",
        examples=["Quiere vivir con su tía en Puebla."],
    )
    explained: Explanations = Field(description="what was explained", examples=[["RIGHTS", "PROCEDURE", "OPTIONS"]])
    explanation: Note = Field(
        description="how it was explained, in words; sealed", examples=["Se le explicó con dibujos qué sigue."]
    )
    language: Language = Field(description="in which it was explained and heard, ISO 639-3")
    interpreter: bool = Field(description="whether through an interpreter", examples=[False])
    heard_at: Past = Field(description="when")
    officer: Officer


class HearingOut(Out):
    """A hearing, to the Procuraduría of the territory."""

    id: str = Field(description="its id", examples=["hea_019aa7c3f0e57d1e8c2f4b6a90d31e84"])
    case_id: str
    expression: Expression = Field(description="how the child took part", examples=["EXPRESSED"])
    view: str | None = Field(description="its view; in a list always null", examples=[None])
    explained: list[Explained] = Field(description="what was explained", examples=[["RIGHTS"]])
    explanation: str | None = Field(description="how; in a list always null", examples=[None])
    language: str = Field(description="ISO 639-3", examples=["spa"])
    interpreter: bool = Field(description="whether through an interpreter", examples=[False])
    heard_at: datetime = Field(description="when", examples=[_WHEN])
    heard_by: str = Field(description=_WHO, examples=_BY)
    recorded_at: datetime = Field(description="when it was recorded", examples=[_WHEN])


class DeterminationIn(In):
    """The Procuraduría begins to determine what is best for the child."""

    case_id: Id
    purpose: BidPurpose = Field(description="what for", examples=["DURABLE_SOLUTION"])
    assessor: Officer = Field(description="the officer who assesses, and so never sits on the panel")
    officer: Officer


class OpinionIn(In):
    """What one discipline recommends."""

    discipline: Discipline = Field(description="which", examples=["LEGAL"])
    recommendation: Option = Field(description="what it recommends", examples=["STAY_WITH_FAMILY"])
    words: Note = Field(description="why; sealed", examples=["La tía acredita el parentesco."])
    officer: Officer


class SeatIn(In):
    """Somebody sits on the panel, and has undertaken to keep it confidential."""

    agency: Slug = Field(description="the member's agency", examples=["dif-chp"])
    officer: Officer
    discipline: Discipline = Field(description="the member's discipline", examples=["SOCIAL_WORK"])
    undertaking: Reference = Field(description="the number of the undertaking of confidentiality")
    undertaken_at: Past = Field(description="when it was signed")


class BidDecisionIn(In):
    """What the panel decided."""

    decision: Option = Field(description="what", examples=["STAY_WITH_FAMILY"])
    reasons: Note = Field(description="why; sealed", examples=["La unidad familiar es lo mejor para ella."])
    officer: Officer


class SignatureIn(In):
    """The Procuraduría signs."""

    reference: Reference = Field(description="the number of the signed document")
    officer: Officer


class BidReviewIn(In):
    """A signed determination is opened again."""

    reason: ReviewReason = Field(description="why", examples=["NEW_FACTS"])
    assessor: Officer = Field(description="the officer who assesses anew")
    officer: Officer


class BidWithdrawalIn(In):
    """A determination is not gone on with."""

    officer: Officer


class OpinionOut(Out):
    """What one discipline recommended."""

    discipline: Discipline = Field(description="which", examples=["LEGAL"])
    recommendation: Option = Field(description="what it recommended", examples=["STAY_WITH_FAMILY"])
    words: str | None = Field(description="why; in a list always null", examples=[None])
    agency: str = Field(description="whose opinion", examples=["pp-chp"])
    officer: str = Field(description="the officer's number", examples=["pp-0007"])
    given_at: datetime = Field(description="when", examples=[_WHEN])


class SeatOut(Out):
    """A member of the panel."""

    discipline: Discipline = Field(description="the member's discipline", examples=["SOCIAL_WORK"])
    agency: str = Field(description="the member's agency", examples=["dif-chp"])
    officer: str = Field(description="the officer's number", examples=["dif-0031"])
    undertaking: str = Field(description="the number of the undertaking of confidentiality", examples=["UC/2026/7"])
    undertaken_at: datetime = Field(description="when it was signed", examples=[_WHEN])


class DeterminationOut(Out):
    """A determination of best interests, to the Procuraduría of the territory and the DIF in charge."""

    id: str = Field(description="its id", examples=["bid_019aa7c3f0e57d1e8c2f4b6a90d31e85"])
    case_id: str
    number: int = Field(description="1 for the first of a case", examples=[1])
    follows: str | None = Field(description="the determination that this one reviews", examples=[None])
    review_reason: ReviewReason | None = Field(description="why it reviews it", examples=[None])
    purpose: BidPurpose = Field(description="what for", examples=["DURABLE_SOLUTION"])
    state: BidState = Field(description="where it stands", examples=["open"])
    assessor: str = Field(description=_WHO, examples=["pp-chp/pp-0007"])
    opened_by: str = Field(description=_WHO, examples=_BY)
    opened_at: datetime = Field(description="when it was opened", examples=[_WHEN])
    decision: Option | None = Field(description="what was decided", examples=[None])
    reasons: str | None = Field(description="why; in a list always null", examples=[None])
    decided_at: datetime | None = Field(description="when it was decided", examples=[None])
    signed_by: str | None = Field(description=_WHO, examples=[None])
    signed_at: datetime | None = Field(description="when it was signed", examples=[None])
    reference: str | None = Field(description="the number of the signed document", examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    opinions: list[OpinionOut] = Field(description="oldest first")
    panel: list[SeatOut] = Field(description="who decides")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["opine", "seat"]])
