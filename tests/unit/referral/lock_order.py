"""Watches in which order transactions lock on PostgreSQL: where all lock in one order, no two can wait for each other.

Clocks, transfers, referrals, the case, guards, then the numbers of events. A line of the timeline, and whatever else
points to a case, shares the case's lock, so it stands in the case's place. Who holds all clocks of a case holds its
referrals and transfers with them, since nobody locks one of those without its own clocks.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from shared.db import Database

ORDER = ("clock", "transfer", "referral", "route_case", "guard", "event_counter")
_UNDER_CLOCKS = ("clock", "transfer", "referral")
_LOCKED = re.compile(r"FROM (\w+).*FOR UPDATE", re.DOTALL)
_INSERTED = re.compile(r"INSERT INTO (\w+)")
_WHOLE = re.compile(r"WHERE (clock\.)?case_key = ")


@dataclass
class _Held:
    """What one transaction has locked so far."""

    highest: int = 0
    whole: bool = False
    """Whether it holds every clock of a case."""
    named: dict[str, set[str]] = field(default_factory=dict)

    def lock(self, table: str, statement: str, names: set[str], *, made: bool) -> bool:
        """Take a lock. Returns whether it came too late."""
        rank, known = ORDER.index(table), self.named.setdefault(table, set())
        held = bool(known & names) or (self.whole and table in _UNDER_CLOCKS)
        bare = table in ("transfer", "referral") and not made and "clock" not in self.named
        late = bare or (rank < self.highest and not held and not made)
        self.highest = self.highest if made else max(self.highest, rank)
        known |= names
        self.whole = self.whole or (table == "clock" and _WHOLE.search(statement) is not None)
        return late


@contextmanager
def watched(database: Database) -> Iterator[list[str]]:
    """Return the statements that lock too late, while the block runs. A list that stays empty is what is wished for."""
    late: list[str] = []
    held: dict[int, _Held] = {}
    engine = database.engine.sync_engine

    def before(connection: Any, _: Any, statement: str, given: Any, *__: Any) -> None:
        found, inserted = _LOCKED.search(statement), _INSERTED.match(statement)
        table = found[1] if found else _shared(inserted[1]) if inserted else None
        if table not in ORDER:
            return
        rows = given if isinstance(given, list) else [given]
        names = {value for row in rows for value in row if isinstance(value, str) and "_" in value}
        if inserted is not None and table == "route_case":
            names = {name for name in names if name.startswith("cas_")}
        mine = held.setdefault(id(connection.connection.dbapi_connection), _Held())
        made = inserted is not None and table in _UNDER_CLOCKS  # nobody else knows of it yet
        if mine.lock(table, statement, names, made=made):
            late.append(f"{table} after {ORDER[mine.highest]}: {statement[:300]}")

    def over(connection: Any) -> None:
        held.pop(id(connection.connection.dbapi_connection), None)

    listeners = (("before_cursor_execute", before), ("commit", over), ("rollback", over))
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield late
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)


def _shared(table: str) -> str:
    """Return whose lock an insert takes: a row that points to a case shares the case's."""
    return "route_case" if table in ("case_entry", "disclosure") else table
