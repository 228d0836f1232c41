"""Use cases of shelters: certify, say what room there is, admit, look for places, say where a body is."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import SHELTERS, Agency
from services.referral.places import rules, store
from services.referral.places.models import BodyLocation, Certification, PlaceCount, PlaceUnit
from services.referral.places.rules import FRESH, AgeBand, Certificate, Nearness, Need, PlaceSex, Room
from services.referral.places.schemas import (
    Address,
    CapacityIn,
    CapacityOut,
    CertificationIn,
    CertificationOut,
    FreePlace,
    FreePlaces,
    LocationIn,
    LocationOut,
    PlacesOut,
    RoomOut,
)
from shared import audit, clock, etags
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.runtime import Runtime
from shared.zones import local_day


def fresh_for(runtime: Runtime) -> timedelta:
    """Return how old a figure may be in this installation."""
    return timedelta(hours=runtime.settings.capacity_fresh_hours)


def _day(body: Agency, at: datetime) -> date:
    return local_day(at, body.state or "MX-CMX")


async def _shelter(session: AsyncSession, caller: Caller, cas_id: str) -> Agency:
    found = await agencies.look_up(session, caller, cas_id)
    if found.kind not in SHELTERS:
        raise NotFound
    return found


# -- certificates (R11) ------------------------------------------------------------------------------------


async def certificate(session: AsyncSession, caller: Caller, cas_id: str) -> CertificationOut:
    """Return the certificate of a centre, or that it has none. Raises NotFound."""
    body = await _shelter(session, caller, cas_id)
    return _certified(body, await store.certification(session, caller, cas_id))


async def certify(
    session: AsyncSession, caller: Caller, cas_id: str, if_match: str, given: CertificationIn
) -> CertificationOut:
    """Record, renew, suspend or restore a certificate. Raises NotFound, RefusedByLaw, Stale."""
    body = await _shelter(session, caller, cas_id)
    if body.state is None or not any(area in agencies.territory(caller) for area in (body.state, "MX")):
        raise rules.CERTIFIES.refuse("The Procuraduría of another state certifies this centre.", allowed_actions=[])
    now, row = clock.now(), await store.certification(session, caller, cas_id, lock=True)
    etags.must_match(if_match, row.version if row else 0)
    if row is None:
        row = Certification(
            body_id=cas_id, number="", authority="", valid_until=given.valid_until, places=[], version=0, updated_at=now
        )
        session.add(row)
    row.number, row.authority, row.valid_until = given.number, caller.agency, given.valid_until
    row.places = [each.model_dump(mode="json") for each in given.places]
    row.suspended_at = (row.suspended_at or now) if given.suspended else None
    row.suspension_reason = given.suspended
    row.version, row.updated_at = row.version + 1, now
    audit.wrote(
        session,
        caller,
        "certify",
        "agency",
        cas_id,
        valid_until=given.valid_until.isoformat(),
        suspended=given.suspended,
    )
    return _certified(body, row)


def _certified(body: Agency, row: Certification | None) -> CertificationOut:
    if row is None:
        return CertificationOut(
            body_id=body.id, number=None, authority=None, valid_until=None, places=[], suspended=None,
            suspended_at=None, counts=False, version=0,
        )  # fmt: skip
    return CertificationOut(
        body_id=body.id, number=row.number, authority=row.authority, valid_until=row.valid_until,
        places=[PlacesOut.model_validate(each) for each in row.places], suspended=row.suspension_reason,
        suspended_at=row.suspended_at, counts=store.certificate_of(row).counts(_day(body, clock.now())),
        version=row.version,
    )  # fmt: skip


# -- room --------------------------------------------------------------------------------------------------


async def _known(session: AsyncSession, caller: Caller, cas_id: str) -> tuple[Certificate | None, Room | None]:
    certified, said = await store.certification(session, caller, cas_id), await store.count(session, cas_id)
    room = store.room_of(said, await store.units(session, [cas_id])) if said else None
    return store.certificate_of(certified) if certified else None, room


async def capacity(session: AsyncSession, caller: Caller, cas_id: str, fresh: timedelta) -> CapacityOut:
    """Return what room a centre has, and how old the figure is. Raises NotFound."""
    body = await _shelter(session, caller, cas_id)
    said = await store.count(session, cas_id)
    certificate, room = await _known(session, caller, cas_id)
    now = clock.now()
    stale = room is None or room.stale(now, fresh)
    counts = certificate is not None and certificate.counts(_day(body, now))
    return CapacityOut(
        body_id=cas_id, as_of=room.as_of if room else None,
        stale=stale, certified=counts, version=said.version if said else 0,
        places=[
            RoomOut(
                sex=each.sex, age_band=each.age_band, capacity=each.capacity, occupied=each.occupied, held=each.held,
                free=rules.free(each, certificate) if certificate and counts and not stale else None,
            )
            for each in (room.units if room else ())
        ],
    )  # fmt: skip


def _minutes(now: datetime, room: Room) -> int:
    return int((now - room.as_of) / timedelta(minutes=1))


async def say_capacity(
    session: AsyncSession, caller: Caller, cas_id: str, if_match: str, given: CapacityIn, fresh: timedelta
) -> CapacityOut:
    """Take in what room a centre has, by itself or by the body above it. Raises RefusedByLaw, Stale, Conflict."""
    body = await _shelter(session, caller, cas_id)
    if not agencies.is_above(caller, body):
        raise rules.OWN_FIGURES.refuse("This centre's places are not yours to count.", allowed_actions=[])
    certified = await store.certification(session, caller, cas_id)
    units = [each.unit() for each in given.places]
    over = rules.over_certified(store.certificate_of(certified) if certified else None, units)
    if over:
        places = ", ".join(f"/places/{n}" for n in over)
        raise rules.CERTIFIED_ROOM.refuse(f"More places than are certified: {places}.", allowed_actions=[])
    now, row = clock.now(), await store.count(session, cas_id, lock=True)
    etags.must_match(if_match, row.version if row else 0)
    if row is None:
        row = PlaceCount(body_id=cas_id, as_of=given.as_of, version=0, updated_by=caller.agency, updated_at=now)
        session.add(row)
        await session.flush()
    elif given.as_of < row.as_of:
        raise Conflict("The centre has told a later figure.")
    row.as_of, row.updated_by, row.updated_at, row.version = given.as_of, caller.agency, now, row.version + 1
    await store.replace(session, cas_id, units)
    audit.wrote(session, caller, "count", "agency", cas_id, as_of=given.as_of.isoformat(), version=row.version)
    return await capacity(session, caller, cas_id, fresh)


async def may_admit(
    session: AsyncSession,
    caller: Caller,
    cas_id: str,
    sex: PlaceSex,
    age_band: AgeBand,
    at: datetime,
    *,
    confirmed: bool = False,
    fresh: timedelta = FRESH,
) -> None:
    """Raise RefusedByLaw (R11) unless a centre is certified at `at` and has a free place for such a child.

    `confirmed`: the centre itself has just said that it has the place; then its figure is not asked. A family's place
    is `AgeBand.FAMILY` with `PlaceSex.ANY`. Raises NotFound for a body that nobody knows.
    """
    body = await agencies.look_up(session, caller, cas_id)
    certificate, room = await _known(session, caller, cas_id)
    _refuse(body, certificate, room, Need(sex, age_band), at, confirmed=confirmed, fresh=fresh)


def _refuse(
    body: Agency, certificate: Certificate | None, room: Room | None, need: Need, at: datetime, *, confirmed: bool,
    fresh: timedelta,
) -> None:  # fmt: skip
    why = rules.why_not(
        body, certificate, room, [need], at, _day(body, at), fresh=fresh, confirmed=confirmed
    )  # fmt: skip
    if why is not None:
        raise rules.CERTIFIED.refuse(why, allowed_actions=["free-places"])


async def take(
    session: AsyncSession,
    caller: Caller,
    cas_id: str,
    sex: PlaceSex,
    age_band: AgeBand,
    at: datetime,
    *,
    confirmed: bool = False,
    fresh: timedelta = FRESH,
) -> PlaceSex | None:
    """Admit a child: as `may_admit`, and the place is taken, so that of two rivals for the last one is refused.

    Returns for whom the place is, which `leave` wants back; None where the centre confirmed a place of no known kind.
    """
    body = await agencies.look_up(session, caller, cas_id)
    said = await store.count(session, cas_id, lock=True)
    certificate, room = await _known(session, caller, cas_id)
    need = Need(sex, age_band)
    _refuse(body, certificate, room, need, at, confirmed=confirmed, fresh=fresh)
    assert certificate is not None
    found = rules.chosen(room, certificate, [need]) if room is not None else None
    able = found or [unit for unit in (room.units if room else ()) if rules.fits(unit, need)][:1]
    if said is None or not able:
        return None
    await _move(session, caller, said, able[0].sex, age_band, 1)
    return able[0].sex


async def leave(session: AsyncSession, caller: Caller, cas_id: str, sex: PlaceSex | None, age_band: AgeBand) -> None:
    """Give back the place that `take` returned, when the child has left."""
    said = await store.count(session, cas_id, lock=True)
    if said is not None and sex is not None:
        await _move(session, caller, said, sex, age_band, -1)


async def _move(
    session: AsyncSession, caller: Caller, said: PlaceCount, sex: PlaceSex, age_band: AgeBand, by: int
) -> None:
    unit = await session.get(PlaceUnit, (said.body_id, sex, age_band))
    if unit is None:  # the centre has told other kinds of place meanwhile
        return
    unit.occupied = max(0, unit.occupied + by)
    said.version, said.updated_at = said.version + 1, clock.now()
    action = "take_place" if by > 0 else "leave_place"
    audit.wrote(session, caller, action, "agency", said.body_id, sex=sex.value, age_band=age_band.value)


# -- looking for places ------------------------------------------------------------------------------------------


async def free_places(
    session: AsyncSession, caller: Caller, state: str, needs: Sequence[Need], limit: int, fresh: timedelta
) -> FreePlaces:
    """Return where these children can sleep together (R12): in the state, then in its neighbours, then elsewhere."""
    now = clock.now()
    shelters = {name: body for name, body in directory.readable(caller).items() if body.kind in SHELTERS}
    offers = [
        _offer(shelters[name], *known, needs, state, now, fresh)
        for name, known in (await store.counted(session, caller, shelters)).items()
    ]
    found = [each for each in offers if each is not None]
    order = list(Nearness)
    found.sort(key=lambda each: (order.index(each.nearness), each.stale, -(each.free or 0), each.body_id))
    return FreePlaces(items=found[:limit], more=len(found) > limit)


def _offer(
    body: Agency,
    certificate: Certificate,
    room: Room,
    needs: Sequence[Need],
    state: str,
    now: datetime,
    fresh: timedelta,
) -> FreePlace | None:
    """Return what a centre has for these children, or may have where its figure is too old; None for nothing."""
    stale = room.stale(now, fresh)
    places = None if stale else rules.together(room, certificate, needs)
    if not certificate.counts(_day(body, now)) or not (places or (stale and rules.takes(room, needs))):
        return None
    return FreePlace(
        body_id=body.id, name_es=body.name_es, state=body.state, nearness=rules.nearness(state, body.state),
        as_of=room.as_of, age_minutes=_minutes(now, room), stale=stale,
        family_place=places is not None and places[0].age_band is AgeBand.FAMILY,
        free=min(rules.free(unit, certificate) for unit in places) if places else None,
    )  # fmt: skip


# -- where a body is (R31) ---------------------------------------------------------------------------------------


def knows_location(caller: Caller, body: Agency) -> bool:
    """Whether a caller may know where a body is."""
    return rules.knows_location(
        body, kind=caller.agency_kind, role=caller.role, territory=agencies.territory(caller),
        own=agencies.is_above(caller, body),
    )  # fmt: skip


async def location(session: AsyncSession, vault: Vault, caller: Caller, agency_id: str) -> LocationOut:
    """Return where a body is. To whom R31 withholds it, one that nobody has told of looks the same. Raises NotFound."""
    body = await agencies.look_up(session, caller, agency_id)
    if not knows_location(caller, body):
        audit.wrote(session, caller, "withheld", "agency", agency_id, rule=rules.LOCATION.id)
        return LocationOut(agency_id=agency_id, address=None, public=False, withheld=rules.LOCATION.id, version=0)
    row = await store.location(session, agency_id)
    if body.kind in SHELTERS:
        audit.wrote(session, caller, "read", "agency", agency_id, field="location")
    return _located(vault, agency_id, row)


async def locate(
    session: AsyncSession, vault: Vault, caller: Caller, agency_id: str, if_match: str, given: LocationIn
) -> LocationOut:
    """Say where a body is. Raises NotFound, RefusedByLaw, Stale, Invalid where a shelter would be public."""
    body = await agencies.look_up(session, caller, agency_id)
    if not agencies.is_above(caller, body):
        raise rules.OWN_FIGURES.refuse("Where this body is, is not yours to say.", allowed_actions=[])
    if given.public and body.kind in SHELTERS:
        raise Invalid("A shelter's address is never public (R31).", faults=[Fault("/public", "never_of_a_shelter")])
    row = await store.location(session, agency_id, lock=True)
    etags.must_match(if_match, row.version if row else 0)
    plain = Address(**given.model_dump(exclude={"public"})).model_dump_json().encode()
    sealed, now = vault.seal(plain, "body_location", agency_id), clock.now()
    if row is None:
        row = BodyLocation(
            body_id=agency_id, address=sealed, public=given.public, version=0, updated_by=caller.agency, updated_at=now
        )
        session.add(row)
    row.address, row.public, row.updated_by, row.updated_at = sealed, given.public, caller.agency, now
    row.version += 1
    audit.wrote(session, caller, "locate", "agency", agency_id, public=given.public, version=row.version)
    return _located(vault, agency_id, row)


def _located(vault: Vault, agency_id: str, row: BodyLocation | None) -> LocationOut:
    address = address_of(vault, row) if row is not None else None
    return LocationOut(
        agency_id=agency_id, address=address, public=row is not None and row.public, withheld=None,
        version=row.version if row else 0,
    )  # fmt: skip


def address_of(vault: Vault, row: BodyLocation) -> Address:
    """Open an address for whoever may know it."""
    return Address.model_validate_json(vault.open(row.address, "body_location", row.body_id))
