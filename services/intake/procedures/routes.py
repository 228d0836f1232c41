"""HTTP of migration procedures."""

from typing import Annotated

from services.intake.children.store import AUTHORITIES
from services.intake.procedures import service
from services.intake.procedures.schemas import ProcedureIn, ProcedureOut, Procedures
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router
from shared.shapes import Id

procedures = router("/v1/intake/encounters", "encounters")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", "INM")]


@procedures.post("/{encounter_id}/procedures", status_code=201, summary="Record that a migration procedure began")
async def begin(session: Session, caller: Writer, encounter_id: Id, body: ProcedureIn) -> ProcedureOut:
    """Take down when the child's procedure (PAM) began: refused before the Procuraduría was notified (R5)."""
    return await service.begin(session, caller, encounter_id, body)


@procedures.get("/{encounter_id}/procedures", summary="List the migration procedures after a meeting")
async def index(session: Session, caller: Reader, encounter_id: Id) -> Procedures:
    """Return the procedure that followed a meeting, if any."""
    return await service.index(session, caller, encounter_id)
