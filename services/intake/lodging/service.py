"""Use cases: record where a child sleeps, end or void that, see it, and see of whom nobody knows."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.models import Child
from services.intake.children.service import Opened
from services.intake.encounters.rules import TravelCondition
from services.intake.families import service as families
from services.intake.families.models import FamilySeparation
from services.intake.holds import service as holds
from services.intake.lodging import rules, store
from services.intake.lodging.models import Stay, StayRelative
from services.intake.lodging.rules import EndReason, Night, StayAction, StayPurpose, StayStatus
from services.intake.lodging.schemas import FamilyDecision, StayEndIn, StayIn, StayItem, StayOut, StayPlace, Unlodged
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.runtime import Runtime

_TABLE = "stay"


async def record(session: AsyncSession, runtime: Runtime, caller: Caller, body: StayIn) -> StayOut:
    """Record where a child sleeps or slept. Raises RefusedByLaw, Conflict where it slept elsewhere then."""
    rules.check_place(body.facility.kind, body.purpose)
    child = await store.child(session, caller, body.child_id, lock=True)
    if child is None:
        raise NotFound
    await _check_return(session, child.id, body)
    condition = await store.travelling(session, child.id)
    apart = await families.apart_from(session, child.id)
    decided = body.family_decision is not None or apart.carers is not None
    rules.check_night(Night(body.facility.kind, body.purpose, body.quarters, condition, decided=decided))
    if await store.overlaps(session, child.id, body.since, body.until):
        raise Conflict("The child slept elsewhere at that time: end that stay first.", allowed_actions=["end"])
    own = _digests(runtime.vault, body.facility.state, body.facility.place)
    by = apart.carers if rules.is_alone(condition, body.quarters) else None
    if body.family_decision is None:
        by = await _check_family(session, caller, child, body, own, apart.siblings) or by
    known = await children.opened(children.keyring_of(runtime), child)
    row = _row(caller, known, body, condition, own[0])
    _reason(row, body.family_decision, by)
    session.add(row)
    await session.flush()
    session.add_all([StayRelative(stay_id=row.id, relative_id=each) for each in sorted(set(child.relatives))])
    audit.wrote(session, caller, "lodge", "stay", row.id, child=child.id, kind=row.kind.value, officer=body.officer)
    return _show(caller, known, row)


async def _check_return(session: AsyncSession, child_id: str, body: StayIn) -> None:
    """Refuse to take down that a child waits for a return, or was returned, while that is held up (R24)."""
    if body.purpose is StayPurpose.AWAITING_ASSISTED_RETURN:
        await holds.check_return(session, child_id, body.since, body.until)
    if body.end_reason is EndReason.RETURNED and body.until is not None:
        await holds.check_return(session, child_id, body.until, body.until)


async def _check_family(
    session: AsyncSession,
    caller: Caller,
    child: Child,
    body: StayIn,
    own: Sequence[bytes],
    parted: Mapping[str, FamilySeparation],
) -> FamilySeparation | None:
    """Refuse to let siblings sleep in two places, unless a separation stands: then return it.

    Where R31 withholds a sibling's place, the answer is the same whichever place it is: nobody finds it by trying.
    """
    by = None
    for other in await store.of_family(session, child.id, child.relatives, body.since, body.until):
        same = other.place_digest in own and rules.knows_location(other.kind, caller.agency_kind, caller.role)
        if same or rules.may_be_apart(body.facility.kind, other.kind):
            continue
        if other.child_id not in parted:
            raise rules.apart("Children of one family sleep in one place")
        by = parted[other.child_id]
    return by


def _row(caller: Caller, known: Opened, body: StayIn, condition: TravelCondition, digest: bytes) -> Stay:
    row_id = ids.new("sty")
    return Stay(
        id=row_id, child_id=known.child.id, kind=body.facility.kind, state=body.facility.state,
        place=known.seal(body.facility.place.model_dump_json().encode(), table=_TABLE, column="place", row=row_id),
        place_digest=digest, purpose=body.purpose, quarters=body.quarters, travel_condition=condition,
        since=body.since, until=body.until, end_reason=body.end_reason,
        status=StayStatus.SLEEPING if body.until is None else StayStatus.ENDED,
        agency=caller.agency, office=caller.office, officer=body.officer, recorded_at=clock.now(),
    )  # fmt: skip


def _reason(row: Stay, told: FamilyDecision | None, by: FamilySeparation | None) -> None:
    """Write down by which decision the family sleeps apart. Why it was parted is the Procuraduría's to tell."""
    if told is not None:
        row.split_reason, row.split_reference, row.split_decided_at = told.reason, told.reference, told.decided_at
    elif by is not None:
        row.separation_id, row.split_reference, row.split_decided_at = by.id, by.reference, by.decided_at


def _digests(vault: Vault, state: str, place: StayPlace) -> list[bytes]:
    """Return the keyed digests by which two children in one place are found: the current key's is the first."""
    told = f"{state}\0{place.id.casefold()}".encode()
    names = sorted(vault.names, key=lambda name: name != vault.current)
    return [hmac.digest(vault.derive("lodging places", name), told, hashlib.sha256) for name in names]


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, stay_id: str) -> StayOut:
    """Return a stay with the place where the caller may know it. The reading is recorded. Raises NotFound."""
    row, known = await _find(session, runtime, caller, stay_id)
    shown = _show(caller, known, row)
    audit.read(session, caller, "stay", row.id, withheld=shown.withheld)
    return shown


async def end(
    session: AsyncSession, runtime: Runtime, caller: Caller, stay_id: str, if_match: str, body: StayEndIn
) -> StayOut:
    """End a stay. Raises IllegalMove, Invalid where it would end before it began."""
    row, known = await _step(session, runtime, caller, stay_id, if_match, StayAction.END)
    if not rules.ends_properly(row.since, body.until):
        raise Invalid("The stay began later.", faults=[Fault("/until", "before_since")])
    if body.end_reason is EndReason.RETURNED:
        await holds.check_return(session, row.child_id, body.until, body.until)
    row.until, row.end_reason = body.until, body.end_reason
    audit.wrote(
        session, caller, "end", "stay", row.id, child=row.child_id, reason=body.end_reason.value, officer=body.officer
    )
    return _show(caller, known, row)


async def void(
    session: AsyncSession, runtime: Runtime, caller: Caller, stay_id: str, if_match: str, officer: str
) -> StayOut:
    """Say that a stay was recorded by mistake. It is kept, and counts for nothing. Raises IllegalMove."""
    row, known = await _step(session, runtime, caller, stay_id, if_match, StayAction.VOID)
    audit.wrote(session, caller, "void", "stay", row.id, child=row.child_id, officer=officer)
    return _show(caller, known, row)


async def _find(
    session: AsyncSession, runtime: Runtime, caller: Caller, stay_id: str, *, lock: bool = False
) -> tuple[Stay, Opened]:
    row = await store.get(session, caller, stay_id, lock=lock)
    child = await store.child(session, caller, row.child_id) if row is not None else None
    if row is None or child is None:
        raise NotFound
    return row, await children.opened(children.keyring_of(runtime), child)


async def _step(
    session: AsyncSession, runtime: Runtime, caller: Caller, stay_id: str, if_match: str, action: StayAction
) -> tuple[Stay, Opened]:
    row, known = await _find(session, runtime, caller, stay_id, lock=True)
    etags.must_match(if_match, row.version)
    row.status = rules.advance(row.status, action)
    row.version += 1
    return row, known


def item(row: Stay) -> StayItem:
    """Return a stay as lists show it: without its place."""
    return StayItem(allowed_actions=rules.allowed(row.status), **row.model_dump(include=_SHOWN))


_SHOWN = set(StayItem.model_fields) - {"allowed_actions"}


def _show(caller: Caller, known: Opened, row: Stay) -> StayOut:
    place, withheld = None, None
    if rules.knows_location(row.kind, caller.agency_kind, caller.role):
        plain = known.unseal(row.place, table=_TABLE, column="place", row=row.id)
        place = StayPlace.model_validate_json(plain)
    else:
        withheld = rules.LOCATION.id
    return StayOut(place=place, withheld=withheld, **item(row).model_dump())


async def unlodged(session: AsyncSession, found: Sequence[Child]) -> dict[str, Unlodged]:
    """Return, by child, since when nobody says where it sleeps."""
    names = [each.id for each in found]
    met, stays = await store.last_met(session, names), await store.last_stays(session, names)
    return {name: _unlodged(name, met[name], stays.get(name)) for name in names}


def _unlodged(child_id: str, met_at: datetime, last: Stay | None) -> Unlodged:
    if last is None or last.until is None:
        return Unlodged(child_id=child_id, unknown_since=met_at, last_stay_id=None, end_reason=None)
    since = max(met_at, last.until)
    return Unlodged(child_id=child_id, unknown_since=since, last_stay_id=last.id, end_reason=last.end_reason)
