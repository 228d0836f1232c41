"""A small service for each test, on either database."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import postgres
from tests.conftest import PostgresFactory
from tests.unit.shared.world import Receiver, World, create_tables, server


@pytest.fixture
def own_database() -> None:
    """For tests that change more than rows, or copy their database: it gets one that no other test uses."""


@pytest.fixture
def database_url(database_kind: str, run_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with the tables of the small service: made once in a run, copied for each test.

    On PostgreSQL it is the one that the test before has used, emptied, but for `own_database`.
    """
    if database_kind == "postgresql":
        return _on_postgres(run_folder, request)
    original, own = run_folder / "kernel.db", tmp_path / "kernel.db"
    postgres.once(run_folder, "sqlite-kernel", lambda: _made(f"sqlite:///{original}"))
    shutil.copyfile(original, own)
    return f"sqlite:///{own}"


def _on_postgres(run_folder: Path, request: pytest.FixtureRequest) -> str:
    server: postgres.Server = request.getfixturevalue("postgres_server")
    template = postgres.once(run_folder, "pg-kernel", lambda: _made(server.create()))
    if "own_database" in request.fixturenames:
        copy: PostgresFactory = request.getfixturevalue("postgres_database")
        return copy(template)
    standing: dict[str, str] = request.getfixturevalue("standing_postgres")
    if "kernel" in standing:
        server.empty(standing["kernel"])
    else:
        standing["kernel"] = server.create(template)
        server.keep(standing["kernel"])
    return standing["kernel"]


def _made(url: str) -> str:
    postgres.run(create_tables(url))
    return url


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
