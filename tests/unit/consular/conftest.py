"""A consular service for each test, on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MigratedFactory
from tests.unit.consular.world import Receiver, World, server


@pytest.fixture
async def world(migrated_database: MigratedFactory, tmp_path: Path) -> AsyncIterator[World]:
    """The service, with a referral that permits everything until it is told otherwise."""
    async with World.open(migrated_database("services.consular"), tmp_path) as made:
        yield made


@pytest.fixture
async def receiver(world: World) -> AsyncIterator[Receiver]:
    """The system of the Honduran consulate at Tapachula, registered."""
    made = Receiver()
    async with server(made.handle) as url:
        made.registered = await world.register(url)
        yield made
