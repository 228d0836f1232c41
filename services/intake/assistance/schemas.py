"""What systems send and see of assistance."""

from datetime import datetime

from pydantic import Field

from services.intake.assistance.rules import AssistanceCode
from services.intake.children.schemas import Happened
from shared.shapes import In, Out


class Help(In):
    """One help, as an encounter reports it."""

    code: AssistanceCode
    given_at: Happened
    declined: bool = Field(default=False, description="offered, and not wanted")


class AssistanceOut(Out):
    """One help that was given or declined."""

    id: str
    child_id: str
    encounter_id: str
    code: AssistanceCode
    given_at: datetime
    declined: bool
    agency: str
