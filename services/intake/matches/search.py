"""The search: a child's keys bring a few candidates; their identities are opened, compared and closed again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2
from typing import Any

from pydantic_core import from_json
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.matches import rules, store
from services.intake.matches.blind import blinded
from services.intake.matches.compare import Described, describe
from services.intake.matches.marks import marks
from services.intake.matches.rules import Band
from shared.crypto import Vault
from shared.keyring import Keyring, open_field
from shared.zones import local_day

MOST_OPENED = 60
"""So many candidates are opened for one search: those who share the rarest marks."""


@dataclass(frozen=True, slots=True)
class Found:
    """A child who may be the one that was searched for."""

    child_id: str
    state: str
    score: float
    band: Band
    reasons: dict[str, str]


async def search(
    session: AsyncSession, keyring: Keyring, child_id: str, child: Described, keys: Sequence[int]
) -> list[Found]:
    """Return who may be this child, the likeliest first."""
    sharing, size = await store.sharing(session, keys, child_id)
    if not sharing:
        return []
    chosen = sorted(sharing, key=lambda each: promise(sharing[each]), reverse=True)[:MOST_OPENED]
    rows = await store.described(session, chosen)
    opened = await keyring.find(*(row.key_id for row in rows))
    found = []
    for row in rows:
        if (other := _described(row, opened)) is not None:
            points, reasons = rules.score(child, other, min(sharing[row.id]), size or rules.LARGEST)
            band = rules.band(points, reasons)
            if band is not None:
                found.append(Found(row.id, row.state, round(points, 1), band, reasons))
    return sorted(found, key=lambda each: each.score, reverse=True)


def promise(shares: Iterable[int]) -> float:
    """How promising a candidate is who shares keys that so many have: many keys, and rare ones."""
    return sum(20 - log2(share) for share in shares)


def _described(row: Any, opened: Mapping[str, bytes]) -> Described | None:
    if row.key_id not in opened:
        return None  # erased
    plain = open_field(row.key_id, opened[row.key_id], row.identity, table="child", column="identity", row=row.id)
    return described(from_json(plain), row, local_day(row.created_at, row.state))


def described(identity: dict[str, Any], row: Any, day: date) -> Described:
    """Describe a child, or a row with its columns, for comparison. An estimate of its age was made on `day`."""
    return describe(identity, day, sex=row.sex, nationalities=row.nationalities, languages=row.languages)


async def keys_of(session: AsyncSession, vault: Vault, child: Described) -> tuple[list[int], list[int]]:
    """Return a child's keys under the current key of the vault, and all to search by.

    While another key is being replaced, children still have keys that were made with it.
    """
    texts = marks(child)
    current = blinded(vault, vault.current, texts)
    others = await store.keys_in_use(session, [name for name in vault.names if name != vault.current])
    return current, [*current, *(key for name in others for key in blinded(vault, name, texts))]
