"""The small service of the kernel's tests, for the tests of the delivery engine."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shared import clock
from tests.unit.delivery.desk import Desk
from tests.unit.delivery.endpoint_world import Hook
from tests.unit.shared.conftest import database_url, own_database, receiver, world  # noqa: F401  (fixtures)
from tests.unit.shared.world import World, server


@pytest.fixture
def desk(world: World) -> Desk:  # noqa: F811  (the fixture above)
    """The small service as its owners and operators use it."""
    return Desk.of(world)


@pytest.fixture
def held_time() -> Iterator[None]:
    """Time stands still, except where a test moves it."""
    with clock.at(clock.now()):
        yield


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    """A receiver that proves its address, and that address."""
    made = Hook()
    async with server(made.handle) as url:
        yield made, f"{url}/hook"
