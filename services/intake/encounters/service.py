"""Use cases: record an encounter, on the hot path; read it; stop its clocks when a duty was done."""

from collections import defaultdict
from collections.abc import Sequence
from typing import cast

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.assistance import service as assistance
from services.intake.children import service as children
from services.intake.children.models import Child
from services.intake.encounters import rules, store
from services.intake.encounters.models import Encounter
from services.intake.encounters.schemas import EncounterIn, EncounterOut, Handover
from shared import audit, clock, ids
from shared.auth import Caller
from shared.bundle import CASE_SEQ, Row, row
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.models import Clock
from shared.clocks.schemas import ClockOut
from shared.delivery import service as delivery
from shared.errors import Forbidden, NotFound, Unavailable
from shared.events import ClockSpoke, DutyMet, EncounterRecorded
from shared.hot import Written
from shared.inbox import Message
from shared.runtime import Runtime
from shared.zones import local_day

REFERRAL = "service:referral"


async def record(runtime: Runtime, caller: Caller, body: EncounterIn) -> Written:
    """Build everything that one encounter writes. Raises Forbidden outside the caller's state."""
    if caller.state is not None and body.place.state != caller.state:
        raise Forbidden("Your office records encounters in its own state.")
    endpoint = runtime.sisters.get("referral")
    if endpoint is None:
        raise Unavailable
    child, rows = await _child(runtime, caller, body)
    encounter = await _encounter(runtime, caller, body, child)
    running = [
        clocks.started(deadline, case=child.id, resource_id=encounter.id, agency=caller.agency, at=body.occurred_at)
        for deadline in rules.DEADLINES
    ]
    help_given = [assistance.logged(caller, child.id, encounter.id, each) for each in body.assistance]
    entry = audit.entry(caller, "record", "encounter", encounter.id, {"child": child.id})
    rows += [row(encounter), *map(row, help_given), *map(row, running), row(entry)]
    rows += _handed_over(encounter, child.version, endpoint)
    answer = _show(encounter, running, pending=True)
    return Written(child.id, rows, answer, location=f"/v1/intake/encounters/{encounter.id}")


async def _child(runtime: Runtime, caller: Caller, body: EncounterIn) -> tuple[Child, list[Row]]:
    if body.child is not None:
        made = await children.make(children.keyring_of(runtime), caller, body.place.state, body.child)
        return made, [row(made)]
    child_id = cast(str, body.child_id)  # the shape has exactly one of the two
    async with runtime.database.work(write=False) as session:
        return await children.get(session, caller, child_id), []


async def _encounter(runtime: Runtime, caller: Caller, body: EncounterIn, child: Child) -> Encounter:
    day = local_day(body.occurred_at, body.place.state)
    identity = body.child or await children.identity_of(children.keyring_of(runtime), child)
    age = children.age(identity, day, place="/child/birth_date" if body.child else "/occurred_at")
    return Encounter(
        id=ids.new("enc"),
        child_id=child.id,
        kind=body.kind,
        occurred_at=body.occurred_at,
        local_day=day,
        recorded_at=clock.now(),
        state=body.place.state,
        municipality=body.place.municipality,
        point=body.place.point,
        agency=caller.agency,
        office=caller.office,
        tie=body.adult.tie,
        tie_proofs=[proof.value for proof in body.adult.proofs],
        travel_condition=rules.TRAVEL_CONDITIONS[body.adult.tie],
        age_group=age.group,
        age_presumed=age.presumed,
        sex=child.sex,
        nationality=child.nationalities[0] if child.nationalities else None,
    )


def _handed_over(encounter: Encounter, facts_version: int, endpoint: str) -> list[Row]:
    """Return the event and the row that owes it to referral. The statement itself mints its number."""
    fact = EncounterRecorded(
        encounter_id=encounter.id,
        child_id=encounter.child_id,
        kind=encounter.kind,
        state=encounter.state,
        agency=encounter.agency,
        facts_version=facts_version,
        referrals=list(rules.MANDATORY_REFERRALS),
    )
    event = delivery.event(
        fact.TYPE, case=encounter.child_id, seq=0, subject=encounter.id, data=fact.model_dump(mode="json")
    )
    return [row(event, case_seq=CASE_SEQ), row(delivery.delivery(event, endpoint), case_seq=CASE_SEQ)]


def _show(encounter: Encounter, running: list[Clock], *, pending: bool) -> EncounterOut:
    return EncounterOut(
        **encounter.model_dump(include=_SHOWN),
        clocks=[ClockOut.model_validate(each) for each in running],
        handover=Handover(to="referral", status="pending" if pending else "delivered"),
    )


_SHOWN = set(EncounterOut.model_fields) - {"clocks", "handover"}


async def get(session: AsyncSession, caller: Caller, encounter_id: str) -> EncounterOut:
    """Return an encounter that the caller may read. Raises NotFound."""
    encounter = await store.get(session, caller, encounter_id)
    if encounter is None:
        raise NotFound
    return (await show_all(session, [encounter]))[encounter_id]


async def show_all(session: AsyncSession, encounters: Sequence[Encounter]) -> dict[str, EncounterOut]:
    """Return encounters, by id, with their clocks and whether referral has been told."""
    names = [encounter.id for encounter in encounters]
    running = defaultdict(list)
    for each in await clock_store.of(session, *names):
        running[each.resource_id].append(each)
    late = await store.undelivered(session, names)
    return {each.id: _show(each, running[each.id], pending=each.id in late) for each in encounters}


async def duty_met(session: AsyncSession, message: Message) -> None:
    """Take in that referral saw a duty done: stop the clocks that waited for it.

    A clock that started only afterwards belongs to a later encounter, which has this duty anew.
    """
    fact = DutyMet.model_validate(message.data)
    for waiting in await clock_store.running(session, fact.duty, fact.child_id):
        if waiting.started_at <= fact.met_at:
            await clocks.meet(session, waiting.rule, waiting.resource_id, fact.met_at)


async def fired(session: AsyncSession, spoken: Clock, kind: str) -> None:
    """Tell referral, which gathers what is due, that a clock of ours has spoken."""
    fact = ClockSpoke(
        clock_id=spoken.id, rule=spoken.rule, resource_id=spoken.resource_id, due_at=spoken.due_at, agency=spoken.agency
    )
    await delivery.publish(
        session,
        kind,
        case=spoken.case_key,
        subject=spoken.resource_id,
        audience=[REFERRAL],
        data=fact.model_dump(mode="json"),
    )
