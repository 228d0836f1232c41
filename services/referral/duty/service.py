"""Use cases of duty contacts: say whom to call, read it, and see who answers now."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import SHELTERS, Agency, Kind
from services.referral.duty import rules, store
from services.referral.duty.models import DutyRoster
from services.referral.duty.rules import DutyRole
from services.referral.duty.schemas import DutyContact, DutyContactOut, Kept, OnDuty, OnDutyList, RosterIn, RosterOut
from shared import audit, clock, etags
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Fault, Invalid, NotFound

_PROTECTION_ROLES = frozenset({"opi"})


def may_see(caller: Caller, body: Agency) -> bool:
    """Whether a caller may know whom to call at a body."""
    return rules.may_see(
        body, kind=caller.agency_kind, protects=caller.role in _PROTECTION_ROLES,
        territory=agencies.territory(caller), own=agencies.is_above(caller, body),
    )  # fmt: skip


async def _seen(session: AsyncSession, caller: Caller, agency_id: str) -> Agency:
    body = await agencies.look_up(session, caller, agency_id)
    if not may_see(caller, body):
        raise NotFound
    return body


async def roster(session: AsyncSession, vault: Vault, caller: Caller, agency_id: str) -> RosterOut:
    """Return whom to call at a body. Raises NotFound, also where the caller may not know."""
    body = await _seen(session, caller, agency_id)
    return _show(body, await store.roster(session, body.id), vault)


def _show(body: Agency, row: DutyRoster | None, vault: Vault) -> RosterOut:
    now = clock.now()
    contacts = [
        DutyContactOut(**each.model_dump(), on_duty=rules.on_duty(each.contact(), now))
        for each in (opened(vault, row) if row else ())
    ]
    return RosterOut(agency_id=body.id, contacts=contacts, version=row.version if row else 0)


def opened(vault: Vault, row: DutyRoster) -> list[DutyContact]:
    """Open a roster for whoever may read it."""
    return Kept.model_validate_json(vault.open(row.contacts, "duty_roster", row.body_id)).contacts


async def write(
    session: AsyncSession, vault: Vault, caller: Caller, agency_id: str, if_match: str, given: RosterIn
) -> RosterOut:
    """Say whom to call at a body. Raises NotFound, RefusedByLaw, Stale, Invalid."""
    body = await _seen(session, caller, agency_id)
    if not agencies.is_above(caller, body):
        raise rules.OWN_CONTACTS.refuse("Whom to call at this body is not yours to say.", allowed_actions=[])
    if body.kind in SHELTERS and (public := [n for n, each in enumerate(given.contacts) if each.public]):
        faults = [Fault(f"/contacts/{n}/public", "never_of_a_shelter") for n in public]
        raise Invalid("A shelter's contacts are never public (R31).", faults=faults)
    row, now = await store.roster(session, body.id, lock=True), clock.now()
    etags.must_match(if_match, row.version if row else 0)
    sealed = vault.seal(Kept(contacts=given.contacts).model_dump_json().encode(), "duty_roster", body.id)
    if row is None:
        row = DutyRoster(body_id=body.id, contacts=sealed, version=0, updated_by=caller.agency, updated_at=now)
        session.add(row)
    row.contacts, row.version, row.updated_by, row.updated_at = sealed, row.version + 1, caller.agency, now
    audit.wrote(session, caller, "roster", "agency", body.id, contacts=len(given.contacts), version=row.version)
    return _show(body, row, vault)


async def on_duty(
    session: AsyncSession, vault: Vault, caller: Caller, state: str, kind: Kind | None, role: DutyRole | None
) -> OnDutyList:
    """Return who answers now at the bodies that act in a state, as far as the caller may know."""
    bodies = {
        name: body
        for name, body in directory.readable(caller).items()
        if body.covers(state) and (kind is None or body.kind is kind) and may_see(caller, body)
    }
    now = clock.now()
    found = [
        OnDuty(
            agency_id=row.body_id, name_es=bodies[row.body_id].name_es, role=each.role, telephone=each.telephone,
            email=each.email,
        )
        for row in await store.rosters(session, bodies)
        for each in opened(vault, row)
        if (role is None or each.role is role) and rules.on_duty(each.contact(), now)
    ]  # fmt: skip
    found.sort(key=lambda each: (bodies[each.agency_id].state != state, each.agency_id, each.role))
    return OnDutyList(items=found)
