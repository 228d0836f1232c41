"""Every SQL statement on shelters."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.places.models import BodyLocation, Certification, PlaceCount, PlaceUnit
from services.referral.places.rules import AgeBand, Certificate, PlaceSex, Room, Unit
from shared.auth import Caller

SEEKERS = (Kind.PP, Kind.DIF, Kind.MUNICIPAL_DIF, Kind.CAS, Kind.CSO)
"""Who reads how many places are free: who places children, and who takes them in."""


def readable(_: Caller) -> Any:
    """Select certificates: the register of centres is public (LGDNNA, art. 112)."""
    return select(Certification)


async def certification(
    session: AsyncSession, caller: Caller, body_id: str, *, lock: bool = False
) -> Certification | None:
    """Return the certificate of a centre."""
    statement = readable(caller).where(Certification.body_id == body_id)
    found: Certification | None = (await session.exec(_locked(statement) if lock else statement)).first()
    return found


async def count(session: AsyncSession, body_id: str, *, lock: bool = False) -> PlaceCount | None:
    """Return what a centre, whose places the caller may read, has said last, locked if wished."""
    statement = select(PlaceCount).where(PlaceCount.body_id == body_id)
    return (await session.exec(_locked(statement) if lock else statement)).first()


async def units(session: AsyncSession, body_ids: Collection[str]) -> Sequence[PlaceUnit]:
    """Return the places of centres, by kind."""
    statement = select(PlaceUnit).where(col(PlaceUnit.body_id).in_(body_ids)).execution_options(populate_existing=True)
    return (await session.exec(statement.order_by(col(PlaceUnit.sex), col(PlaceUnit.age_band)))).all()


async def replace(session: AsyncSession, body_id: str, given: Collection[Unit]) -> None:
    """Put a centre's places in the place of what it said before."""
    await session.exec(delete(PlaceUnit).where(col(PlaceUnit.body_id) == body_id))
    session.add_all([
        PlaceUnit(
            body_id=body_id, sex=each.sex, age_band=each.age_band, capacity=each.capacity, occupied=each.occupied,
            held=each.held,
        )
        for each in given
    ])  # fmt: skip
    await session.flush()


async def counted(
    session: AsyncSession, caller: Caller, body_ids: Collection[str]
) -> dict[str, tuple[Certificate, Room]]:
    """Return the certificates and places of those of these centres that have both."""
    certified = (await session.exec(readable(caller).where(col(Certification.body_id).in_(body_ids)))).all()
    counts = (await session.exec(select(PlaceCount).where(col(PlaceCount.body_id).in_(body_ids)))).all()
    said = {each.body_id: each for each in counts}
    places: dict[str, list[PlaceUnit]] = {}
    for unit in await units(session, said):
        places.setdefault(unit.body_id, []).append(unit)
    return {
        each.body_id: (certificate_of(each), room_of(said[each.body_id], places.get(each.body_id, [])))
        for each in certified
        if each.body_id in said
    }


async def location(session: AsyncSession, body_id: str, *, lock: bool = False) -> BodyLocation | None:
    """Return where a body is, sealed."""
    statement = select(BodyLocation).where(BodyLocation.body_id == body_id)
    return (await session.exec(_locked(statement) if lock else statement)).first()


async def public_locations(session: AsyncSession) -> Sequence[BodyLocation]:
    """Return the locations that exports may show."""
    return (await session.exec(select(BodyLocation).where(col(BodyLocation.public).is_(True)))).all()


def certificate_of(row: Certification) -> Certificate:
    """Return a certificate as the rules know it."""
    places = tuple(Unit(PlaceSex(each["sex"]), AgeBand(each["age_band"]), each["capacity"]) for each in row.places)
    return Certificate(row.valid_until, row.suspended_at is not None, places)


def room_of(said: PlaceCount, found: Collection[PlaceUnit]) -> Room:
    """Return a centre's places as the rules know them."""
    return Room(tuple(unit_of(each) for each in found), said.as_of)


def unit_of(row: PlaceUnit) -> Unit:
    """Return places of one kind as the rules know them."""
    return Unit(row.sex, row.age_band, row.capacity, row.occupied, row.held)


def _locked(statement: Any) -> Any:
    return statement.with_for_update().execution_options(populate_existing=True)
