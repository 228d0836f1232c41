"""Migrations: each service has its own Alembic history, and may be upgraded by several at once."""

import asyncio
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from shared.db import Database

_LOCK = 0x0A1E


def config(package: str) -> Config:
    """Return Alembic's configuration of a service, such as `services.intake`."""
    made = Config()
    made.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    return made


@cache
def head(package: str) -> str:
    """Return the revision that this code was written for."""
    found = ScriptDirectory.from_config(config(package)).get_current_head()
    assert found is not None
    return found


async def current(database: Database) -> str | None:
    """Return the revision that the database is at, or None."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


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
    if not is_sqlite:  # on SQLite the transaction itself is the lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    settings = config(package)
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
