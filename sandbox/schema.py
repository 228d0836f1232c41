"""Whether SQLite databases still have the schema that they were last given, told without loading Alembic.

Migrating loads Alembic and each service's models, which costs a warm start a second or more.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def is_current(record: Path, databases: Iterable[Path]) -> bool:
    """Whether nothing has changed since `remember`: neither the migrations nor what the databases say."""
    try:
        known = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return False
    return bool(known == _state(databases))


def remember(record: Path, databases: Iterable[Path]) -> None:
    """Note down that these databases have just been migrated with these migrations."""
    record.write_text(json.dumps(_state(databases), indent=1))


def _state(databases: Iterable[Path]) -> dict[str, Any]:
    # The revision of each database counts too: somebody may have put back an older copy of one.
    return {"migrations": _digest(), "revisions": {file.name: _revision(file) for file in databases}}


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in ("gateway", "services", "shared"):
        for file in sorted((ROOT / folder).glob("**/migrations/**/*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _revision(file: Path) -> list[str] | None:
    """What Alembic has noted in a database; None when there is no such database or note."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as database:
        try:
            rows = database.execute("SELECT version_num FROM alembic_version ORDER BY version_num")
            return [str(row[0]) for row in rows]
        except sqlite3.DatabaseError:
            return None
