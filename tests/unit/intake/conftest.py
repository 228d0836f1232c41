"""An intake service for each test, on either database."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.migrate import upgrade
from tests import postgres
from tests.unit.intake.world import World, empty

PACKAGE = "services.intake"


@contextmanager
def pair(server: postgres.Server) -> Iterator[tuple[str, str]]:
    """Two databases on PostgreSQL: data and keyring."""
    data, keyring = server.create(), server.create()
    postgres.run(upgrade(PACKAGE, data))
    yield data, keyring
    server.drop(data)
    server.drop(keyring)


@pytest.fixture(scope="session")
def own_postgres(postgres_server: postgres.Server) -> Iterator[tuple[str, str]]:
    """Databases that the tests of one process use one after the other."""
    with pair(postgres_server) as urls:
        yield urls


@pytest.fixture
def databases(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """The URLs of an empty database and an empty keyring, on either engine."""
    if database_kind == "postgresql":
        urls: tuple[str, str] = request.getfixturevalue("own_postgres")
        return urls
    migrated: Callable[[str], str] = request.getfixturevalue("migrated_database")
    return migrated(PACKAGE), f"sqlite+aiosqlite:///{tmp_path / 'keyring.db'}"


@pytest.fixture
async def world(databases: tuple[str, str], tmp_path: Path) -> AsyncIterator[World]:
    """The service, with a referral that takes everything in."""
    data, keyring = databases
    if data.startswith("postgresql"):
        await empty(data, keyring)
    async with World.open(data, keyring, tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def standing_databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The URLs of databases for one `standing_world`."""
    if request.param == "postgresql":
        with pair(request.getfixturevalue("postgres_server")) as urls:
            yield urls
        return
    folder = tmp_path_factory.mktemp("standing")
    urls = (f"sqlite+aiosqlite:///{folder / 'data.db'}", f"sqlite+aiosqlite:///{folder / 'keyring.db'}")
    postgres.run(upgrade(PACKAGE, urls[0]))
    yield urls


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing_world(
    standing_databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One service for many requests that leave nothing behind."""
    async with World.open(*standing_databases, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that the process logs, by any logger."""
    caplog.set_level(logging.DEBUG)
    return caplog
