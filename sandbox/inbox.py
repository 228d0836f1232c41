"""What the receiver has received, on disk before it is acknowledged: a killed receiver forgets nothing."""

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    verified INTEGER NOT NULL,
    reason TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    body TEXT NOT NULL,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    -- A forged message never counts as a repetition of the real one.
    UNIQUE (name, id, verified)
);
CREATE TABLE IF NOT EXISTS partner (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL DEFAULT '',
    mode TEXT NOT NULL DEFAULT 'ok'
);
"""


@dataclass(frozen=True)
class Message:
    """One message; a repetition of it only counts up."""

    name: str
    id: str
    verified: bool
    reason: str
    timestamp: str
    body: str
    first_at: float = 0.0
    last_at: float = 0.0
    times: int = 1

    def to_json(self) -> dict[str, Any]:
        """As the list endpoint shows it; a body that is JSON is shown as such."""
        return {**vars(self), "body": self.content()}

    def content(self) -> Any:
        """The body, parsed where it is JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body

    @property
    def type(self) -> str:
        """The event type that the body names, if it does."""
        content = self.content()
        return str(content.get("type", "")) if isinstance(content, dict) else ""


class Inbox:
    """A SQLite file; every write is on disk when the method returns."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)

    def add(self, message: Message) -> None:
        """Keep a message, or count it up when it is here already."""
        now = time.time()
        self._database.execute(
            "INSERT INTO message (name, id, verified, reason, timestamp, body, first_at, last_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (name, id, verified) DO UPDATE SET times = times + 1, last_at = excluded.last_at",
            (
                message.name,
                message.id,
                message.verified,
                message.reason,
                message.timestamp,
                message.body,
                now,
                now,
            ),
        )

    def messages(self, name: str | None = None) -> list[Message]:
        """All messages, or those of one partner, oldest first."""
        rows = self._database.execute(
            "SELECT name, id, verified, reason, timestamp, body, first_at, last_at, times FROM message"
            " WHERE ? IS NULL OR name = ? ORDER BY number",
            (name, name),
        )
        return [Message(row[0], row[1], bool(row[2]), *row[3:]) for row in rows]

    def secret(self, name: str) -> str:
        """The secret that a partner verifies with; empty before it has one."""
        return str(self._setting("SELECT secret FROM partner WHERE name = ?", name, ""))

    def mode(self, name: str) -> str:
        """How a partner answers."""
        return str(self._setting("SELECT mode FROM partner WHERE name = ?", name, "ok"))

    def set_secret(self, name: str, secret: str) -> None:
        """Replace a partner's secret."""
        self._database.execute(
            "INSERT INTO partner (name, secret) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET secret = excluded.secret",
            (name, secret),
        )

    def set_mode(self, name: str, mode: str) -> None:
        """Replace how a partner answers."""
        self._database.execute(
            "INSERT INTO partner (name, mode) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET mode = excluded.mode",
            (name, mode),
        )

    def _setting(self, query: str, name: str, default: str) -> Any:
        row = self._database.execute(query, (name,)).fetchone()
        return row[0] if row else default
