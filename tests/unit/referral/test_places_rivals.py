"""Two who want the last place of a shelter, on either database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.referral.agencies import store as directory
from services.referral.agencies.service import SYSTEM
from services.referral.places import service
from services.referral.places.models import PlaceUnit
from services.referral.places.rules import AgeBand, PlaceSex
from shared import clock
from shared.errors import RefusedByLaw
from tests.unit.referral.directory_world import CAS, put, room, send, sheltered
from tests.unit.referral.world import World, together


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    directory._Shelf.held = None


async def test_the_last_place_is_given_once_and_a_figure_overwrites_none_silently(world: World) -> None:
    await sheltered(world)
    now = clock.now()
    await put(world, CAS, f"/agencies/{CAS}/capacity", room((now - timedelta(hours=1)).isoformat()))

    async def take() -> bool:
        try:
            async with world.runtime.database.work() as session:
                await service.take(session, SYSTEM, CAS, PlaceSex.F, AgeBand.A12_17, now)
        except RefusedByLaw:
            return False
        return True

    assert sorted(await together(*(take() for _ in range(4)))) == [False, False, False, True]
    (unit,) = await world.rows(PlaceUnit, PlaceUnit.sex == PlaceSex.F)
    assert (unit.capacity, unit.occupied) == (4, 4)
    figures = [send(world, CAS, "PUT", f"/agencies/{CAS}/capacity", room(now.isoformat(), 2), '"v2"') for _ in range(3)]
    assert sorted(each.status_code for each in await together(*figures)) == [200, 412, 412]
    found = await world.get("pp-chp", "/free-places?state=MX-CHP&children=F14,F15")
    assert [(each["body_id"], each["free"]) for each in found["items"]] == [(CAS, 2)]
