"""A referral service for each test, on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import MigratedFactory, migrated_sqlite
from tests.unit.referral.world import World

# SQLModel advises against `execute`, which alone runs what is no select; the kernel uses it for that.
_ADVICE = r"ignore:\s+🚨 You probably want to use:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let SQLModel's advice pass in this folder. One line in pyproject.toml could replace this."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_ADVICE))


@pytest.fixture
async def world(migrated_database: MigratedFactory, tmp_path: Path) -> AsyncIterator[World]:
    """The service, migrated and connected to its sisters."""
    async with World.open(migrated_database("services.referral"), tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_world(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One service on SQLite for many requests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("standing")
    async with World.open(migrated_sqlite("services.referral", run_folder, folder), folder) as made:
        yield made
