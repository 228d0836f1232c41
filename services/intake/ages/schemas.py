"""What systems send and see of age decisions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from services.intake.children.rules import AgeEvidence, AgeOutcome
from services.intake.children.schemas import Officer, Reference
from shared.shapes import In, Out, Past


class AgeDecisionIn(In):
    """The Procuraduría's decision. The child was heard before it."""

    outcome: AgeOutcome = Field(description="what was decided")
    evidence: Annotated[list[AgeEvidence], Field(min_length=1, max_length=7)] = Field(description="what it rests on")
    pp_order: Reference | None = Field(default=None, description="the order, where an examination was made")
    reference: Reference = Field(description="number of the reasoned decision")
    child_heard: Literal[True] = Field(description="that the child was heard (LGDNNA 92, fr. IV): always true")
    officer: Officer
    decided_at: Past = Field(description="when")


class AgeDecisionOut(Out):
    """A decision on an age in doubt."""

    id: str = Field(description="its id", examples=["agd_019aa7c3f0e57d1e8c2f4b6a90d31e54"])
    child_id: str
    outcome: AgeOutcome = Field(description="what was decided")
    evidence: list[AgeEvidence] = Field(description="what it rests on")
    pp_order: str | None = Field(description="the order, where an examination was made")
    reference: str = Field(description="number of the reasoned decision", examples=["PP-CHP/0417/2026"])
    child_heard: bool = Field(description="that the child was heard", examples=[True])
    approved_by: str = Field(description="agency and officer who approved", examples=["pp-chp/pp-0001"])
    decided_at: datetime = Field(description="when")
    recorded_at: datetime


class AgeDecisions(Out):
    """The decisions on one child's age."""

    items: list[AgeDecisionOut] = Field(description="oldest first; the last one counts")
