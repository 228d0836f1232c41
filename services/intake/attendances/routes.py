"""HTTP of attendances."""

from typing import Annotated

from services.intake.attendances import service
from services.intake.attendances.schemas import AttendanceIn, AttendanceOut, Attendances, PresentationIn
from services.intake.children.store import AUTHORITIES
from services.intake.encounters.schemas import EncounterOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router
from shared.shapes import Id

attendances = router("/v1/intake/encounters", "encounters")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Attender = Annotated[Caller, Allow("intake:write", "PP")]
Presenter = Annotated[Caller, Allow("intake:write", "INM")]


@attendances.post("/{encounter_id}/attendances", status_code=201, summary="Record that the Procuraduría attended")
async def attend(session: Session, caller: Attender, encounter_id: Id, body: AttendanceIn) -> AttendanceOut:
    """Take down when the Procuraduría attended, who did, and the oficio: the carer may then be presented (R10)."""
    return await service.attend(session, caller, encounter_id, body)


@attendances.get("/{encounter_id}/attendances", summary="List the Procuraduría's attendances")
async def index(session: Session, caller: Reader, encounter_id: Id) -> Attendances:
    """Return what was recorded of the Procuraduría's attendance at a meeting, what no longer counts included."""
    return await service.index(session, caller, encounter_id)


@attendances.post("/{encounter_id}/presentation", status_code=201, summary="Record the presentación of the carer")
async def present(session: Session, caller: Presenter, encounter_id: Id, body: PresentationIn) -> EncounterOut:
    """Record that the child's carer was presented: refused until Procuraduría and oficio are recorded (R10)."""
    return await service.present(session, caller, encounter_id, body)
