"""Use cases of admissions: a child comes into a centre on a live measure, and leaves it for a coded reason."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.actas import service as actas
from services.referral.agencies import service as agencies
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import Action, Part, Seen
from services.referral.cases.schemas import allowed, held
from services.referral.measures import rules, store
from services.referral.measures.models import Admission
from services.referral.measures.schemas import AdmissionIn, AdmissionOut, DischargeIn
from services.referral.places import service as places
from services.referral.referrals.rules import NEED_TO_KNOW
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Conflict, Fault, IllegalMove, Invalid, NotFound

_CARERS = frozenset({Part.DIF_IN_CHARGE, Part.CAS, Part.PP_HERE})


async def admit(session: AsyncSession, caller: Caller, body: AdmissionIn, fresh: timedelta) -> AdmissionOut:
    """Take a child into a centre (R11), never one that the case is kept from (R29).

    Raises NotFound, RefusedByLaw, IllegalMove, Conflict, Invalid.
    """
    case = await cases.taken(session, caller, body.case_id, None, Part.DIF_IN_CHARGE, Part.CAS)
    measure = await store.of_case(session, case.id, body.measure_id)
    if measure is None:
        raise NotFound
    rules.check_admission(measure.code, measure.state)
    if body.confirmed and caller.agency != body.cas:
        raise Invalid("The centre itself confirms a place.", faults=[Fault("/confirmed", "not_yours_to_say")])
    if measure.live_since is None or body.admitted_at < measure.live_since:
        raise rules.ADMISSION.refuse("The child came in before the measure.", allowed_actions=allowed(caller, case))
    if await store.present(session, case.id) is not None:
        raise Conflict("The child is in a centre: record first that it left.", allowed_actions=["discharge"])
    place = await places.take(
        session, caller, body.cas, body.sex, body.age_band, clock.now(), confirmed=body.confirmed, fresh=fresh
    )
    centre = await agencies.look_up(session, caller, body.cas)
    if kept_from(await case_store.withheld(session, case.id), centre.id, centre.kind):
        raise NEED_TO_KNOW.refuse("It is withheld from that centre.", allowed_actions=allowed(caller, case))
    acta = await actas.of_case(session, case.id)
    row = Admission(
        id=ids.new("adm"), place=place, state=centre.state, admitted_by=f"{caller.agency}/{body.officer}",
        referred_by=acta.issued_by if acta is not None else caller.agency,
        **body.model_dump(exclude={"officer", "confirmed"}),
    )  # fmt: skip
    _on_the_route(session, caller, case, row)
    session.add(row)
    await case_store.join(session, case.id, row.cas, clock.now())
    audit.wrote(session, caller, "admit", "admission", row.id, case=case.id, cas=row.cas, measure=row.measure_id)
    _enter(session, case, row, caller, "admission.admitted")
    await session.flush()
    return show(caller, case, row)


def _on_the_route(session: AsyncSession, caller: Caller, case: Case, row: Admission) -> None:
    """Move the case where this is how care begins. Raises IllegalMove where no child can be in care."""
    if case.status in rules.CARED_FOR:
        return
    cases.advance(session, caller, case, Action.ADMIT, subject=row.id)


async def discharge(session: AsyncSession, caller: Caller, admission_id: str, body: DischargeIn) -> AdmissionOut:
    """Take down that a child has left a centre, and give its place back. Raises NotFound, IllegalMove, Invalid."""
    found = await find(session, caller, admission_id)
    case = await cases.find(session, SYSTEM, found.case_id, lock=True)
    row = await find(session, caller, admission_id)
    if row.left_at is not None:
        raise IllegalMove("The child has left this centre.", allowed_actions=[])
    if not _may(caller, case, row):
        raise IllegalMove("The centre, the DIF in charge or the Procuraduría says so.", allowed_actions=[])
    if body.left_at < row.admitted_at:
        raise Invalid("Nobody leaves before coming in.", faults=[Fault("/left_at", "before_the_admission")])
    row.left_at, row.exit_reason, row.version = body.left_at, body.reason, row.version + 1
    row.left_recorded_by = f"{caller.agency}/{body.officer}"
    await places.leave(session, SYSTEM, row.cas, row.place, row.age_band)
    audit.wrote(session, caller, "discharge", "admission", row.id, case=case.id, reason=body.reason.value)
    _enter(session, case, row, caller, "admission.discharged")
    await session.flush()
    return show(caller, case, row)


def _enter(session: AsyncSession, case: Case, row: Admission, caller: Caller, code: str) -> None:
    parties = {row.cas} | ({case.dif} if case.dif else set())
    cases.enter(session, case, code=code, subject=row.id, agency=caller.agency, seen=Seen.PARTIES, parties=parties)


async def find(session: AsyncSession, caller: Caller, admission_id: str) -> Admission:
    """Return an admission that the caller may read. Raises NotFound."""
    found = await store.admission(session, caller, admission_id)
    if found is None:
        raise NotFound
    return found


async def read(session: AsyncSession, caller: Caller, admission_id: str) -> AdmissionOut:
    """Return one admission."""
    row = await find(session, caller, admission_id)
    return show(caller, await cases.find(session, SYSTEM, row.case_id), row)


def _may(caller: Caller, case: Case, row: Admission) -> bool:
    parts = held(caller, case) & _CARERS
    return bool(parts - {Part.CAS}) or row.cas == caller.agency


def show(caller: Caller, case: Case, row: Admission) -> AdmissionOut:
    """Return an admission as this caller sees it."""
    open_to = row.left_at is None and _may(caller, case, row)
    shown = row.model_dump(include=set(AdmissionOut.model_fields) - {"allowed_actions"})
    return AdmissionOut(allowed_actions=["discharge"] if open_to else [], **shown)
