"""The database of one service: an engine, a unit of work, the column types. Only here is committed.

SQLite (WAL, FULL) and PostgreSQL run the same code. Writers on SQLite begin IMMEDIATE, since a
reader that turns writer fails at once with "database is locked" whatever the busy timeout.
"""

import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import JSON, Column, DateTime, Enum, Executable, LargeBinary, MetaData, Table, TypeDecorator, event
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateTable, DropTable
from sqlmodel import SQLModel, text
from sqlmodel.ext.asyncio.session import AsyncSession

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC. A naive one is refused: nobody knows what it meant."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        kind = TIMESTAMP(timezone=True) if dialect.name == "postgresql" else DateTime()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment needs its time zone.")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def coded(codes: type[StrEnum]) -> Any:
    """Return the column type of a code list: its values as plain text, so that a list may grow."""
    return Enum(codes, native_enum=False, length=64, values_callable=lambda kind: [code.value for code in kind])


_LOST_STATES = ("08", "25006", "40", "53", "57")
"""SQLSTATEs of a database that cannot serve now: no connection, a standby, rolled back, full, shut down."""


def is_lost(error: BaseException) -> bool:
    """Whether an error says that the database could not be had, so that a repetition may succeed."""
    if isinstance(error, OperationalError | PoolTimeout | sqlite3.OperationalError | asyncpg.InterfaceError | OSError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return str(getattr(getattr(error, "orig", error), "sqlstate", "")).startswith(_LOST_STATES)


def is_full(error: BaseException) -> bool:
    """Whether an error says that the database's disk has no room left."""
    original = getattr(error, "orig", error)
    codes = getattr(original, "sqlite_errorcode", None), getattr(original, "sqlstate", None)
    return codes[0] == sqlite3.SQLITE_FULL or codes[1] == "53100"


_READ_ONLY = "ruta_read_only"
_PROBE = Table("room_probe", MetaData(), Column("filler", LargeBinary))
_PROBE_BYTES = 65_536

JsonColumn: Any = JSON().with_variant(JSONB(), "postgresql")


def driver_url(url: str) -> str:
    """Turn a plain `postgresql://` or `sqlite://` secret into the URL of the asynchronous driver."""
    parsed = make_url(url)
    drivers = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
    return parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername)).render_as_string(False)


class Database:
    """One database: opens units of work and answers whether it is well."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = driver_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.full = False
        """Whether a write failed for want of room. `has_room` says when there is some again."""
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=not self.is_sqlite,
            connect_args={"timeout": 5} if self.is_sqlite else {"timeout": 5, "command_timeout": 30},
        )
        # Here, not where errors arrive: what ends a savepoint that SQLite has rolled back hides the first error.
        event.listen(self.engine.sync_engine, "handle_error", lambda context: self.note(context.original_exception))
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self.engine.sync_engine, "reset", _end_sqlite)

    @asynccontextmanager
    async def work(self, *, write: bool = True) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            session.info["database"] = self
            if not write:
                await session.connection(execution_options=_read_only(self.is_sqlite))
            yield session
            await session.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Read by plain statements in one transaction: without the cost of a session, for what is read often."""
        async with self.engine.connect() as connection:
            await connection.execution_options(**_read_only(self.is_sqlite))
            yield connection

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        async with self.work(write=False) as session:
            await session.scalar(text("SELECT 1"))

    def note(self, error: BaseException) -> None:
        """Remember that the disk is full, if that is what an error says."""
        self.full = self.full or is_full(error)

    async def has_room(self) -> bool:
        """Try whether there is room again, by a write that needs some and leaves nothing.

        A table of its own, since free space inside an old one would say nothing about the disk; committed, since
        SQLite writes only then. An error that speaks of something else is no sign of a full disk.
        """
        try:
            async with self.work() as session:
                await run(session, CreateTable(_PROBE))
                await run(session, _PROBE.insert(), {"filler": secrets.token_bytes(_PROBE_BYTES)})
                await run(session, DropTable(_PROBE))
            self.full = False
        except DBAPIError as error:
            self.full = is_full(error)
        return not self.full

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


def _read_only(is_sqlite: bool) -> dict[str, Any]:
    """Everything that one unit of work reads is of one moment, as SQLite's always is."""
    if is_sqlite:
        return {_READ_ONLY: True}
    return {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    read_only = bool(connection.get_execution_options().get(_READ_ONLY))
    if connection.info.get(_READ_ONLY) is not read_only:
        connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")  # as PostgreSQL refuses it, so do we
        connection.info[_READ_ONLY] = read_only  # of this connection to the file, as long as it lives
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


async def run(session: AsyncSession, statement: Executable, values: Any = None) -> Any:
    """Execute a statement that has no model: plain SQL, or Core on a table of our own."""
    return await (await session.connection()).execute(statement, values)


def _end_sqlite(connection: Any, _: Any, __: Any) -> None:
    """End what a failed COMMIT left open: it would go back to the pool with the write lock in its hands."""
    if connection.driver_connection.in_transaction:
        connection.rollback()


async def unit_of_work(request: Request) -> AsyncSession:
    """Return the session of a request, as `Session` depends on it: shared.routing opens one for whoever asks."""
    session: AsyncSession = request.state.session
    return session


Session = Annotated[AsyncSession, Depends(unit_of_work)]
"""The unit of work of this request: opened, committed and closed by shared.routing."""
