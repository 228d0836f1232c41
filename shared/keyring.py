"""Data keys, one per child, wrapped by the vault, in a small database of their own.

Its backups live shorter than those of the data: once a key is erased here, an old backup of the
data stays unreadable. Keys are written here before any row that needs them, in batches ahead of
need, so that a new child does not wait for a second commit.
"""

import asyncio
from datetime import datetime
from secrets import token_bytes

from sqlalchemy import Column, LargeBinary, MetaData, String, Table, delete, insert
from sqlmodel import select

from shared import clock, crypto, ids
from shared.crypto import SealBroken, Vault
from shared.db import Database, UTCDateTime

_metadata = MetaData()
_keys = Table(
    "data_key",
    _metadata,
    Column("id", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
)
_BATCH = 32


class Keyring:
    """Hands out fresh data keys and finds the old ones."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        self._ready: list[tuple[str, bytes]] = []
        self._filling = asyncio.Lock()

    async def create(self) -> None:
        """Create the one table, if it is not there."""
        async with self.database.engine.begin() as connection:
            await connection.run_sync(_metadata.create_all)

    async def fresh(self) -> tuple[str, bytes]:
        """Return the id and the bytes of a key that nobody has used and that is safely stored."""
        while not self._ready:
            async with self._filling:
                if not self._ready:
                    self._ready.extend(await self.several(_BATCH))
        return self._ready.pop()

    async def several(self, count: int) -> list[tuple[str, bytes]]:
        """Return that many such keys, stored in one commit."""
        made = [(ids.opaque("key"), token_bytes(32)) for _ in range(count)]
        now: datetime = clock.now()
        rows = [
            {"id": name, "wrapped": self.vault.seal(key, "data_key", name), "created_at": now} for name, key in made
        ]
        async with self.database.work() as session:
            await session.exec(insert(_keys), params=rows)
        return made

    async def find(self, *names: str) -> dict[str, bytes]:
        """Return the keys that still exist. An erased one is missing."""
        async with self.database.reading() as connection:
            rows = await connection.execute(select(_keys.c.id, _keys.c.wrapped).where(_keys.c.id.in_(names)))
            return {name: self.vault.open(wrapped, "data_key", name) for name, wrapped in rows}

    async def erase(self, name: str) -> None:
        """Destroy a key, and with it everything that was sealed under it."""
        async with self.database.work() as session:
            await session.exec(delete(_keys).where(_keys.c.id == name))


def seal_field(key_id: str, key: bytes, plain: bytes, *, table: str, column: str, row: str) -> bytes:
    """Encrypt one field under a child's data key, bound to table, column, row and key id."""
    return crypto.seal_with(key, plain, f"{table}/{column}/{row}/{key_id}")


def open_field(key_id: str, key: bytes | None, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
    """Undo `seal_field`. Raises SealBroken, also when the key was erased."""
    if key is None:
        raise SealBroken("the key was erased")
    return crypto.open_with(key, sealed, f"{table}/{column}/{row}/{key_id}")
