"""An intake service for each test, on either database."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.crypto import Vault
from shared.db import Database
from shared.keyring import Keyring
from tests import postgres
from tests.conftest import MigratedFactory, migrated_sqlite, migrated_template
from tests.unit.intake.world import World

PACKAGE = "services.intake"


@pytest.fixture(scope="session")
def postgres_keyring(postgres_server: postgres.Server) -> Iterator[str]:
    """A keyring that the tests of one process use one after the other."""
    url = postgres_server.create()
    postgres.run(_keyring(url))
    postgres_server.keep(url)
    yield url
    postgres_server.drop(url)


async def _keyring(url: str) -> None:
    database = Database(url, pool_size=1)
    await Keyring(database, Vault("k1", {"k1": bytes(32)})).create()
    await database.close()


@pytest.fixture
def databases(
    database_kind: str, migrated_database: MigratedFactory, tmp_path: Path, request: pytest.FixtureRequest
) -> tuple[str, str]:
    """The URLs of an empty database and an empty keyring, on either engine."""
    keyring = f"sqlite+aiosqlite:///{tmp_path / 'keyring.db'}"
    if database_kind == "postgresql":
        keyring = request.getfixturevalue("postgres_keyring")
        request.getfixturevalue("postgres_server").empty(keyring)
    return migrated_database(PACKAGE), keyring


@pytest.fixture
async def world(databases: tuple[str, str], tmp_path: Path) -> AsyncIterator[World]:
    """The service, with a referral that takes everything in."""
    async with World.open(*databases, tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def standing_databases(
    request: pytest.FixtureRequest, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The URLs of databases for one `standing_world`: data and keyring."""
    if request.param == "postgresql":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        urls = server.create(migrated_template(PACKAGE, run_folder, server)), server.create()
        yield urls
        for url in urls:
            server.drop(url)
        return
    folder = tmp_path_factory.mktemp("standing")
    yield migrated_sqlite(PACKAGE, run_folder, folder), f"sqlite+aiosqlite:///{folder / 'keyring.db'}"


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
