"""The migrations make exactly the tables that the models describe."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel

import services.consular.main  # noqa: F401  (its imports register every table)
from shared.db import Database
from shared.migrate import current, head, upgrade
from tests.conftest import MigratedFactory

PACKAGE = "services.consular"


def own(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
    """Leave out the tables of other services, which other tests of this process may have registered."""
    tables = {
        mapper.local_table.name  # type: ignore[attr-defined]  # a Table, as for every model here
        for mapper in SQLModel._sa_registry.mappers
        if mapper.class_.__module__.startswith(("shared.", "services.consular."))
    }
    return kind != "table" or reflected or name in tables


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": own})
    return list(compare_metadata(context, SQLModel.metadata))


async def test_migrated_schema_equals_the_models(migrated_database: MigratedFactory) -> None:
    database = Database(migrated_database(PACKAGE))
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_upgrading_again_changes_nothing(migrated_database: MigratedFactory) -> None:
    url = migrated_database(PACKAGE)
    await upgrade(PACKAGE, url)
    database = Database(url)
    assert await current(database) == head(PACKAGE)
    await database.close()
