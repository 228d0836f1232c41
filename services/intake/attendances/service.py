"""Use cases: take down that the Procuraduría attended; present the carer, whom R10 keeps until then."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.attendances import rules, store
from services.intake.attendances.models import CarerAttendance
from services.intake.attendances.schemas import AttendanceIn, AttendanceOut, Attendances, PresentationIn
from services.intake.encounters import service as encounters
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import check_carer
from services.intake.encounters.schemas import EncounterOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.events import OficioIssued
from shared.inbox import Message
from shared.zones import local_day

_REFERRAL = Caller("service:referral", "referral", "SERVICE", "service", frozenset())


async def attend(session: AsyncSession, caller: Caller, encounter_id: str, body: AttendanceIn) -> AttendanceOut:
    """Take down an attendance: from now on it counts. What was recorded before stays. Raises IllegalMove, Invalid."""
    met = await _meeting(session, caller, encounter_id)
    rules.check_attended(met.tie)
    faults = rules.faults_of(met.occurred_at, met.local_day, body.attended_at, body.oficio_date)
    if told := [Fault(f"/{name}", reason) for name, reason in faults]:
        raise Invalid("The Procuraduría attends after the meeting.", faults=told)
    row = CarerAttendance(
        id=ids.new("att"), encounter_id=met.id, agency=caller.agency, recorded_at=clock.now(), **body.model_dump()
    )
    session.add(row)
    met.pp_attended_at, met.oficio = row.attended_at, row.oficio
    audit.wrote(
        session, caller, "attend", "encounter", met.id, child=met.child_id, attendance=row.id, officer=body.officer
    )
    return AttendanceOut.model_validate(row)


async def oficio_issued(session: AsyncSession, message: Message) -> None:
    """Take in that the Procuraduría drew the oficio up in referral: it attended, and R10 keeps the adult no longer.

    One of a meeting that is not this child's, or of no carer, opens nothing.
    """
    fact = OficioIssued.model_validate(message.data)
    met = await store.known(session, fact.encounter_id)
    if met is None or met.child_id != fact.child_id or not rules.is_carer(met.tie):
        return
    row = CarerAttendance(
        id=ids.new("att"), encounter_id=met.id, attended_at=fact.attended_at, officer=fact.officer,
        oficio=fact.oficio_id, oficio_date=local_day(fact.issued_at, met.state), agency=fact.agency,
        recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    met.pp_attended_at, met.oficio = row.attended_at, row.oficio
    audit.wrote(session, _REFERRAL, "attend", "encounter", met.id, child=met.child_id, attendance=row.id)


async def index(session: AsyncSession, caller: Caller, encounter_id: str) -> Attendances:
    """Return the attendances at a meeting. Raises NotFound."""
    await encounters.get(session, caller, encounter_id)
    rows = await store.at_meeting(session, caller, encounter_id)
    return Attendances(items=[AttendanceOut.model_validate(row) for row in rows])


async def present(session: AsyncSession, caller: Caller, encounter_id: str, body: PresentationIn) -> EncounterOut:
    """Record that the carer was presented. Raises RefusedByLaw before Procuraduría and oficio (R10), Conflict twice."""
    met = await _meeting(session, caller, encounter_id)
    rules.check_attended(met.tie)
    if met.carer_presented_at is not None:
        raise Conflict("This adult's presentación is recorded.", allowed_actions=[])
    check_carer(met.tie, body.presented_at, met.pp_attended_at, met.oficio)
    met.carer_presented_at = body.presented_at
    audit.wrote(session, caller, "present_carer", "encounter", met.id, child=met.child_id, officer=body.officer)
    return await encounters.get(session, caller, met.id)


async def _meeting(session: AsyncSession, caller: Caller, encounter_id: str) -> Encounter:
    met = await store.meeting(session, caller, encounter_id)
    if met is None:
        raise NotFound
    return met
