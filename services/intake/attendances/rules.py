"""What an attendance must say to open the gate of R10. Pure."""

from collections.abc import Iterator
from datetime import date, datetime

from services.intake.encounters.rules import CarerPresentation, Tie, carer_presentation
from shared.errors import IllegalMove


def faults_of(met_at: datetime, met_on: date, attended_at: datetime, oficio_date: date) -> Iterator[tuple[str, str]]:
    """Yield which field of an attendance contradicts the meeting: nobody attends before it."""
    if attended_at < met_at:
        yield "attended_at", "before_the_meeting"
    if oficio_date < met_on:
        yield "oficio_date", "before_the_meeting"


def is_carer(tie: Tie) -> bool:
    """Whether the child was met with somebody who cares for it."""
    return carer_presentation(tie, None, None) is not CarerPresentation.NOT_A_CARER


def check_attended(tie: Tie) -> None:
    """Raise IllegalMove where there is no carer for whom anything waits."""
    if not is_carer(tie):
        raise IllegalMove("The child was met alone, or with somebody who does not care for it.", allowed_actions=[])
