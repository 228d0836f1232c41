"""Use cases: grant a permit, cover the carer or not, end it by the act that follows, read it."""

from collections.abc import Mapping, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.encounters import store as encounters
from services.intake.encounters.rules import VRH
from services.intake.families import service as families
from services.intake.families import store as family_store
from services.intake.families.models import CarerFinding
from services.intake.families.rules import permit_extends
from services.intake.holds import service as holds
from services.intake.permits import rules, store
from services.intake.permits.models import HumanitarianPermit
from services.intake.permits.rules import CarerStatus, MigrationAct, PermitAction
from services.intake.permits.schemas import (
    Card,
    CarerFindingIn,
    CarerLinkIn,
    PermitEndIn,
    PermitIn,
    PermitItem,
    PermitOut,
)
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.runtime import Runtime
from shared.zones import local_day

_TABLE = "humanitarian_permit"


async def grant(session: AsyncSession, runtime: Runtime, caller: Caller, body: PermitIn) -> PermitOut:
    """Record that a permit was granted; the clock that waited for it stops. Raises RefusedByLaw, Conflict."""
    child = await children.get(session, caller, body.child_id, lock=True)
    rules.check_grant(body.model_dump(exclude_none=True).keys(), child.nationalities)
    if await store.has_valid(session, child.id):
        raise Conflict("This child has a permit that has not ended.", allowed_actions=[])
    covered = body.encounter_id is not None or body.member_id is not None
    if covered:
        await _check_carer(session, caller, child.id, body.encounter_id, body.member_id)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("prm")
    plain = body.card.model_dump_json().encode() if body.card else None
    row = HumanitarianPermit(
        id=row_id, child_id=child.id, reason=body.reason, granted_at=body.granted_at,
        card=known.seal(plain, table=_TABLE, column="card", row=row_id) if plain else None,
        encounter_id=body.encounter_id, member_id=body.member_id,
        carer=CarerStatus.COVERED if covered else CarerStatus.NONE,
        agency=caller.agency, office=caller.office, officer=body.officer, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    child.permit_id = row_id
    await clocks.meet_all(session, VRH.id, child.id, body.granted_at)
    audit.wrote(session, caller, "grant", "permit", row_id, child=child.id, officer=body.officer)
    return await _show(session, caller, known, row)


async def _check_carer(
    session: AsyncSession, caller: Caller, child_id: str, encounter_id: str | None, member_id: str | None
) -> None:
    """Refuse an adult who does not care for the child, or must not. Raises NotFound for another child's carer."""
    found = await families.findings_on(session, child_id)
    if member_id is not None and member_id not in found:
        raise NotFound
    if encounter_id is not None:
        met = await encounters.get(session, caller, encounter_id)
        if met is None or met.child_id != child_id:
            raise NotFound
        rules.check_carer(met.travel_condition, excluded=await store.excluded(session, encounter_id))
    rules.check_findings(member_id, _adverse(found))


def _adverse(found: Mapping[str, CarerFinding | None]) -> set[str]:
    return {name for name, row in found.items() if row is not None and not permit_extends(row.outcome)}


async def follow(session: AsyncSession, caller: Caller, child_ids: Sequence[str], member_id: str) -> None:
    """Let the valid permits of these locked children follow the finding that stands of a carer in their family."""
    for row in await store.valid_of(session, child_ids):
        found = await families.findings_on(session, row.child_id)
        finding, adverse = found.get(member_id), _adverse(found)
        if finding is None:
            continue
        told = rules.Finding(member_id, member_id in adverse, finding.decided_at)
        after = rules.follow(row.carer, row.member_id, row.finding_at, told, adverse)
        if after is row.carer:
            continue
        row.carer, row.finding_reference, row.finding_at = after, finding.reference, finding.decided_at
        row.version += 1
        audit.wrote(
            session, caller, "follow_finding", "permit", row.id, child=row.child_id, finding=finding.id,
            carer=after.value,
        )  # fmt: skip


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str) -> PermitOut:
    """Return a permit with its card. The reading is recorded. Raises NotFound."""
    row, known = await _find(session, runtime, caller, permit_id)
    audit.read(session, caller, "permit", row.id)
    return await _show(session, caller, known, row)


async def end(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, body: PermitEndIn
) -> PermitOut:
    """End a permit by the act that follows it. Raises RefusedByLaw without one."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    await _move(session, caller, row, PermitAction.END, body.officer)
    rules.check_end(has_act=body.act is not None)
    act = body.act
    if act is None or not local_day(row.granted_at, known.child.state) <= act.date <= clock.now().date():
        raise Invalid(
            "The act is of a day between the grant and today.", faults=[Fault("/act/date", "not_in_the_permits_time")]
        )
    if act.type is MigrationAct.ASSISTED_RETURN:
        await holds.check_return(session, row.child_id, clock.now(), None)
    row.act, row.act_reference, row.act_date = act.type, act.reference, act.date
    row.measure_reference = act.measure_reference
    known.child.permit_id = None
    return await _show(session, caller, known, row)


async def link(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, body: CarerLinkIn
) -> PermitOut:
    """Cover the adult who cares for the child. Raises RefusedByLaw where the Procuraduría excluded that adult."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    await _move(session, caller, row, PermitAction.LINK_CARER, body.officer)
    await _check_carer(session, caller, row.child_id, body.encounter_id, body.member_id)
    row.encounter_id, row.member_id = body.encounter_id, body.member_id
    return await _show(session, caller, known, row)


async def find(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, action: PermitAction,
    body: CarerFindingIn,
) -> PermitOut:  # fmt: skip
    """Take down what the Procuraduría found of the carer: the permit covers that adult no more, or again."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    await _move(session, caller, row, action, body.officer)
    row.finding_reference, row.finding_at = body.reference, body.decided_at
    return await _show(session, caller, known, row)


async def _find(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, *, lock: bool = False
) -> tuple[HumanitarianPermit, Opened]:
    """Return a permit, its child locked if wished: whoever changes a permit holds its child, in this order alone."""
    row = await store.get(session, caller, permit_id)
    if row is None:
        raise NotFound
    child = await children.get(session, caller, row.child_id, lock=lock)
    if lock:
        await session.refresh(row)
    return row, await children.opened(children.keyring_of(runtime), child)


async def _move(
    session: AsyncSession, caller: Caller, row: HumanitarianPermit, action: PermitAction, officer: str
) -> None:
    in_family = row.member_id in await _in_families(session, [row])
    row.status, row.carer = rules.advance(row.status, row.carer, action, in_family=in_family)
    row.version += 1
    audit.wrote(session, caller, action.value, "permit", row.id, child=row.child_id, officer=officer)


async def _in_families(session: AsyncSession, rows: Sequence[HumanitarianPermit]) -> set[str]:
    names = {row.member_id for row in rows if row.member_id is not None}
    return await family_store.present(session, names) if names else set()


async def items(session: AsyncSession, caller: Caller, rows: Sequence[HumanitarianPermit]) -> dict[str, PermitItem]:
    """Return permits, by id, as lists show them: without their cards."""
    present = await _in_families(session, rows)
    return {row.id: _item(caller, row, in_family=row.member_id in present) for row in rows}


def _item(caller: Caller, row: HumanitarianPermit, *, in_family: bool) -> PermitItem:
    actions = rules.allowed(row.status, row.carer, caller.agency_kind, in_family=in_family)
    return PermitItem(allowed_actions=actions, **row.model_dump(include=_SHOWN))


_SHOWN = set(PermitItem.model_fields) - {"allowed_actions"}


async def _show(session: AsyncSession, caller: Caller, known: Opened, row: HumanitarianPermit) -> PermitOut:
    card = None
    if row.card is not None:
        card = Card.model_validate_json(known.unseal(row.card, table=_TABLE, column="card", row=row.id))
    shown = (await items(session, caller, [row]))[row.id]
    return PermitOut(card=card, **shown.model_dump())
