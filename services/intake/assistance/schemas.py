"""What systems send and see of assistance."""

from datetime import datetime

from pydantic import Field

from services.intake.assistance.rules import AssistanceCode
from shared.shapes import In, Out, Past


class Help(In):
    """One help, as an encounter reports it."""

    code: AssistanceCode
    given_at: Past
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
