"""Use cases: grant a permit, cover the carer or not, end it by the act that follows, read it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.encounters import store as encounters
from services.intake.encounters.rules import VRH
from services.intake.permits import rules, store
from services.intake.permits.models import HumanitarianPermit
from services.intake.permits.rules import CarerStatus, PermitAction
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
    if body.encounter_id is not None:
        await _check_carer(session, caller, child.id, body.encounter_id)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("prm")
    plain = body.card.model_dump_json().encode() if body.card else None
    row = HumanitarianPermit(
        id=row_id, child_id=child.id, reason=body.reason, granted_at=body.granted_at,
        card=known.seal(plain, table=_TABLE, column="card", row=row_id) if plain else None,
        encounter_id=body.encounter_id, carer=CarerStatus.COVERED if body.encounter_id else CarerStatus.NONE,
        agency=caller.agency, office=caller.office, officer=body.officer, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    child.permit_id = row_id
    await clocks.meet_all(session, VRH.id, child.id, body.granted_at)
    audit.wrote(session, caller, "grant", "permit", row_id, child=child.id, officer=body.officer)
    return _show(caller, known, row)


async def _check_carer(session: AsyncSession, caller: Caller, child_id: str, encounter_id: str) -> None:
    """Refuse an adult who does not care for the child, or must not. Raises NotFound for another child's encounter."""
    met = await encounters.get(session, caller, encounter_id)
    if met is None or met.child_id != child_id:
        raise NotFound
    rules.check_carer(met.travel_condition, excluded=await store.excluded(session, encounter_id))


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str) -> PermitOut:
    """Return a permit with its card. The reading is recorded. Raises NotFound."""
    row, known = await _find(session, runtime, caller, permit_id)
    audit.read(session, caller, "permit", row.id)
    return _show(caller, known, row)


async def end(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, body: PermitEndIn
) -> PermitOut:
    """End a permit by the act that follows it. Raises RefusedByLaw without one."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    _move(session, caller, row, PermitAction.END, body.officer)
    rules.check_end(has_act=body.act is not None)
    act = body.act
    if act is None or not local_day(row.granted_at, known.child.state) <= act.date <= clock.now().date():
        raise Invalid(
            "The act is of a day between the grant and today.", faults=[Fault("/act/date", "not_in_the_permits_time")]
        )
    row.act, row.act_reference, row.act_date = act.type, act.reference, act.date
    row.measure_reference = act.measure_reference
    known.child.permit_id = None
    return _show(caller, known, row)


async def link(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, body: CarerLinkIn
) -> PermitOut:
    """Cover the adult who cares for the child. Raises RefusedByLaw where the Procuraduría excluded that adult."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    _move(session, caller, row, PermitAction.LINK_CARER, body.officer)
    await _check_carer(session, caller, row.child_id, body.encounter_id)
    row.encounter_id = body.encounter_id
    return _show(caller, known, row)


async def find(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, if_match: str, action: PermitAction,
    body: CarerFindingIn,
) -> PermitOut:  # fmt: skip
    """Take down what the Procuraduría found of the carer: the permit covers that adult no more, or again."""
    row, known = await _find(session, runtime, caller, permit_id, lock=True)
    etags.must_match(if_match, row.version)
    _move(session, caller, row, action, body.officer)
    row.finding_reference, row.finding_at = body.reference, body.decided_at
    return _show(caller, known, row)


async def _find(
    session: AsyncSession, runtime: Runtime, caller: Caller, permit_id: str, *, lock: bool = False
) -> tuple[HumanitarianPermit, Opened]:
    row = await store.get(session, caller, permit_id, lock=lock)
    if row is None:
        raise NotFound
    child = await children.get(session, caller, row.child_id, lock=lock)
    return row, await children.opened(children.keyring_of(runtime), child)


def _move(session: AsyncSession, caller: Caller, row: HumanitarianPermit, action: PermitAction, officer: str) -> None:
    row.status, row.carer = rules.advance(row.status, row.carer, action)
    row.version += 1
    audit.wrote(session, caller, action.value, "permit", row.id, child=row.child_id, officer=officer)


def item(caller: Caller, row: HumanitarianPermit) -> PermitItem:
    """Return a permit as lists show it: without its card."""
    actions = rules.allowed(row.status, row.carer, caller.agency_kind)
    return PermitItem(allowed_actions=actions, **row.model_dump(include=_SHOWN))


_SHOWN = set(PermitItem.model_fields) - {"allowed_actions"}


def _show(caller: Caller, known: Opened, row: HumanitarianPermit) -> PermitOut:
    card = None
    if row.card is not None:
        card = Card.model_validate_json(known.unseal(row.card, table=_TABLE, column="card", row=row.id))
    return PermitOut(card=card, **item(caller, row).model_dump())
