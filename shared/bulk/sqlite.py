"""Writing on SQLite past SQLAlchemy: a whole transaction in one visit to the thread of the connection."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Taken(Exception):
    """A row with this key is already there: the whole bundle was left out."""


async def in_its_thread(driver: Any, work: Callable[..., None], *arguments: Any) -> None:
    """Do work on a connection in its own thread. A visit there costs more than an insert."""
    await driver._execute(work, driver._conn, *arguments)  # aiosqlite has no public name for it


@contextmanager
def in_sqlite(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that holds the write lock from its start. Raises Taken."""
    connection.execute("PRAGMA query_only=0")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.commit()
    except sqlite3.IntegrityError as error:
        connection.rollback()
        if error.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE):
            raise Taken from None
        raise
    except BaseException:
        connection.rollback()
        raise
