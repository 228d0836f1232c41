"""A small service for each test, on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.shared.world import Receiver, World, server


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The service with an empty database."""
    async with World.open(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """A partner's system and its address."""
    made = Receiver()
    async with server(made.handle) as url:
        yield made, url
