"""What systems send and see of assistance."""

from datetime import datetime

from pydantic import Field

from services.intake.assistance.rules import AssistanceCode
from shared.shapes import Id, In, Out, Past, Slug


class Help(In):
    """One help, as an encounter reports it."""

    code: AssistanceCode
    given_at: Past
    declined: bool = Field(default=False, description="offered, and not wanted")
    provider: Slug | None = Field(
        default=None, description="the agency that gave it, where that is not yours", examples=["unicef"]
    )


class HelpIn(Help):
    """One help that was given or declined after the encounter was recorded."""

    encounter_id: Id


class AssistanceOut(Out):
    """One help that was given or declined."""

    id: str
    child_id: str
    encounter_id: str
    code: AssistanceCode
    given_at: datetime
    declined: bool
    agency: str
    provider: str | None = Field(description="the agency that gave it; null where it is the one that recorded it")
