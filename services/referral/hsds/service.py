"""Builds the export: every body in force, with what of it may be public."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.agencies.rules import KINDS, SERVICES, SHELTERS, Agency, Service
from services.referral.duty import service as duty
from services.referral.duty import store as rosters
from services.referral.duty.rules import ROLES
from services.referral.duty.schemas import DutyContact
from services.referral.hsds import rules
from services.referral.hsds.rules import uid
from services.referral.hsds.schemas import (
    HsdsAddress,
    HsdsArea,
    HsdsAttribute,
    HsdsCapacity,
    HsdsIdentifier,
    HsdsLocation,
    HsdsOrganization,
    HsdsOut,
    HsdsPhone,
    HsdsSchedule,
    HsdsService,
    HsdsTaxonomy,
    HsdsTerm,
    HsdsUnit,
)
from services.referral.places import rules as places
from services.referral.places import service as shelters
from services.referral.places import store as rooms
from services.referral.places.rules import Certificate, Room
from services.referral.places.schemas import Address
from shared import clock
from shared.auth import Caller
from shared.runtime import Runtime
from shared.zones import local_day


@dataclass
class Known:
    """What is known of bodies beyond the directory, as far as this reader and everybody else may know it."""

    addresses: Mapping[str, Address] = field(default_factory=dict)
    contacts: Mapping[str, list[DutyContact]] = field(default_factory=dict)
    rooms: Mapping[str, tuple[Certificate, Room]] = field(default_factory=dict)


async def export(session: AsyncSession, runtime: Runtime, caller: Caller, state: str | None) -> HsdsOut:
    """Return the bodies in force, in one state or in all, in the form of HSDS."""
    bodies = {name: body for name, body in directory.readable(caller).items() if state is None or body.covers(state)}
    known = await _known(session, runtime, caller, bodies)
    return HsdsOut(version=rules.VERSION, organizations=[organization(body, known) for body in bodies.values()])


async def _known(session: AsyncSession, runtime: Runtime, caller: Caller, bodies: Mapping[str, Agency]) -> Known:
    open_ones = {name for name, body in bodies.items() if rules.may_be_located(body)}
    now, fresh = clock.now(), shelters.fresh_for(runtime)
    found: Mapping[str, tuple[Certificate, Room]] = {}
    if caller.agency_kind in rooms.SEEKERS:
        sheltering = [name for name, body in bodies.items() if body.kind in SHELTERS]
        found = {
            name: (certificate, room)
            for name, (certificate, room) in (await rooms.counted(session, caller, sheltering)).items()
            if not room.stale(now, fresh) and certificate.counts(local_day(now, bodies[name].state or "MX-CMX"))
        }
    return Known(
        {
            row.body_id: shelters.address_of(runtime.vault, row)
            for row in await rooms.public_locations(session)
            if row.body_id in open_ones
        },
        {
            row.body_id: [each for each in duty.opened(runtime.vault, row) if each.public and _counts(each, now)]
            for row in await rosters.rosters(session, open_ones)
        },
        found,
    )


def _counts(contact: DutyContact, now: datetime) -> bool:
    rule = contact.contact()
    return rule.counts(now.astimezone(rule.zone).date())


def organization(body: Agency, known: Known) -> HsdsOrganization:
    """Return a body as HSDS has organizations."""
    return HsdsOrganization(
        id=uid(body.id), name=body.name_es, alternate_name=body.name_en, description=KINDS[body.kind].es,
        organization_identifiers=[
            HsdsIdentifier(id=uid(body.id, "identifier"), identifier_type="ruta", identifier=body.id)
        ],
        locations=[_location(body, known.addresses[body.id])] if body.id in known.addresses else [],
        services=[_service(body, service, known) for service in body.services],
    )  # fmt: skip


def _location(body: Agency, address: Address) -> HsdsLocation:
    shown = HsdsAddress(
        id=uid(body.id, "address"), address_1=address.street, city=address.municipality,
        state_province=body.state or "MX", postal_code=address.postal_code, country="MX", address_type="physical",
    )  # fmt: skip
    return HsdsLocation(id=uid(body.id, "location"), location_type="physical", name=body.name_es, addresses=[shown])


def _service(body: Agency, service: Service, known: Known) -> HsdsService:
    contacts, text = known.contacts.get(body.id, []), SERVICES[service].text
    key = (body.id, service.value)
    numbered = [(str(n), each) for n, each in enumerate(contacts)]
    return HsdsService(
        id=uid(*key), organization_id=uid(body.id), name=text.es, alternate_name=text.en, status="active",
        phones=[
            HsdsPhone(
                id=uid(*key, "phone", n), number=each.telephone, type="voice", description=ROLES[each.role].es
            )
            for n, each in numbered
            if each.telephone is not None
        ],
        schedules=[schedule for n, each in numbered for schedule in _schedules((*key, n), each)],
        service_areas=[_area(key, code) for code in sorted(body.territory)],
        attributes=[_attribute(key, service)],
        capacities=_capacities(key, known.rooms[body.id]) if body.id in known.rooms and _lodges(service) else [],
    )  # fmt: skip


def _lodges(service: Service) -> bool:
    return service is Service.SHELTER


def _schedules(key: tuple[str, ...], contact: DutyContact) -> list[HsdsSchedule]:
    offset = clock.now().astimezone(contact.contact().zone).utcoffset() or timedelta(0)
    return [
        HsdsSchedule(
            id=uid(*key, "schedule", str(n)), freq="WEEKLY", wkst="MO", byday=rules.byday(each.days),
            opens_at=each.opens, closes_at=each.closes, timezone=offset / timedelta(hours=1),
            description=ROLES[contact.role].es,
        )
        for n, each in enumerate(contact.week)
    ]  # fmt: skip


def _area(key: tuple[str, ...], code: str) -> HsdsArea:
    extent, kind = rules.area(code)
    return HsdsArea(id=uid(*key, "area", code), name=extent, extent=extent, extent_type=kind)


def _attribute(key: tuple[str, ...], service: Service) -> HsdsAttribute:
    taxonomy, name = rules.term(service)
    detail = HsdsTaxonomy(id=uid("taxonomy", taxonomy), name=taxonomy, description=f"Services by {taxonomy}")
    term = HsdsTerm(
        id=uid("term", taxonomy, service.value), code=service.value, name=name, description=SERVICES[service].text.en,
        taxonomy=taxonomy, taxonomy_detail=detail,
    )  # fmt: skip
    return HsdsAttribute(id=uid(*key, "attribute"), link_type="service_type", taxonomy_term=term)


def _capacities(key: tuple[str, ...], known: tuple[Certificate, Room]) -> list[HsdsCapacity]:
    certificate, room = known
    return [
        HsdsCapacity(
            id=uid(*key, "capacity", *each.key), unit=HsdsUnit(id=uid("unit", *each.key), name=f"Place: {_for(each)}"),
            available=places.free(each, certificate), maximum=each.capacity, description=_for(each), updated=room.as_of,
        )
        for each in room.units
    ]  # fmt: skip


def _for(unit: places.Unit) -> str:
    return f"{unit.sex} {unit.age_band}"
