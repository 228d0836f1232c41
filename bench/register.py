"""A register of made-up children in the database, as the service would have written it, without the service's speed.

Worker processes make the rows: what officers wrote down, sealed, with its keys. One process writes them: COPY on
PostgreSQL, one transaction on SQLite, the match keys last and in order, so that their tree grows at its end.
"""

import itertools
import multiprocessing
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_bytes
from threading import Semaphore
from typing import Any

import asyncpg
import numpy as np

from bench.people.children import Child, children
from bench.people.meetings import Meeting, meetings_of
from services.intake.children.schemas import Identity
from services.intake.matches.blind import blinded, packed
from services.intake.matches.compare import Described, describe
from services.intake.matches.marks import GENERATION, marks
from shared import ids, jsons
from shared.crypto import Vault
from shared.db import Database
from shared.keyring import Keyring, seal_field

__all__ = ["Label", "Loaded", "load", "of"]
_BATCH, _AHEAD = 1_000, 40
"""Children that a worker takes at once, and batches that wait to be made or written."""
_COLUMNS = {
    "child": (
        "id", "key_id", "identity", "sex", "nationalities", "residence", "stateless_doubt", "languages", "relatives",
        "state", "created_by", "created_at", "version", "retention_class",
    ),
    "data_key": ("id", "wrapped", "created_at"),
    "match_child": ("child_id", "key_id", "version", "keys", "generation"),
    "match_key": ("key", "child_id"),
    "match_progress": ("name", "position"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """Who a record is really of, what went wrong when it was written, and what its request had at hand."""

    child_id: str
    child: int
    errors: frozenset[str]
    described: Described


@dataclass(frozen=True, slots=True)
class _Made:
    """The rows of one record."""

    label: Label
    child: tuple[Any, ...]
    data_key: tuple[Any, ...]
    keys: bytes


class Loaded:
    """What is in the register."""

    def __init__(self) -> None:
        self.labels: list[Label] = []
        self.of_child: dict[int, list[Label]] = defaultdict(list)

    def add(self, label: Label) -> None:
        """Add a record."""
        self.labels.append(label)
        self.of_child[label.child].append(label)

    def others(self, label: Label) -> list[Label]:
        """Return the other records of the same child."""
        return [each for each in self.of_child[label.child] if each.child_id != label.child_id]


def of(meeting: Meeting) -> Described:
    """Describe a meeting as the service describes a child."""
    return describe(
        meeting.identity, meeting.at.date(), sex=meeting.sex, nationalities=[meeting.nationality],
        languages=[meeting.language],
    )  # fmt: skip


async def load(
    database: Database, keyring: Keyring, vault: Vault, seed: int, size: int, *, workers: int | None = None
) -> Loaded:
    """Write every meeting with so many children of a seed, each as a child of its own. Returns who is who."""
    loaded = Loaded()
    writer, data_keys = await _writer(database), await _writer(keyring.database)
    keys: list[Any] = []
    with _making(vault, workers) as made_of:
        for made in made_of(_batches(seed, size)):
            await writer.add("child", [each.child for each in made])
            await data_keys.add("data_key", [each.data_key for each in made])
            held = [(each.label.child_id, vault.current, 1, each.keys, GENERATION) for each in made]
            await writer.add("match_child", held)
            for each in made:
                keys.append(np.frombuffer(each.keys, dtype=">i8").astype(np.int64))
                loaded.add(each.label)
    await writer.add("match_key", _in_order(keys, [label.child_id for label in loaded.labels]))
    await writer.add("match_progress", [("size", str(len(loaded.labels)))])
    await writer.end()
    await data_keys.end()
    return loaded


async def _writer(database: Database) -> "_Sqlite | _Postgres":
    return _Sqlite(database.url) if database.is_sqlite else await _Postgres.open(database.url)


def _in_order(keys: list[Any], names: list[str]) -> Iterable[tuple[int, str]]:
    """Yield every key with the record that has it, in the order of the keys."""
    holders = np.repeat(np.arange(len(keys), dtype=np.int32), [len(each) for each in keys])
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    for at in range(0, len(order), 100_000):
        part = order[at : at + 100_000]
        yield from zip(every[part].tolist(), (names[holder] for holder in holders[part].tolist()), strict=True)


_Batch = tuple[int, list[Child]]


def _batches(seed: int, size: int) -> Iterator[_Batch]:
    everyone = itertools.islice(children(seed), size)
    while batch := list(itertools.islice(everyone, _BATCH)):
        yield seed, batch


@contextmanager
def _making(vault: Vault, workers: int | None) -> Iterator[Callable[[Iterator[_Batch]], Iterator[list[_Made]]]]:
    """Yield what turns children into rows, batch by batch: in so many processes, or with 0 in this one."""
    if workers == 0:
        _begin(vault)
        yield lambda batches: map(_made, batches)
        return
    waiting = Semaphore(_AHEAD)

    def bounded(batches: Iterator[_Batch]) -> Iterator[_Batch]:
        for batch in batches:
            waiting.acquire()  # given back when the batch is written
            yield batch

    def made_of(batches: Iterator[_Batch]) -> Iterator[list[_Made]]:
        for made in pool.imap(_made, bounded(batches)):
            yield made
            waiting.release()

    with multiprocessing.get_context("spawn").Pool(workers or os.cpu_count(), _begin, (vault,)) as pool:
        yield made_of


_vault: list[Vault] = []


def _begin(vault: Vault) -> None:
    _vault[:] = [vault]


def _made(batch: _Batch) -> list[_Made]:
    seed, those = batch
    return [_record(_vault[0], meeting) for child in those for meeting in meetings_of(seed, child)]


def _record(vault: Vault, meeting: Meeting) -> _Made:
    child_id, key_id, key = ids.new("chd"), ids.opaque("key"), token_bytes(32)
    plain = Identity.model_construct(**meeting.identity).model_dump_json(exclude_defaults=True, warnings=False).encode()
    sealed = seal_field(key_id, key, plain, table="child", column="identity", row=child_id)
    described = of(meeting)
    child: tuple[Any, ...] = (
        child_id, key_id, sealed, meeting.sex, [meeting.nationality], None, False, [meeting.language], [],
        meeting.state, "inm", meeting.at, 1, "CHILD_RECORD",
    )  # fmt: skip
    wrapped = vault.seal(key, "data_key", key_id)
    label = Label(child_id, meeting.child, meeting.errors, described)
    return _Made(label, child, (key_id, wrapped, meeting.at), packed(blinded(vault, vault.current, marks(described))))


class _Sqlite:
    """Writes rows to a file, all in one transaction."""

    def __init__(self, url: str) -> None:
        self.file = sqlite3.connect(url.partition(":///")[2], isolation_level=None)
        self.file.execute("PRAGMA synchronous=OFF")
        self.file.execute("PRAGMA cache_size=-1000000")
        self.file.execute("BEGIN")

    async def add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        columns = _COLUMNS[table]
        slots = ", ".join("?" * len(columns))
        plain = rows if table == "match_key" else (tuple(map(_plain, row)) for row in rows)
        self.file.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({slots})", plain)  # noqa: S608  (names are our own)

    async def end(self) -> None:
        self.file.execute("COMMIT")
        self.file.execute("ANALYZE")
        self.file.close()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return jsons.canonical(value).decode()
    if not hasattr(value, "tzinfo"):
        return value
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")  # as SQLAlchemy writes moments


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

    async def add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        await self.connection.copy_records_to_table(table, records=rows, columns=_COLUMNS[table])

    async def end(self) -> None:
        await self.connection.execute("VACUUM ANALYZE")
        await self.connection.close()
