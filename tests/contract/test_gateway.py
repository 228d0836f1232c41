"""What others rely on: the gateway's schema, its public addresses, its routing table."""

import json
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from gateway import upstreams
from gateway.main import api
from gateway.tables import TABLES
from shared import migrate, testing
from shared.db import Database
from shared.testing import Keys

PUBLIC = {
    ("POST", "/oauth/token"), ("POST", "/oauth/revoke"),
    ("GET", "/.well-known/jwks.json"), ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/errors"), ("GET", "/errors/{code}"), ("GET", "/status"),
}  # fmt: skip


async def test_the_migrations_make_exactly_the_tables_of_the_models(database_url: str) -> None:
    await migrate.upgrade("gateway", database_url)
    await migrate.upgrade("gateway", database_url)  # and may run again

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, TABLES))

    database = Database(database_url)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


def test_the_routing_table_has_three_rows() -> None:
    assert upstreams.UPSTREAMS == {f"/v1/{name}/": name for name in ("intake", "referral", "consular")}


async def test_of_the_gateways_own_addresses_these_are_public(tmp_path: Path) -> None:
    keys = Keys()
    runtime = testing.runtime(testing.settings("gateway", tmp_path, keys, f"sqlite+aiosqlite:///{tmp_path}/x.db"))
    async with testing.client(api(runtime)) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        operations = {(method.upper(), path): each for path, item in paths.items() for method, each in item.items()}
        assert {operation for operation, each in operations.items() if not each.get("security")} == PUBLIC
        assert all(path.startswith("/v1/gateway/") for _, path in operations.keys() - PUBLIC)
        for path in ("/nothing", "/v1", "/internal/events", "/console2", "/openapi.json/x"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert json.loads(answer.content)["code"] == "not_found"
        wrong = await client.post("/status")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    await runtime.close()


async def test_the_gateway_is_ready_once_its_database_is_migrated(database_url: str, tmp_path: Path) -> None:
    runtime = testing.runtime(testing.settings("gateway", tmp_path, Keys(), database_url))
    async with testing.client(api(runtime)) as client:
        assert (await client.get("/readyz")).status_code == 503
    await migrate.upgrade("gateway", database_url)
    async with testing.client(api(runtime)) as client:
        assert (await client.get("/readyz")).status_code == 200
    await runtime.close()
