"""What systems send and see of findings on carers."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.intake.families.rules import FindingOutcome, Ground
from services.intake.families.schemas import PpDecision
from shared.shapes import Id, In, Out


class FindingIn(In):
    """What the Procuraduría found of a carer."""

    member_id: Id
    outcome: FindingOutcome = Field(description="what was found; the latest finding stands")
    grounds: Annotated[list[Ground], Field(max_length=6)] = Field(
        default_factory=list, description="what an adverse finding rests on"
    )
    decision: PpDecision = Field(description="the Procuraduría's decision")


class FindingOut(Out):
    """What the Procuraduría found of a carer."""

    id: str = Field(description="its id", examples=["fnd_019aa7c3f0e57d1e8c2f4b6a90d31e73"])
    member_id: str = Field(description="the carer", examples=["fmb_019aa7c3f0e57d1e8c2f4b6a90d31e71"])
    outcome: FindingOutcome = Field(description="what was found; the latest finding stands")
    grounds: list[Ground] = Field(description="what an adverse finding rests on")
    decided_by: str = Field(description="agency and officer who decided", examples=["pp-chp/pp-0001"])
    reference: str = Field(description="number of the reasoned decision", examples=["PP-CHP/0417/2026"])
    decided_at: datetime = Field(description="when that was")
    recorded_at: datetime


class Findings(Out):
    """The findings on the carers of one family."""

    items: list[FindingOut] = Field(description="oldest first; of each carer the last one stands")
