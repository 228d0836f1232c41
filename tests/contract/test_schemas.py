"""The migrations of each service make exactly the tables that its models describe, on both databases."""

import importlib
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel

from shared.db import Database
from shared.migrate import current, head, upgrade
from tests.conftest import MigratedFactory

SERVICES = ["services.intake", "services.referral", "services.consular"]


def differences(connection: Connection, package: str) -> list[Any]:
    """Compare with the models of the kernel and of one service; other tests may have registered more."""
    tables = {
        mapper.local_table.name  # type: ignore[attr-defined]  # a Table, as for every model here
        for mapper in SQLModel._sa_registry.mappers
        if mapper.class_.__module__.startswith(("shared.", f"{package}."))
    }

    def own(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
        return kind != "table" or reflected or name in tables

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": own})
    return list(compare_metadata(context, SQLModel.metadata))


@pytest.mark.parametrize("package", SERVICES)
async def test_the_migrations_make_the_tables_of_the_models(package: str, migrated_database: MigratedFactory) -> None:
    importlib.import_module(f"{package}.main")
    database = Database(migrated_database(package))
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, package) == []
    await database.close()


@pytest.mark.parametrize("package", SERVICES)
async def test_upgrading_again_changes_nothing(package: str, migrated_database: MigratedFactory) -> None:
    url = migrated_database(package)
    await upgrade(package, url)
    database = Database(url)
    assert await current(database) == head(package)
    await database.close()
