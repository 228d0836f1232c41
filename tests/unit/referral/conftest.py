"""A referral service for each test, on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MigratedFactory
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
