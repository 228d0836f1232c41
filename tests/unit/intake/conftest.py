"""An intake service for each test, on either database."""

import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.migrate import upgrade
from tests import postgres
from tests.unit.intake.world import World, empty

PACKAGE = "services.intake"


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Reading the authorities' certificates takes longer than most of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def own_postgres(postgres_server: postgres.Server) -> Iterator[tuple[str, str]]:
    """Two databases on PostgreSQL, data and keyring, that the tests of one process use one after the other."""
    data, keyring = postgres_server.create(), postgres_server.create()
    postgres.run(upgrade(PACKAGE, data))
    yield data, keyring
    postgres_server.drop(data)
    postgres_server.drop(keyring)


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


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that the process logs, by any logger."""
    caplog.set_level(logging.DEBUG)
    return caplog
