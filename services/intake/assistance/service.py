"""Use cases: log help."""

from services.intake.assistance.models import Assistance
from services.intake.assistance.schemas import Help
from shared import ids
from shared.auth import Caller


def logged(caller: Caller, child_id: str, encounter_id: str, body: Help) -> Assistance:
    """Build the row of one help."""
    return Assistance(
        id=ids.new("ast"),
        child_id=child_id,
        encounter_id=encounter_id,
        code=body.code,
        given_at=body.given_at,
        declined=body.declined,
        agency=caller.agency,
    )
