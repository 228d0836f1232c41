"""Databases for every test, and the rule that CI skips nothing."""

import gc
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache
from xdist.scheduler import LoadScopeScheduling

from tests import postgres

_FOLDER = "RUTA_TEST_FOLDER"  # tells parallel workers where this run keeps what they share
_OWNER = "RUTA_TEST_OWNER"
_PROCESSES = ("tests/e2e/", "tests/delivery/")
"""Tests that kill and pause processes, and mostly wait for them: one worker takes them all, one after another."""

_FIRST = (*_PROCESSES, "tests/contract/test_openapi_live.py", "tests/contract/test_docs.py")
"""What takes longest: at the end of the run it would be waited for alone."""

DatabaseFactory = Callable[[], str]
MigratedFactory = Callable[[str], str]
PostgresFactory = Callable[[str | None], str]


# -- the run -------------------------------------------------------------------------------------------


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    _share_compiled_statements()
    gc.set_threshold(20_000, 20, 20)  # a seventh of the time went into looking through modules that stay
    if not _is_worker(config):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="ruta-tests-")
        os.environ[_OWNER] = str(os.getpid())


def _share_compiled_statements() -> None:
    """Let every engine of a process use what another has compiled: each test has a new engine, and the same statements.

    The key of SQLAlchemy's cache holds the dialect, so two dialects that are set up alike have to be equal.
    """
    for dialect in (PGDialect_asyncpg, SQLiteDialect_aiosqlite):
        compiled: LRUCache[Any, Any] = LRUCache(5_000)
        changes = {
            "__hash__": lambda self: hash(type(self)),
            "__eq__": lambda self, other: type(self) is type(other),
            "engine_created": lambda engine, compiled=compiled: setattr(engine, "_compiled_cache", compiled),
        }
        for name, change in changes.items():
            setattr(dialect, name, change)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is imported and collected by now is there until the end


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types of its own
    """Shares tests out by file; those of whole processes are one share, for they would slow each other."""

    def _split_scope(self, nodeid: str) -> str:
        return "processes" if nodeid.startswith(_PROCESSES) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: next((n for n, each in enumerate(_FIRST) if item.nodeid.startswith(each)), len(_FIRST)))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _is_worker(config):
        return
    folder = Path(os.environ.pop(_FOLDER))
    if url := os.environ.get("TEST_POSTGRES_URL"):
        for template in folder.glob("pg-*.made"):  # somebody's own server is left as it was found
            postgres.Server(url).drop(template.read_text())
    shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With RUTA_NO_SKIP=1 a skipped test is a failure: where everything is installed, it hides a hole."""
    if _is_worker(session.config) or os.environ.get("RUTA_NO_SKIP") != "1":
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and (skipped := len(reporter.stats.get("skipped", []))):
        reporter.write_line(f"\nRUTA_NO_SKIP=1: {skipped} skipped, which counts as failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """What the parallel workers of this run share; deleted at its end."""
    return Path(os.environ[_FOLDER])


# -- PostgreSQL ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> postgres.Server:
    """The PostgreSQL server of this run."""
    try:
        return postgres.shared_server(run_folder, int(os.environ[_OWNER]))
    except postgres.NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.fixture
def postgres_database(postgres_server: postgres.Server) -> Iterator[PostgresFactory]:
    """Makes databases, empty or copied from a template; they are gone after the test."""
    made: list[str] = []

    def create(template: str | None = None) -> str:
        made.append(postgres_server.create(template))
        return made[-1]

    yield create
    for url in made:
        postgres_server.drop(url)


# -- either database -----------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Every test that touches a database runs on both."""
    return str(request.param)


@pytest.fixture
def new_database(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> DatabaseFactory:
    """Makes empty databases, for tests that need several."""
    if database_kind == "postgresql":
        create: PostgresFactory = request.getfixturevalue("postgres_database")
        return lambda: create(None)
    return lambda: _sqlite_url(Path(tempfile.mkdtemp(dir=tmp_path)) / "test.db")


@pytest.fixture
def database_url(new_database: DatabaseFactory) -> str:
    """An empty database."""
    return new_database()


@pytest.fixture(scope="session")
def standing_postgres(postgres_server: postgres.Server) -> Iterator[dict[str, str]]:
    """Databases that the tests of one process use one after the other, by the service that has migrated them."""
    made: dict[str, str] = {}
    yield made
    for url in made.values():
        postgres_server.drop(url)


@pytest.fixture
def migrated_database(
    database_kind: str, run_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> MigratedFactory:
    """Makes databases that a service has migrated: once per run and service, copied for each test.

    For example `migrated_database("services.intake")`. On PostgreSQL the first one of a test is the one that the test
    before it has used, emptied.
    """
    if database_kind == "postgresql":
        return _migrated_postgres(run_folder, request)

    return lambda package: migrated_sqlite(package, run_folder, Path(tempfile.mkdtemp(dir=tmp_path)))


def _migrated_postgres(run_folder: Path, request: pytest.FixtureRequest) -> MigratedFactory:
    server: postgres.Server = request.getfixturevalue("postgres_server")
    create: PostgresFactory = request.getfixturevalue("postgres_database")
    standing: dict[str, str] = request.getfixturevalue("standing_postgres")
    in_use: set[str] = set()

    def get(package: str) -> str:
        if package in in_use:
            return create(migrated_template(package, run_folder, server))
        in_use.add(package)
        if package in standing:
            server.empty(standing[package])
        else:
            standing[package] = server.create(migrated_template(package, run_folder, server))
            server.keep(standing[package])
        return standing[package]

    return get


def migrated_template(package: str, run_folder: Path, server: postgres.Server) -> str:
    """The database on PostgreSQL that a service has migrated, to be copied: made once in a run."""
    return postgres.once(run_folder, f"pg-{package}", lambda: _migrated(package, server.create()))


def migrated_sqlite(package: str, run_folder: Path, folder: Path) -> str:
    """A copy, in a folder, of the SQLite database that a service has migrated once in this run."""
    original, copy = run_folder / f"{package}.db", folder / "test.db"
    postgres.once(run_folder, f"sqlite-{package}", lambda: _migrated(package, _sqlite_url(original)))
    shutil.copyfile(original, copy)
    return _sqlite_url(copy)


def _migrated(package: str, url: str) -> str:
    """Migrate a new database to the newest revision; returns its URL."""
    # Imported only here, so that tests without a database do not pay for Alembic.
    from shared.migrate import upgrade

    postgres.run(upgrade(package, url))
    if url.startswith("sqlite"):
        # Into the one file that is copied: write-ahead logging may have left something beside it.
        with closing(sqlite3.connect(url.partition(":///")[2])) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return url


def _sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"
