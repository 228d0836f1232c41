"""Where a search finds records: match keys and children in the database, data keys in the keyring."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.matches import store
from services.intake.matches.blind import blinded
from services.intake.matches.compare import Described, describe
from services.intake.matches.marks import marks
from services.intake.matches.search import Holders
from shared.crypto import Vault
from shared.keyring import Keyring, open_field
from shared.zones import local_day


class Record(NamedTuple):
    """What a search reads of a child. All but `identity` stands unsealed."""

    id: str
    key_id: str
    identity: bytes
    sex: str
    nationalities: list[str]
    languages: list[str]
    state: str
    day: Any


class Records:
    """The records of the database, in one transaction. Blocked children are left alone."""

    def __init__(self, session: AsyncSession, keyring: Keyring, vault: Vault, in_use: Sequence[str]) -> None:
        self.session = session
        self.keyring = keyring
        self.vault = vault
        self.in_use = in_use

    @classmethod
    async def of(cls, session: AsyncSession, keyring: Keyring, vault: Vault) -> "Records":
        """Return the records, searched by the current key of the vault and by each that children's keys still have."""
        others = await store.keys_in_use(session, [name for name in vault.names if name != vault.current])
        return cls(session, keyring, vault, [vault.current, *others])

    def kept(self, child: Described) -> list[int]:
        """Return the keys that are kept of a child: under the current key of the vault."""
        return blinded(self.vault, self.vault.current, marks(child))

    def keys(self, child: Described) -> list[int]:
        """Return the keys to search for a child by."""
        texts = marks(child)
        return [key for name in self.in_use for key in blinded(self.vault, name, texts)]

    async def holders(self, keys: Collection[int]) -> tuple[Holders, int | None]:
        """Return who has each of these keys, and how many children the last sweep counted."""
        return await store.holders(self.session, keys)

    async def rows(self, child_ids: Collection[str]) -> Sequence[Record]:
        """Return what stands unsealed of these children."""
        found = await store.described(self.session, child_ids)
        return [Record._make((*row[:-2], local_day(row.created_at, row.met_state or row.state))) for row in found]

    async def open(self, rows: Sequence[Record]) -> dict[str, Described]:
        """Open identities. Those whose data key was erased are missing."""
        keys = await self.keyring.find(*(row.key_id for row in rows))
        return {row.id: _described(row, keys[row.key_id]) for row in rows if row.key_id in keys}


def _described(row: Record, key: bytes) -> Described:
    plain = open_field(row.key_id, key, row.identity, table="child", column="identity", row=row.id)
    return describe(from_json(plain), row.day, sex=row.sex, nationalities=row.nationalities, languages=row.languages)
