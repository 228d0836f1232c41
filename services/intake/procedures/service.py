"""Use cases: take down that a child's migration procedure began; read it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.encounters import service as encounters
from services.intake.encounters.rules import D1
from services.intake.holds import service as holds
from services.intake.procedures import rules, store
from services.intake.procedures.models import Procedure
from services.intake.procedures.schemas import ProcedureIn, ProcedureOut, Procedures
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import store as clocks
from shared.errors import Conflict, NotFound


async def begin(session: AsyncSession, caller: Caller, encounter_id: str, body: ProcedureIn) -> ProcedureOut:
    """Take down a start. Raises RefusedByLaw before the Procuraduría's notice (R5), Conflict where there is one."""
    met = await store.meeting(session, caller, encounter_id)
    if met is None:
        raise NotFound
    notice = await clocks.find(session, D1.id, met.id)  # referral says when the notice was acknowledged
    started_at = body.started_at or clock.now()
    rules.check_start(started_at, notice.met_at if notice is not None else None)
    if await store.of_meeting(session, caller, met.id):
        raise Conflict("The procedure that follows this meeting is recorded.", allowed_actions=[])
    row = Procedure(
        id=ids.new("pam"), child_id=met.child_id, encounter_id=met.id, started_at=started_at,
        reference=body.reference, officer=body.officer, agency=caller.agency, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "begin", "procedure", row.id, child=met.child_id, officer=body.officer)
    return await _show(session, row)


async def index(session: AsyncSession, caller: Caller, encounter_id: str) -> Procedures:
    """Return the procedure that followed a meeting, if any. Raises NotFound."""
    await encounters.get(session, caller, encounter_id)
    rows = await store.of_meeting(session, caller, encounter_id)
    return Procedures(items=[await _show(session, row) for row in rows])


async def _show(session: AsyncSession, row: Procedure) -> ProcedureOut:
    suspended = await holds.since(session, row.child_id)
    return ProcedureOut.model_validate(row.model_dump() | {"suspended_since": suspended})
