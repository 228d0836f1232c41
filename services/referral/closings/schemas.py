"""What is said of closing and reopening."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from services.referral.cases.schemas import Officer
from services.referral.closings.rules import ClosingState, ClosureReason, RefusalReason, ReopeningReason
from shared.shapes import In, Note, Out


class AskedReopening(StrEnum):
    """Why somebody reopens a case. A new encounter does it by itself."""

    NEW_FACTS = ReopeningReason.NEW_FACTS.value
    MEASURE_FAILED = ReopeningReason.MEASURE_FAILED.value
    CHILD_ASKS = ReopeningReason.CHILD_ASKS.value
    COURT_ORDER = ReopeningReason.COURT_ORDER.value
    FOUND = ReopeningReason.FOUND.value
    CLOSED_IN_ERROR = ReopeningReason.CLOSED_IN_ERROR.value


class ClosingIn(In):
    """An officer asks that the case be closed."""

    reason: ClosureReason = Field(description="why it ends", examples=["PLAN_FULFILLED"])
    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class ClosingRefusalIn(In):
    """A supervisor does not approve."""

    reason: RefusalReason = Field(description="why not", examples=["EVIDENCE_MISSING"])
    officer: Officer


class ReopeningIn(In):
    """A closed case begins again."""

    reason: AskedReopening = Field(description="why", examples=["NEW_FACTS"])
    officer: Officer


class ClosingOut(Out):
    """A request to close a case."""

    id: str = Field(description="its id", examples=["clo_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    case_id: str
    state: ClosingState = Field(description="where it stands", examples=["requested"])
    reason: ClosureReason = Field(description="why the case ends", examples=["PLAN_FULFILLED"])
    note: str | None = Field(description="in words", examples=[None])
    requested_by: str = Field(description="agency and officer who asked", examples=["pp-chp/pp-0001"])
    requested_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])
    decided_by: str | None = Field(description="agency and officer who decided", examples=[None])
    decided_at: datetime | None = Field(description="when", examples=[None])
    refusal: RefusalReason | None = Field(description="why it was not approved", examples=[None])
    allowed_actions: list[Literal["approve", "refuse", "withdraw"]] = Field(
        description="what you may do with it now", examples=[["approve", "refuse"]]
    )


class ReopeningOut(Out):
    """A closed case began again."""

    reason: ReopeningReason = Field(description="why", examples=["NEW_FACTS"])
    reopened_by: str | None = Field(description="agency and officer; null: Ruta itself", examples=["pp-chp/pp-0001"])
    reopened_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])


class Closings(Out):
    """How often a case was to be closed, was closed, and began again; each list oldest first."""

    items: list[ClosingOut]
    reopenings: list[ReopeningOut] = Field(description="how often it began again, and why")
