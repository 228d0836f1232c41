"""What goes to the driver past SQLAlchemy is what SQLAlchemy would have sent."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Date, Enum, LargeBinary, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

import services.consular.main
import services.intake.main
import services.referral.main  # noqa: F401  (the tables of every service)
from shared.bulk.columns import Rendered, prepared
from shared.db import UTCDateTime

_POSTGRESQL: Any = postgresql.asyncpg.dialect
DIALECTS: dict[str, Any] = {"sqlite": sqlite.dialect(), "postgresql": _POSTGRESQL()}
ELSEWHERE = timezone(timedelta(hours=-6))
MOMENTS = [
    datetime(2026, 3, 1, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 1, 23, 59, 59, 7, tzinfo=ELSEWHERE),
    datetime(1, 1, 1, tzinfo=UTC),
]


def samples(kind: Any) -> list[Any]:
    """Values that a column of this type takes."""
    if isinstance(kind, UTCDateTime):
        return MOMENTS
    if isinstance(kind, Enum):
        return [*(kind.enum_class or ()), *kind.enums]
    if isinstance(kind, JSON):
        return [[], ["HND"], {"a": {"b": [1, None, "ñ"]}}]
    if isinstance(kind, Boolean):
        return [True, False]
    if isinstance(kind, Date):
        return [date(2026, 3, 1)]
    if isinstance(kind, LargeBinary):
        return []
    plain: dict[type, list[Any]] = {int: [7], float: [1.5]}
    return plain.get(kind.python_type, ["ñandú"])


def columns() -> Iterator[tuple[Table, int, Any]]:
    for table in SQLModel.metadata.sorted_tables:
        for place, column in enumerate(table.columns):
            for value in samples(column.type):
                yield table, place, value


def alone(table: Table, place: int, value: Any, dialect: Any) -> Any:
    """Prepare a row that has nothing but one value."""
    values: list[Any] = [None] * len(table.columns)
    values[place] = value
    return prepared(table, tuple(values), dialect)[place]


@pytest.mark.parametrize("name", DIALECTS)
def test_every_column_of_every_service_gets_what_sqlalchemy_would_send(name: str) -> None:
    dialect, seen = DIALECTS[name], set()
    for table, place, value in columns():
        kind = list(table.columns)[place].type
        process = kind.dialect_impl(dialect).bind_processor(dialect)
        expected = process(value) if process else value
        found = alone(table, place, value, dialect)
        assert (found, type(found)) == (expected, type(expected)), f"{table.name}.{list(table.columns)[place].name}"
        seen.add(type(kind))
    assert {UTCDateTime, Enum, Boolean, Date} <= seen


@pytest.mark.parametrize("name", DIALECTS)
def test_a_moment_without_its_zone_is_refused(name: str) -> None:
    table = SQLModel.metadata.tables["clock"]
    place = list(table.columns.keys()).index("due_at")
    with pytest.raises(ValueError, match="time zone"):
        alone(table, place, datetime(2026, 3, 1), DIALECTS[name])  # noqa: DTZ001  (that is the point)


@pytest.mark.parametrize("name", DIALECTS)
def test_json_that_is_text_already_goes_as_it_is_and_bytes_too(name: str) -> None:
    event, child = (SQLModel.metadata.tables[each] for each in ("event", "child"))
    data, identity = (list(table.columns.keys()).index(each) for table, each in ((event, "data"), (child, "identity")))
    assert alone(event, data, Rendered('{"a":1}'), DIALECTS[name]) == '{"a":1}'
    assert alone(child, identity, b"sealed", DIALECTS[name]) == b"sealed"
