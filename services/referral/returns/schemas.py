"""What is sent and seen of returns."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from services.referral.cases.schemas import Officer, Reference
from services.referral.returns.rules import (
    AskedKind,
    CancelReason,
    Danger,
    FailReason,
    Hindrance,
    ReturnKind,
    ReturnState,
    Wish,
)
from shared.shapes import Country, Id, In, Language, Line, Note, Out, Past

Future = Annotated[AwareDatetime, Field(examples=["2036-12-01T16:00:00Z"])]


class ReturnIn(In):
    """A return is proposed. A deportation is refused by its rule (R2)."""

    case_id: Id
    kind: AskedKind = Field(description="to what the child returns", examples=["ASSISTED_RETURN"])
    destination: Country
    officer: Officer


class ReturnAssessmentIn(In):
    """The Procuraduría assessed the danger, says what the plan allows, and heard the child."""

    finding: Danger = Field(description="what the assessment of danger found", examples=["NO_DANGER"])
    plan_allows: bool = Field(description="whether the signed plan allows the exit", examples=[True])
    plan_reference: Reference
    heard_at: Past | None = Field(default=None, description="when the child was heard on its return")
    explained_in: Language | None = Field(default=None, description="in which language it was explained, ISO 639-3")
    wish: Wish | None = Field(default=None, description="what it wishes", examples=["WISHES"])
    view: Note | None = Field(default=None, description="what it said; sealed", examples=["Quiere ir con su abuela."])
    family_reference: Reference | None = Field(
        default=None, description="by what its family abroad was verified", examples=[None]
    )
    officer: Officer


class ReturnStepIn(In):
    """Who takes a step of a return, and by which decision."""

    reference: Reference | None = Field(default=None, description="number of that decision, where there is one")
    officer: Officer


class ReturnDecisionIn(In):
    """INM decided, following the plan."""

    reference: Reference
    officer: Officer


class EscortIn(In):
    """Who escorts the child."""

    name: Line = Field(description="the name; sealed", examples=["Ficticia Acompañante"])
    officer: Officer
    specialised: bool = Field(description="whether certified to protect children (OPI)", examples=[True])


class AcceptanceIn(In):
    """The receiving authority has accepted the child."""

    authority: Line = Field(description="which one", examples=["Autoridad Ejemplo (ficticia)"])
    accepted_at: Past = Field(description="when")
    reference: Reference


class ReturnPlanIn(In):
    """Where and when the child is handed over, who escorts it, who has accepted it."""

    return_point_id: Id = Field(examples=["rpt_019aa7c3f0e57d1e8c2f4b6a90d31e66"])
    planned_at: Future = Field(description="when it is handed over")
    escort: EscortIn | None = Field(description="refused without (R21)")
    acceptance: AcceptanceIn | None = Field(description="refused without (R21)")
    officer: Officer


class ReceptionIn(In):
    """The child was received."""

    received_at: Past = Field(description="when")
    authority: Line = Field(description="by which authority", examples=["Autoridad Ejemplo (ficticia)"])
    officer: Officer


class ReturnFailureIn(In):
    """The child came back."""

    reason: FailReason = Field(description="why", examples=["NOT_RECEIVED"])
    officer: Officer


class ReturnCancelIn(In):
    """The return is called off."""

    reason: CancelReason = Field(description="why", examples=["PLAN_CHANGED"])
    officer: Officer


class ReturnOut(Out):
    """A return, as far as the reader may know it."""

    id: str = Field(description="its id", examples=["ret_019aa7c3f0e57d1e8c2f4b6a90d31e67"])
    case_id: str
    state: ReturnState = Field(description="where it stands", examples=["planned"])
    kind: ReturnKind = Field(description="to what the child returns", examples=["ASSISTED_RETURN"])
    destination: str = Field(description="to which state, ISO 3166-1 alpha-3", examples=["HND"])
    proposed_by: str = Field(description="agency and officer", examples=["pp-chp/pp-0001"])
    finding: Danger | None = Field(description="what the assessment found; the Procuraduría's to know", examples=[None])
    assessed_at: datetime | None = Field(description="when", examples=["2026-11-20T15:04:05Z"])
    plan_allows: bool | None = Field(description="whether the plan allows the exit", examples=[True])
    plan_reference: str | None = Field(description="the plan's number", examples=["PRD/2026/0417"])
    heard_at: datetime | None = Field(description="when the child was heard", examples=["2026-11-20T15:04:05Z"])
    explained_in: str | None = Field(description="in which language, ISO 639-3", examples=["spa"])
    wish: Wish | None = Field(description="what it wishes; the Procuraduría's to know", examples=[None])
    view: str | None = Field(description="what it said; the Procuraduría's to know", examples=[None])
    family_reference: str | None = Field(description="by what its family was verified", examples=[None])
    concurred_by: str | None = Field(description="the Procuraduría and its officer", examples=["pp-chp/pp-0001"])
    decision: str | None = Field(description="the number of INM's decision", examples=["INM/2026/0417"])
    point_id: str | None = Field(description="where", examples=["rpt_019aa7c3f0e57d1e8c2f4b6a90d31e66"])
    planned_at: datetime | None = Field(description="when it is handed over", examples=["2026-12-01T16:00:00Z"])
    escort: str | None = Field(description="who escorts it", examples=["Ficticia Acompañante"])
    escort_officer: str | None = Field(description="the escort's number", examples=["opi-0417"])
    escort_specialised: bool | None = Field(description="whether certified to protect children", examples=[True])
    accepted_by: str | None = Field(description="the receiving authority", examples=["Autoridad Ejemplo (ficticia)"])
    accepted_at: datetime | None = Field(description="when it accepted", examples=["2026-11-20T15:04:05Z"])
    acceptance: str | None = Field(description="the number of its acceptance", examples=["AC/2026/17"])
    departed_at: datetime | None = Field(description="when the child departed", examples=[None])
    received_at: datetime | None = Field(description="when it was received", examples=[None])
    received_by: str | None = Field(description="by which authority", examples=[None])
    failed_because: FailReason | None = Field(description="why it came back", examples=[None])
    cancelled_because: CancelReason | None = Field(description="why it was called off", examples=[None])
    created_at: datetime
    updated_at: datetime
    version: int
    obstacles: list[Hindrance] = Field(
        description="what stands in its way now, as far as you may know it", examples=[[]]
    )
    allowed_actions: list[str]
