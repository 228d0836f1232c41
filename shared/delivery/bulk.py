"""Many rows in one statement: arrays on PostgreSQL, executemany on SQLite.

Row by row, PostgreSQL plans and answers each of them; as arrays a whole batch is one round trip.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import run

Row = Mapping[str, Any]


async def update(session: AsyncSession, table: sa.Table, rows: Sequence[Row]) -> None:
    """Set the columns that the rows name, in the rows with their `id`. All rows name the same columns."""
    if rows:
        names = tuple(name for name in rows[0] if name != "id")
        await _run(session, _update_many if _is_sqlite(session) else _update_arrays, table, names, rows)


async def insert(session: AsyncSession, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows that all name the same columns."""
    if rows:
        await _run(session, _insert_many if _is_sqlite(session) else _insert_arrays, table, tuple(rows[0]), rows)


async def upsert(session: AsyncSession, table: sa.Table, rows: Sequence[Row], key: tuple[str, ...]) -> None:
    """Insert rows, or set their other columns where a row with this key is there."""
    if rows:
        build = _upsert_many if _is_sqlite(session) else _upsert_arrays
        await _run(session, build, table, tuple(rows[0]), rows, key)


def _is_sqlite(session: AsyncSession) -> bool:
    return bool(session.info["database"].is_sqlite)


async def _run(
    session: AsyncSession, build: Any, table: sa.Table, names: tuple[str, ...], rows: Sequence[Row], *more: Any
) -> None:
    statement = build(table, names, *more)
    if _is_sqlite(session):
        await run(session, statement, [{f"b_{name}": value for name, value in row.items()} for row in rows])
    else:
        await run(session, statement, {f"b_{name}": [row[name] for row in rows] for name in rows[0]})


def _slots(table: sa.Table, names: Sequence[str]) -> dict[str, Any]:
    return {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in names}


def _arrays(table: sa.Table, names: Sequence[str]) -> Any:
    arrays = [sa.bindparam(f"b_{name}", type_=sa.ARRAY(_plain(table.c[name].type))) for name in names]
    columns = [sa.column(name, table.c[name].type) for name in names]
    return sa.func.unnest(*arrays).table_valued(*columns, name="new").render_derived()


def _plain(kind: Any) -> Any:
    """A code list travels as text."""
    return sa.String() if isinstance(kind, sa.Enum) else kind


@lru_cache(maxsize=64)
def _update_many(table: sa.Table, names: tuple[str, ...]) -> Any:
    return sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(_slots(table, names))


@lru_cache(maxsize=64)
def _update_arrays(table: sa.Table, names: tuple[str, ...]) -> Any:
    new = _arrays(table, ("id", *names))
    return sa.update(table).where(table.c.id == new.c.id).values({name: new.c[name] for name in names})


@lru_cache(maxsize=64)
def _insert_many(table: sa.Table, names: tuple[str, ...]) -> Any:
    return sa.insert(table).values(_slots(table, names))


@lru_cache(maxsize=64)
def _insert_arrays(table: sa.Table, names: tuple[str, ...]) -> Any:
    new = _arrays(table, names)
    chosen = sa.select(*(new.c[name] for name in names))
    return sa.insert(table).from_select(list(names), chosen, include_defaults=False)


@lru_cache(maxsize=64)
def _upsert_many(table: sa.Table, names: tuple[str, ...], key: tuple[str, ...]) -> Any:
    statement = sqlite.insert(table).values(_slots(table, names))
    others = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=others)


@lru_cache(maxsize=64)
def _upsert_arrays(table: sa.Table, names: tuple[str, ...], key: tuple[str, ...]) -> Any:
    new = _arrays(table, names)
    statement = postgresql.insert(table).from_select(
        list(names), sa.select(*(new.c[name] for name in names)), include_defaults=False
    )
    others = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=others)
