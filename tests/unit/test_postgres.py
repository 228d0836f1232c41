"""The databases that tests run on are real, separate and cheap."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests import postgres
from tests.conftest import DatabaseFactory, MigratedFactory, PostgresFactory


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def test_a_database_of_either_kind_is_empty_and_writable(database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE child (id INTEGER)"))
        assert (await connection.execute(text("SELECT count(*) FROM child"))).scalar_one() == 0
    await engine.dispose()


async def test_two_databases_of_one_test_are_separate(new_database: DatabaseFactory) -> None:
    assert new_database() != new_database()


async def test_a_copy_has_the_rows_of_its_template_and_leaves_it_alone(
    postgres_database: PostgresFactory,
) -> None:
    template = postgres_database(None)
    connection = await asyncpg.connect(plain(template))
    await connection.execute("CREATE TABLE child AS SELECT 1 AS id")
    await connection.close()

    copies = [await asyncpg.connect(plain(postgres_database(template))) for _ in range(2)]

    await copies[0].execute("DELETE FROM child")
    assert [await copy.fetchval("SELECT count(*) FROM child") for copy in copies] == [0, 1]
    for copy in copies:
        await copy.close()


async def test_a_database_goes_even_while_somebody_is_connected(postgres_server: postgres.Server) -> None:
    url = postgres_server.create()
    connection = await asyncpg.connect(plain(url))
    postgres_server.drop(url)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()


async def test_durability_is_on_as_in_production(postgres_database: PostgresFactory) -> None:
    connection = await asyncpg.connect(plain(postgres_database(None)))
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.close()


async def test_the_server_goes_when_the_test_run_is_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    keeper = subprocess.Popen(
        [sys.executable, postgres.__file__, str(owner.pid), str(postgres.find_binaries())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert keeper.stdout is not None
    url = keeper.stdout.readline().strip()
    connection = await asyncpg.connect(url)
    folder = Path(await connection.fetchval("SHOW data_directory")).parent
    await connection.close()

    owner.kill()
    owner.communicate()

    deadline = time.monotonic() + 20
    while keeper.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    keeper.stdout.close()
    assert keeper.poll() is not None
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(url)


async def test_a_service_is_migrated_once_and_copied_for_each_test(
    migrated_database: MigratedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded: list[str] = []

    async def upgrade(package: str, url: str) -> None:
        upgraded.append(package)
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE child (id INTEGER)"))
        await engine.dispose()

    monkeypatch.setattr("shared.migrate.upgrade", upgrade)
    urls = [migrated_database("services.example") for _ in range(2)]
    assert upgraded == ["services.example"]
    assert len(set(urls)) == 2
    for url in urls:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO child VALUES (1)"))
            assert (await connection.execute(text("SELECT count(*) FROM child"))).scalar_one() == 1
        await engine.dispose()


def test_parallel_workers_make_a_thing_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("made")
        return "url"

    assert [postgres.once(tmp_path, "thing", make) for _ in range(3)] == ["url"] * 3
    assert made == ["made"]


def test_sqlite_has_what_the_hot_statements_need() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35), "RETURNING came with 3.35"
