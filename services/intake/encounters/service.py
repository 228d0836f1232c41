"""Use cases: record an encounter, on the hot path; read it; stop its clocks when a duty was done."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.assistance import rules as assistance_rules
from services.intake.assistance import service as assistance
from services.intake.assistance import store as assistance_store
from services.intake.assistance.models import Assistance
from services.intake.assistance.rules import AssistanceCode
from services.intake.assistance.schemas import AssistanceOut, HelpIn
from services.intake.children import service as children
from services.intake.children import store as child_store
from services.intake.children.models import Child
from services.intake.children.rules import AgeOutcome
from services.intake.children.service import Opened
from services.intake.encounters import rules, store
from services.intake.encounters.models import Encounter
from services.intake.encounters.rules import EncounterKind, TravelCondition
from services.intake.encounters.schemas import AdultIdentity, AdultOut, EncounterIn, EncounterOut, Handover
from services.intake.identifiers import service as identifiers
from services.intake.identifiers.models import ExternalId
from services.intake.matches import service as matches
from shared import audit, clock, ids
from shared.audit import AuditEntry
from shared.auth import Caller
from shared.bulk.columns import Rendered
from shared.bundle import CASE_SEQ, Row, bare, row
from shared.clocks import copies
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.models import Clock
from shared.clocks.schemas import ClockOut
from shared.delivery import service as delivery
from shared.delivery.models import Delivery, Event
from shared.errors import Fault, Forbidden, Invalid, NotFound, Unavailable
from shared.events import ClockSpoke, DutyMet, EncounterRecorded
from shared.hot import Written
from shared.inbox import Message
from shared.runtime import Runtime
from shared.zones import local_day


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that one encounter writes, before it is written."""

    encounter: Encounter
    running: list[Clock]
    unmet: list[AssistanceCode]
    rows: list[Row]


async def record(runtime: Runtime, caller: Caller, body: EncounterIn) -> Written:
    """Build everything that one encounter writes. Raises Forbidden outside the caller's state."""
    endpoint = vet(runtime, caller, body)
    known = await _child(runtime, caller, body)
    made = draft(runtime, caller, body, known, endpoint)
    answer = _show(made.encounter, made.running, made.unmet, status=_first_status(made.encounter))
    found, answer.possible_matches = await matches.met(runtime, known, made.encounter.local_day, body.child is not None)
    return Written(known.child.id, [*made.rows, *found], answer, location=f"/v1/intake/encounters/{made.encounter.id}")


def vet(runtime: Runtime, caller: Caller, body: EncounterIn) -> str:
    """Refuse what needs no look at the child. Returns the endpoint of referral."""
    if caller.state is not None and body.place.state != caller.state:
        raise Forbidden("Your office records encounters in its own state.")
    if faults := [Fault(f"/{name}", reason) for name, reason in rules.faults_of(body.kind, body.of_kinds())]:
        raise Invalid("Each kind of encounter has fields of its own.", faults=faults)
    endpoint = runtime.sisters.get("referral")
    if endpoint is None:
        raise Unavailable
    return endpoint


async def _child(runtime: Runtime, caller: Caller, body: EncounterIn) -> Opened:
    keyring = children.keyring_of(runtime)
    if body.child is not None:
        return await children.make(keyring, caller, body.place.state, body.child)
    child_id = cast(str, body.child_id)  # the shape has exactly one of the two
    async with runtime.database.work(write=False) as session:
        child = await children.get(session, caller, child_id)
        if body.announcement_id is not None:
            answers(await store.get(session, caller, body.announcement_id), child_id)
    return await children.opened(keyring, child)


def answers(announcement: Encounter | None, child_id: str) -> None:
    """Raise Invalid unless this is an announcement of this child."""
    if announcement is None or (announcement.kind, announcement.child_id) != (EncounterKind.ANNOUNCED, child_id):
        raise Invalid(faults=[Fault("/announcement_id", "no_announcement_of_this_child")])


def draft(runtime: Runtime, caller: Caller, body: EncounterIn, known: Opened, endpoint: str) -> Draft:
    """Build the rows of one encounter of a child who is open. Raises RefusedByLaw, Invalid."""
    child = known.child
    encounter = _encounter(caller, body, known)
    rows = [row(child)] if body.child is not None else []
    rows += [
        row(identifiers.row_of(runtime.vault, caller, known, each, partial(bare, ExternalId)))
        for each in body.external_ids
    ]
    running = [
        clocks.started(
            deadline,
            case=child.id,
            resource_id=encounter.id,
            agency=caller.agency,
            at=body.occurred_at,
            follower="referral",
            make=partial(bare, Clock),
        )
        for deadline in rules.KINDS[body.kind].deadlines
    ]
    given = {each.code for each in body.assistance}
    unmet = assistance_rules.unmet(given) if running else []  # of a child who is there
    if running:
        running += assistance.waiting(caller, child.id, encounter.id, body.occurred_at, given)
        running += _permit_due(caller, encounter, child)
    help_given = [
        assistance.logged(caller, child.id, encounter.id, each, partial(bare, Assistance)) for each in body.assistance
    ]
    entry = audit.entry(
        caller, "record", "encounter", encounter.id, {"child": child.id}, make=partial(bare, AuditEntry)
    )
    rows += [row(encounter), *map(row, help_given), *map(row, running), row(entry)]
    rows += _handed_over(encounter, child.version, endpoint, running)
    return Draft(encounter, running, unmet, rows)


def _permit_due(caller: Caller, encounter: Encounter, child: Child) -> list[Clock]:
    """Return the clock that waits for the permit of a foreign child who has none."""
    if child.permit_id is not None or not rules.owed_permit(encounter.kind, child.nationalities, encounter.local_day):
        return []
    return [
        clocks.started(
            rules.VRH, case=child.id, resource_id=encounter.id, agency=caller.agency, at=encounter.occurred_at,
            follower="referral", make=partial(bare, Clock),
        )
    ]  # fmt: skip


def _encounter(caller: Caller, body: EncounterIn, known: Opened) -> Encounter:
    child, adult = known.child, body.adult
    day = local_day(body.occurred_at, body.place.state)
    place = "/child/birth_date" if body.child else "/occurred_at"
    age = children.age(known.identity, day, place=place, decided=child.age_decision)
    rules.check_nationality(body.kind, child.nationalities)
    rules.check_outcome(body.outcome, day)
    rules.check_carer(adult.tie, adult.presented_at, adult.pp_attended_at, adult.oficio)
    encounter_id = ids.new("enc")
    return bare(
        Encounter,
        id=encounter_id, child_id=child.id, kind=body.kind, occurred_at=body.occurred_at, local_day=day,
        recorded_at=clock.now(), state=body.place.state, municipality=body.place.municipality, point=body.place.point,
        agency=caller.agency, office=caller.office, tie=adult.tie, tie_proofs=[proof.value for proof in adult.proofs],
        travel_condition=rules.TRAVEL_CONDITIONS[adult.tie], age_group=age.group, age_presumed=age.presumed,
        sex=child.sex, nationality=child.nationalities[0] if child.nationalities else None,
        external_id=body.external_id, outcome=body.outcome, return_point=body.return_point,
        returned_from=body.returned_from, state_of_origin=body.state_of_origin, announced_by=body.announced_by,
        announcing_agency=body.announcing_agency, announcing_country=body.announcing_country,
        announcement_id=body.announcement_id, adult=_sealed(known, encounter_id, adult.identity),
        adult_relation=adult.relation, carer_presented_at=adult.presented_at, pp_attended_at=adult.pp_attended_at,
        oficio=adult.oficio,
    )  # fmt: skip


def _sealed(known: Opened, encounter_id: str, adult: AdultIdentity | None) -> bytes | None:
    if adult is None:
        return None
    return known.seal(adult.model_dump_json().encode(), table="encounter", column="adult", row=encounter_id)


def _handed_over(encounter: Encounter, facts_version: int, endpoint: str, running: Sequence[Clock]) -> list[Row]:
    """Return the event and the row that owes it to referral. The statement itself mints its number.

    The event tells of the clocks that start, so that they cost no event of their own.
    """
    referrals = rules.referrals_of(encounter.kind, encounter.announced_by)
    if not referrals:
        return []
    fact = EncounterRecorded(
        encounter_id=encounter.id,
        child_id=encounter.child_id,
        kind=encounter.kind,
        state=encounter.state,
        agency=encounter.agency,
        facts_version=facts_version,
        referrals=list(referrals),
        carer_with_child=encounter.travel_condition is not TravelCondition.UNACCOMPANIED,
        clocks=[copies.told(vars(each)) for each in running],
    )
    event = delivery.event(
        fact.TYPE, case=encounter.child_id, seq=0, subject=encounter.id, data={}, make=partial(bare, Event)
    )
    owed = delivery.delivery(event, endpoint, make=partial(bare, Delivery))
    data = Rendered(fact.model_dump_json())
    return [row(event, case_seq=CASE_SEQ, data=data), row(owed, case_seq=CASE_SEQ)]


Status = Literal["pending", "delivered", "not_due"]


def _first_status(encounter: Encounter) -> Status:
    return "pending" if rules.referrals_of(encounter.kind, encounter.announced_by) else "not_due"


def _show(
    encounter: Encounter,
    running: list[Clock],
    unmet: list[AssistanceCode],
    *,
    status: Status,
    met_by: str | None = None,
) -> EncounterOut:
    return EncounterOut(
        **encounter.model_dump(include=_SHOWN),
        met_by=met_by,
        carer_presentation=rules.carer_presentation(encounter.tie, encounter.pp_attended_at, encounter.oficio),
        unmet_needs=unmet,
        clocks=[ClockOut.model_validate(each) for each in running],
        handover=Handover(to="referral", status=status),
        possible_matches=[],
    )


_SHOWN = set(Encounter.model_fields) & set(EncounterOut.model_fields)


async def get(session: AsyncSession, caller: Caller, encounter_id: str) -> EncounterOut:
    """Return an encounter that the caller may read. Raises NotFound."""
    encounter = await _get(session, caller, encounter_id)
    return (await show_all(session, [encounter]))[encounter_id]


async def _get(session: AsyncSession, caller: Caller, encounter_id: str) -> Encounter:
    encounter = await store.get(session, caller, encounter_id)
    if encounter is None:
        raise NotFound
    return encounter


async def show_all(session: AsyncSession, encounters: Sequence[Encounter]) -> dict[str, EncounterOut]:
    """Return encounters, by id, with their clocks, what is unmet, and whether referral has been told."""
    names = [encounter.id for encounter in encounters]
    running = defaultdict(list)
    for each in await clock_store.of(session, *names):
        running[each.resource_id].append(each)
    late = await store.undelivered(session, names)
    given = await assistance_store.times_of(session, names)
    met = await store.meetings(session, [each.id for each in encounters if each.kind is EncounterKind.ANNOUNCED])

    possible = await matches.possible(session, {each.child_id for each in encounters})

    def one(each: Encounter) -> EncounterOut:
        unmet = assistance_rules.unmet(given.get(each.id, {})) if rules.KINDS[each.kind].deadlines else []
        status = _first_status(each)
        if status == "pending" and each.id not in late:
            status = "delivered"
        shown = _show(each, running[each.id], unmet, status=status, met_by=met.get(each.id))
        shown.possible_matches = possible[each.child_id]
        return shown

    return {each.id: one(each) for each in encounters}


async def adult(session: AsyncSession, runtime: Runtime, caller: Caller, encounter_id: str) -> AdultOut:
    """Return who the adult was, if anybody said. The reading is recorded. Raises NotFound."""
    encounter = await _get(session, caller, encounter_id)
    if encounter.adult is None or encounter.blocked_at is not None:
        raise NotFound
    child = await children.get(session, caller, encounter.child_id)
    known = await children.opened(children.keyring_of(runtime), child)
    audit.read(session, caller, "adult_met", encounter_id)
    plain = known.unseal(encounter.adult, table="encounter", column="adult", row=encounter_id)
    return AdultOut(
        encounter_id=encounter_id,
        tie=encounter.tie,
        relation=encounter.adult_relation,
        identity=AdultIdentity.model_validate_json(plain),
    )


async def log_help(session: AsyncSession, caller: Caller, body: HelpIn) -> AssistanceOut:
    """Log a help that was given or declined after the encounter was recorded. Raises NotFound."""
    encounter = await _get(session, caller, body.encounter_id)
    made = await assistance.log(session, caller, encounter.child_id, encounter.id, body)
    audit.wrote(session, caller, "help", "encounter", encounter.id, assistance=made.id, code=body.code.value)
    return AssistanceOut.model_validate(made)


async def duty_met(session: AsyncSession, message: Message) -> None:
    """Take in that referral saw a duty done: stop the clocks that waited for it.

    A clock that started only afterwards belongs to a later encounter, which has this duty anew.
    """
    fact = DutyMet.model_validate(message.data)
    for waiting in await clock_store.running(session, fact.duty, fact.child_id):
        if waiting.started_at <= fact.met_at and (fact.encounters is None or waiting.resource_id in fact.encounters):
            await clocks.meet(session, waiting.rule, waiting.resource_id, fact.met_at)


async def fired(session: AsyncSession, spoken: Clock, kind: str) -> None:
    """Tell referral, which gathers what is due, that a clock of ours has spoken."""
    if spoken.rule == rules.VRH.id and not await _still_owed(session, spoken.case_key):
        await clocks.drop(session, spoken)
        return
    fact = ClockSpoke(
        clock_id=spoken.id, rule=spoken.rule, resource_id=spoken.resource_id, due_at=spoken.due_at, agency=spoken.agency
    )
    await delivery.publish(
        session,
        kind,
        case=spoken.case_key,
        subject=spoken.resource_id,
        audience=[children.REFERRAL],
        data=fact.model_dump(mode="json"),
    )


async def _still_owed(session: AsyncSession, child_id: str) -> bool:
    """Whether a child is still owed a permit: it may have turned out to be Mexican, or an adult."""
    child = await child_store.for_guard(session, child_id)
    return child is not None and rules.MEXICAN not in child.nationalities and child.age_decision is not AgeOutcome.ADULT
