"""What a migration makes beside the tables of a service, and the wait for it: every init container's work."""

import asyncio

from shared import migrate, telemetry
from shared.crypto import Vault
from shared.db import Database
from shared.keyring import Keyring
from shared.settings import Settings

_PAUSE = 1.0
_PATIENCE = 5.0


async def create_keyring(settings: Settings) -> None:
    """Create the keyring's one table."""
    keyring = Keyring(Database(settings.keyring_url, pool_size=1), Vault.read(settings.kek_file))
    await keyring.create()
    await keyring.database.close()


async def awaited(package: str, settings: Settings) -> None:
    """Return once the database has the schema of this code, and the keyring, where there is one, its table.

    By the same rule by which a process becomes ready (DECISIONS.md, 22): a newer schema is waited out, too.
    """
    database = Database(settings.database_url, pool_size=1)
    keyring = None
    if settings.keyring_url:
        keyring = Keyring(Database(settings.keyring_url, pool_size=1), Vault.read(settings.kek_file))
    said: str | None = None
    while (reason := await _missing(package, database, keyring)) is not None:
        if reason != said:
            telemetry.say("info", "schema_awaited", service=settings.service, reason=reason)
            said = reason
        await asyncio.sleep(_PAUSE)
    await database.close()
    if keyring is not None:
        await keyring.database.close()


async def _missing(package: str, database: Database, keyring: Keyring | None) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            if await migrate.current(database) != migrate.head(package):
                return "the schema is another one"
    except Exception:  # whatever kept it from answering
        return "the database does not answer"
    try:
        async with asyncio.timeout(_PATIENCE):
            if keyring is not None:
                await keyring.find()
    except Exception:  # as above, or there is no table yet
        return "the keyring does not answer"
    return None
