"""What is said of claims. Nobody but COMAR, the Procuraduría and the child's representative reads any of it."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from services.referral.cases.schemas import Officer, Reference
from services.referral.refuge.codes import (
    AppealDecision,
    ClaimForm,
    ExtensionGround,
    FiledBy,
    LateReason,
    OpinionKind,
    OpinionTopic,
    PossibleSince,
    Remedy,
    WithdrawalReason,
)
from services.referral.refuge.rules import ClaimAction, ClaimOutcome, ClaimState
from shared.clocks.schemas import ClockOut
from shared.shapes import Day, Id, In, Language, Note, Out, Past

Words = Annotated[Note | None, Field(description="in words; sealed")]
View = Annotated[Note, Field(description="what the child said; sealed", examples=["Dice que quiere seguir."])]


class ClaimIn(In):
    """A claim was filed. Recorded by COMAR, the Procuraduría or the representative's agency."""

    case_id: Id
    filed_by: FiledBy = Field(description="who filed; who is not the child has it ratify", examples=["CHILD"])
    form: ClaimForm = Field(description="in writing or by word of mouth (LRPCAP 18)", examples=["VERBAL"])
    filed_at: Past | None = Field(default=None, description="when; now, when left out")
    entered_on: Day | None = Field(default=None, description="when the child entered Mexico", examples=[None])
    possible_on: Day | None = Field(
        default=None, description="when filing became materially possible", examples=["2026-11-20"]
    )
    possible_since: PossibleSince | None = Field(default=None, description="why only then", examples=["TOLD_OF_RIGHT"])
    late_reason: LateReason | None = Field(default=None, description="why it is late, if it is", examples=[None])
    statement: Words = None
    officer: Officer

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.possible_on is None) != (self.possible_since is None):
            raise ValueError("possible_on and possible_since go together")
        return self


class ClaimStepIn(In):
    """Who takes a step, and what was said."""

    note: Words = None
    officer: Officer

    def codes(self) -> list[str]:
        """Return what is coded of the step, for its row."""
        return []

    def told(self) -> dict[str, Any]:
        """Return what else of the step its row keeps: `at`, `language`, `reference`, `words`."""
        return {"words": self.note}


class ClaimInterviewIn(In):
    """COMAR heard the child."""

    held_at: Past = Field(description="when")
    specialised: bool = Field(description="whether the staff is specialised in children", examples=[True])
    representative_present: bool = Field(description="whether the representative was there", examples=[True])
    language: Language
    understood: bool = Field(
        description="whether the child understands that language, or had an interpreter", examples=[True]
    )
    view: View
    officer: Officer

    def codes(self) -> list[str]:
        return []

    def told(self) -> dict[str, Any]:
        return {"at": self.held_at, "language": self.language, "words": self.view}


class OpinionRequestIn(In):
    """What SRE is asked: conditions in the country of origin. Nothing of the applicant can be said."""

    topics: list[OpinionTopic] = Field(
        min_length=1, max_length=6, description="what about", examples=[["PUBLIC_ORDER"]]
    )
    reference: Reference
    officer: Officer

    def codes(self) -> list[str]:
        return sorted({topic.value for topic in self.topics})

    def told(self) -> dict[str, Any]:
        return {"reference": self.reference}


class OpinionIn(ClaimStepIn):
    """SRE answered."""

    opinion: OpinionKind = Field(description="what it answered", examples=["GIVEN"])
    reference: Reference

    def codes(self) -> list[str]:
        return [self.opinion.value]

    def told(self) -> dict[str, Any]:
        return super().told() | {"reference": self.reference}


class ClaimExtensionIn(ClaimStepIn):
    """The time to resolve is extended: once, on one of five grounds (LRPCAP 24)."""

    working_days: int = Field(ge=1, le=365, description="by how many; the law allows 45", examples=[45])
    ground: ExtensionGround = Field(description="why", examples=["INTERPRETER_MISSING"])

    def codes(self) -> list[str]:
        return [self.ground.value]


class ResolutionIn(ClaimStepIn):
    """COMAR resolved, in writing and with reasons."""

    outcome: ClaimOutcome = Field(description="how", examples=["RECOGNISED"])
    reference: Reference

    def codes(self) -> list[str]:
        return [self.outcome.value]

    def told(self) -> dict[str, Any]:
        return super().told() | {"reference": self.reference}


class NotificationIn(ClaimStepIn):
    """The resolution was notified in writing, and explained."""

    notified_at: Past = Field(description="when")
    language: Language
    understood: bool = Field(description="whether the child understood what it means", examples=[True])
    representative_present: bool = Field(description="whether the representative was there", examples=[True])

    def told(self) -> dict[str, Any]:
        return super().told() | {"at": self.notified_at, "language": self.language}


class AppealIn(ClaimStepIn):
    """Something was filed against the resolution."""

    remedy: Remedy = Field(description="what", examples=["REVIEW"])
    late_reason: LateReason | None = Field(default=None, description="why it is late, if it is", examples=[None])
    reference: Reference

    def codes(self) -> list[str]:
        return [self.remedy.value, *([self.late_reason.value] if self.late_reason else [])]

    def told(self) -> dict[str, Any]:
        return super().told() | {"reference": self.reference}


class AppealDecisionIn(ClaimStepIn):
    """The appeal was decided, finally."""

    decision: AppealDecision = Field(description="how", examples=["UPHELD"])
    reference: Reference

    def codes(self) -> list[str]:
        return [self.decision.value]

    def told(self) -> dict[str, Any]:
        return super().told() | {"reference": self.reference}


class RemandIn(ClaimStepIn):
    """The appeal sent the claim back: what was resolved is void, and COMAR resolves anew."""

    received_at: Past = Field(description="when COMAR received the decision; its time to resolve runs from then")
    reference: Reference

    def told(self) -> dict[str, Any]:
        return super().told() | {"at": self.received_at, "reference": self.reference}


class HeardIn(In):
    """The child was heard on it."""

    heard_at: Past = Field(description="when the child was heard")
    explained_in: Language
    view: View
    officer: Officer

    def codes(self) -> list[str]:
        return []

    def told(self) -> dict[str, Any]:
        return {"at": self.heard_at, "language": self.explained_in, "words": self.view}


class ClaimWithdrawalIn(HeardIn):
    """The child, through its representative, withdraws the claim or the appeal."""

    wishes: bool = Field(description="whether the child itself wishes it", examples=[True])
    reason: WithdrawalReason = Field(description="why", examples=["CHILD_WISHES"])

    def codes(self) -> list[str]:
        return [self.reason.value]


class InmToldIn(ClaimStepIn):
    """COMAR told INM that there is a claim (D8)."""

    reference: Reference

    def told(self) -> dict[str, Any]:
        return super().told() | {"reference": self.reference}


class ClaimStepOut(Out):
    """One step of a claim."""

    action: ClaimAction = Field(description="what was done", examples=["interview"])
    at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])
    by: str = Field(description="agency and officer", examples=["comar/comar-0007"])
    codes: list[str] = Field(description="what was coded of it", examples=[[]])
    language: str | None = Field(description="in which language, ISO 639-3", examples=["spa"])
    reference: str | None = Field(description="the number of the document", examples=[None])
    words: str | None = Field(description="what was said", examples=[None])


class ClaimOut(Out):
    """A claim, with its steps and its clocks."""

    id: str = Field(description="its id", examples=["rcl_019aa7c3f0e57d1e8c2f4b6a90d31e64"])
    case_id: str
    state: ClaimState = Field(description="where it stands", examples=["ratified"])
    filed_by: FiledBy = Field(description="who filed", examples=["CHILD"])
    form: ClaimForm = Field(description="how", examples=["VERBAL"])
    filed_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])
    entered_on: date | None = Field(description="when the child entered Mexico", examples=[None])
    possible_on: date | None = Field(description="when filing became materially possible", examples=["2026-11-20"])
    possible_since: PossibleSince | None = Field(description="why only then", examples=["TOLD_OF_RIGHT"])
    due_on: date = Field(description="the last day to file (D6)", examples=["2027-01-08"])
    late_reason: LateReason | None = Field(description="why it was late; null: in time", examples=[None])
    statement: str | None = Field(description="what was said on filing", examples=[None])
    notice_id: str = Field(
        description="the referral by which COMAR was told", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e63"]
    )
    recorded_by: str = Field(description="agency and officer", examples=["comar/comar-0007"])
    outcome: ClaimOutcome | None = Field(description="how it was resolved", examples=[None])
    opinion_at: datetime | None = Field(description="when SRE answered", examples=[None])
    inm_told_at: datetime | None = Field(description="when COMAR told INM (D8)", examples=[None])
    recognised_at: datetime | None = Field(description="when the case took the outcome", examples=[None])
    created_at: datetime
    updated_at: datetime
    version: int
    steps: list[ClaimStepOut] = Field(description="what was done with it, oldest first")
    clocks: list[ClockOut] = Field(description="D7 to D12, as they run or ran")
    allowed_actions: list[str]


class HoldOut(Out):
    """No procedure for irregular entry may go on, and nobody may be returned, as long as `until` is null."""

    id: str = Field(description="its id", examples=["hld_019aa7c3f0e57d1e8c2f4b6a90d31e65"])
    case_id: str
    since: datetime = Field(description="from when", examples=["2026-11-20T15:04:05Z"])
    until: datetime | None = Field(description="until when; null: it stands", examples=[None])
    told_at: datetime | None = Field(description="when INM was told on what it rests", examples=[None])
    basis: str | None = Field(description="on what it rests, as far as INM was told", examples=[None])
    version: int
