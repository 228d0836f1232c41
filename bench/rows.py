"""Rows by the driver alone: what stands in one database goes into an empty one by executemany."""

import sqlite3
import time
from typing import Any

import asyncpg

from tests import postgres

_FIRST = ("endpoint",)
_TABLES = ("child", "encounter", "clock", "event_counter", "event", "delivery", "audit_entry")
"""What a line writes into, what is referred to first."""


def copied(source: str, target: str, transactions: int) -> float:
    """Copy, in so many transactions. Returns the seconds that writing took."""
    return (
        _sqlite(source, target, transactions)
        if source.startswith("sqlite")
        else postgres.run(_postgresql(source, target, transactions))
    )


def _part(rows: list[Any], number: int, of: int) -> list[Any]:
    return rows[len(rows) * number // of : len(rows) * (number + 1) // of]


def _sqlite(source: str, target: str, transactions: int) -> float:
    old, new = (sqlite3.connect(url.partition(":///")[2], isolation_level=None) for url in (source, target))
    kept = {name: old.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in (*_FIRST, *_TABLES)}  # noqa: S608  (names are our own)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        new.execute(f"PRAGMA {pragma}")
    began = time.perf_counter()
    for number in range(transactions):
        new.execute("BEGIN IMMEDIATE")
        for name, rows in kept.items():
            part = rows * (number == 0) if name in _FIRST else _part(rows, number, transactions)
            if part:
                new.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(part[0]))})", part)  # noqa: S608  (as above)
        new.execute("COMMIT")
    took = time.perf_counter() - began
    for connection in (old, new):
        connection.close()
    return took


async def _postgresql(source: str, target: str, transactions: int) -> float:
    old, new = [await asyncpg.connect(url.replace("+asyncpg", "")) for url in (source, target)]
    kept: dict[str, list[Any]] = {}
    for name in (*_FIRST, *_TABLES):
        kept[name] = await old.fetch(f"SELECT * FROM {name} ORDER BY ctid")  # noqa: S608  (names are our own)
    began = time.perf_counter()
    for number in range(transactions):
        async with new.transaction():
            for name, rows in kept.items():
                part = rows * (number == 0) if name in _FIRST else _part(rows, number, transactions)
                if part:
                    slots = ", ".join(f"${place + 1}" for place in range(len(part[0])))
                    await new.executemany(f"INSERT INTO {name} VALUES ({slots})", part)  # noqa: S608  (as above)
    took = time.perf_counter() - began
    for connection in (old, new):
        await connection.close()
    return took
