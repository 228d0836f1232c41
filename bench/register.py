"""A register of made-up children in the database, as the service would have written it, without the service's speed."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

import asyncpg

from bench.people.meetings import Meeting, meetings
from services.intake.children.schemas import Identity
from services.intake.matches.blind import blinded, packed
from services.intake.matches.compare import Described, describe
from services.intake.matches.marks import marks
from shared import ids, jsons
from shared.crypto import Vault
from shared.db import Database
from shared.keyring import Keyring, seal_field

__all__ = ["Label", "at_hand", "load", "meetings", "of", "others"]
_BATCH = 20_000
_CHILD = (
    "id", "key_id", "identity", "sex", "nationalities", "residence", "stateless_doubt", "languages", "relatives",
    "state", "created_by", "created_at", "version", "retention_class",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """Who a record is really of, and what went wrong when it was written."""

    child_id: str
    child: int
    errors: frozenset[str]
    meeting: Meeting


_kept: dict[str, Label] = {}
_of_child: dict[int, list[Label]] = defaultdict(list)


def of(meeting: Meeting) -> Described:
    """Describe a meeting as the service describes a child."""
    return describe(
        meeting.identity, meeting.at.date(), sex=meeting.sex, nationalities=[meeting.nationality],
        languages=[meeting.language],
    )  # fmt: skip


def at_hand(child_id: str) -> Described:
    """Return the description of a record, as the request that records it has it."""
    return of(_kept[child_id].meeting)


def others(label: Label) -> list[Label]:
    """Return the other records of the same child."""
    return [each for each in _of_child[label.child] if each.child_id != label.child_id]


async def load(database: Database, keyring: Keyring, vault: Vault, met: Iterable[Meeting]) -> list[Label]:
    """Write children, their sealed identities, data keys and match keys. Returns the labels."""
    _kept.clear()
    _of_child.clear()
    writer = _Sqlite(database.url) if database.is_sqlite else await _Postgres.open(database.url)
    keys = _Sqlite(keyring.database.url)
    for batch in _batches(met):
        made = [_made(vault, meeting) for meeting in batch]
        await writer.add("child", _CHILD, [child for child, _, _ in made])
        await keys.add("data_key", ("id", "wrapped", "created_at"), [key for _, key, _ in made])
        held = [(child[0], vault.current, 1, packed(marked)) for child, _, marked in made]
        await writer.add("match_child", ("child_id", "key_id", "version", "keys"), held)
        await writer.add("match_key", ("key", "child_id"), sorted((k, child[0]) for child, _, own in made for k in own))
        for meeting, (child, _, _) in zip(batch, made, strict=True):
            label = Label(child[0], meeting.child, meeting.errors, meeting)
            _kept[child[0]] = label
            _of_child[meeting.child].append(label)
    await writer.add("match_progress", ("name", "position"), [("size", str(len(_kept)))])
    await writer.end()
    await keys.end()
    return list(_kept.values())


def _batches(met: Iterable[Meeting]) -> Iterator[list[Meeting]]:
    batch: list[Meeting] = []
    for meeting in met:
        batch.append(meeting)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _made(vault: Vault, meeting: Meeting) -> tuple[tuple[Any, ...], tuple[Any, ...], list[int]]:
    child_id, key_id, key = ids.new("chd"), ids.opaque("key"), token_bytes(32)
    plain = Identity.model_construct(**meeting.identity).model_dump_json(exclude_defaults=True, warnings=False).encode()
    sealed = seal_field(key_id, key, plain, table="child", column="identity", row=child_id)
    child: tuple[Any, ...] = (
        child_id, key_id, sealed, meeting.sex, [meeting.nationality], None, False, [meeting.language], [],
        meeting.state, "inm", meeting.at, 1, "CHILD_RECORD",
    )  # fmt: skip
    wrapped = vault.seal(key, "data_key", key_id)
    return child, (key_id, wrapped, meeting.at), blinded(vault, vault.current, marks(of(meeting)))


class _Sqlite:
    """Writes rows to a file."""

    def __init__(self, url: str) -> None:
        self.file = sqlite3.connect(url.partition(":///")[2])
        self.file.execute("PRAGMA synchronous=OFF")
        self.file.execute("PRAGMA cache_size=-1000000")

    async def add(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        slots = ", ".join("?" * len(columns))
        plain = [tuple(map(_plain, row)) for row in rows]
        self.file.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({slots})", plain)  # noqa: S608  (names are our own)
        self.file.commit()

    async def end(self) -> None:
        self.file.execute("ANALYZE")
        self.file.close()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return jsons.canonical(value).decode()
    return value.replace(tzinfo=None).isoformat(" ") if hasattr(value, "tzinfo") else value


class _Postgres:
    """Writes rows by COPY."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    async def open(cls, url: str) -> "_Postgres":
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", format="binary", encoder=lambda value: b"\x01" + jsons.canonical(value),
            decoder=lambda value: jsons.loads(value[1:]),
        )  # fmt: skip
        return cls(connection)

    async def add(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        await self.connection.copy_records_to_table(table, records=rows, columns=columns)

    async def end(self) -> None:
        await self.connection.execute("VACUUM ANALYZE")
        await self.connection.close()
