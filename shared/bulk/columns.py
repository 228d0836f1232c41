"""The values of rows as a driver takes them: what SQLAlchemy's types say, with no call for a value that is plain."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Enum, LargeBinary, Table

from shared.db import UTCDateTime

Step = Callable[[Any], Any]


class Rendered:
    """JSON that is text already: a column of JSON takes it as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@lru_cache(maxsize=64)
def names_of(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in their order."""
    return tuple(column.name for column in table.columns)


@lru_cache(maxsize=64)
def values_of(table: Table) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Return what takes the values of a table's columns, in their order, out of a dict."""
    return itemgetter(*names_of(table))


def prepared(table: Table, values: tuple[Any, ...], dialect: Any) -> list[Any]:
    """Return the values of one row, in the order of its columns. None is NULL in every column."""
    made = list(values)
    for place, step in _steps(table, dialect):
        if (value := made[place]) is not None:
            made[place] = step(value)
    return made


@lru_cache(maxsize=256)
def _steps(table: Table, dialect: Any) -> tuple[tuple[int, Step], ...]:
    """Return the places of a row whose values do not go as they are, and what turns them."""
    steps = ((place, _step(column.type, dialect)) for place, column in enumerate(table.columns))
    return tuple((place, step) for place, step in steps if step is not None)


def _step(kind: Any, dialect: Any) -> Step | None:
    if isinstance(kind, UTCDateTime):
        return _moment if dialect.name == "postgresql" else _moment_as_text
    if isinstance(kind, Enum):
        return _code
    if isinstance(kind, JSON):
        return _json
    if isinstance(kind, LargeBinary):
        return None
    step: Step | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return step


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("A moment needs its time zone.")
    return value


def _moment_as_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = _moment(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]  # without the zone


def _code(value: Any) -> Any:
    return getattr(value, "_value_", value)


def _json(value: Any) -> str:
    return value.text if isinstance(value, Rendered) else json.dumps(value)


@lru_cache(maxsize=64)
def one_row(table: Table) -> str:
    """Return the statement by which SQLite inserts a row."""
    names = ", ".join(f'"{name}"' for name in names_of(table))
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" * len(table.columns))})'  # noqa: S608  (names are our own)
