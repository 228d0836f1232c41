"""Migrations: each service has its own Alembic history, and may be upgraded by several at once."""

import asyncio
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, inspect, text

from shared.db import Database

_LOCK = 0x0A1E
_REVISION = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)


def _folder(package: str) -> Path:
    return Path(str(files(package))) / "migrations"


@cache
def _history(package: str) -> dict[str, str | None]:
    """Return each revision of this code with the one before it.

    Read from the files themselves: every process needs it, and importing Alembic costs each 10 MB.
    """
    texts = [file.read_text() for file in _folder(package).glob("versions/*.py")]
    found = [dict(_REVISION.findall(text)) for text in texts]
    return {each["revision"]: each.get("down_revision") for each in found}


def revisions(package: str) -> frozenset[str]:
    """Return every revision that this code knows."""
    return frozenset(_history(package))


def head(package: str) -> str:
    """Return the revision that this code was written for."""
    history = _history(package)
    (newest,) = history.keys() - set(history.values())
    return newest


async def current(database: Database) -> str | None:
    """Return the revision that the database is at, or None. A reader, which on SQLite waits for no writer."""
    async with database.work(write=False) as session:
        return await (await session.connection()).run_sync(_current)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


async def upgrade(package: str, database_url: str) -> None:
    """Bring a database to the revision of this code. Safe to run by several processes at once."""
    database = Database(database_url, pool_size=1)
    try:
        if await current(database) == head(package):
            return
        async with database.engine.connect() as connection:
            await connection.run_sync(_upgrade, package, database.is_sqlite)
            await connection.commit()
    finally:
        await database.close()


def _upgrade(connection: Connection, package: str, is_sqlite: bool) -> None:
    from alembic import command
    from alembic.config import Config

    if not is_sqlite:  # on SQLite the transaction itself is the lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    settings = Config()
    settings.set_main_option("script_location", str(_folder(package)))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def run(context: Any, tables: MetaData) -> None:
    """What every `migrations/env.py` does: migrate over the connection it was given."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=tables, compare_type=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def upgrade_now(package: str, database_url: str) -> None:
    """Run `upgrade` from a program that has no event loop."""
    asyncio.run(upgrade(package, database_url))
