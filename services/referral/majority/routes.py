"""HTTP of the tasks of stage 4, below their case."""

from typing import Annotated

from services.referral.cases.schemas import StepIn
from services.referral.majority import service
from services.referral.majority.schemas import TaskOut, Tasks
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router
from shared.shapes import Id

routes = router("/v1/referral/cases", "majority")

Reader = Annotated[Caller, Allow("referral:read", "PP", "DIF")]
Doer = Annotated[Caller, Allow("referral:write", "PP", "DIF")]


@routes.get("/{case_id}/tasks", summary="Read what is due before the child turns 18")
async def index(session: Session, caller: Reader, case_id: Id) -> Tasks:
    """Return the tasks of stage 4: your agency's, and to the Procuraduría of the territory all of them."""
    return Tasks(items=await service.index(session, caller, case_id))


@routes.post("/{case_id}/tasks/{task_id}/done", summary="Say that a task of stage 4 was done")
async def done(session: Session, caller: Doer, case_id: Id, task_id: Id, body: StepIn) -> TaskOut:
    """Stop its clock. `reference` is the number of the plan or document."""
    return await service.do(session, caller, case_id, task_id, body)
