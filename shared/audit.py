"""Who changed what, and who read what identifies a child: a row in the same transaction.

Rows are numbered and chained afterwards by one sealer per service (a chain head inside the
transaction cost five of six transactions). What a row says beyond ids is held by a salted
commitment, so that it can be erased and the chain still verifies.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids, jsons, telemetry
from shared.auth import Caller
from shared.db import JsonColumn, UTCDateTime


class AuditEntry(SQLModel, table=True):
    """One thing that was done. `seq` and `digest` come from the sealer, within a second."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_unsealed", "id", postgresql_where=text("seq IS NULL"), sqlite_where=text("seq IS NULL")),
    )

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    client_id: str
    agency: str
    office: str | None = None
    action: str
    resource: str
    resource_id: str
    request_id: str | None = None
    details: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    salt: bytes | None = None
    commitment: str
    seq: int | None = Field(default=None, unique=True)
    digest: str | None = None


class AuditCheckpoint(SQLModel, table=True):
    """A signed statement that the chain had this digest at this number."""

    __tablename__ = "audit_checkpoint"

    seq: int = Field(primary_key=True)
    digest: str
    at: datetime = Field(sa_type=UTCDateTime)
    statement: str = Field(description="a compact JWS over seq, digest and time")


def entry(
    caller: Caller,
    action: str,
    resource: str,
    resource_id: str,
    details: dict[str, Any],
    *,
    make: Callable[..., AuditEntry] = AuditEntry,
) -> AuditEntry:
    """Build an audit row. `details` holds codes, ids and field names, never what they contain.

    A hot path says by `make` how its rows are built (shared.bundle.bare).
    """
    salt = secrets.token_bytes(16)
    return make(
        id=ids.new("aud"), at=clock.now(), client_id=caller.client_id, agency=caller.agency, office=caller.office,
        action=action, resource=resource, resource_id=resource_id, request_id=telemetry.request_id(),
        details=details, salt=salt, commitment=commit_to(details, salt),
    )  # fmt: skip


def wrote(session: AsyncSession, caller: Caller, action: str, resource: str, resource_id: str, **details: Any) -> None:
    """Record a change, in the transaction of the change."""
    session.add(entry(caller, action, resource, resource_id, details))


def read(session: AsyncSession, caller: Caller, resource: str, resource_id: str, **details: Any) -> None:
    """Record a reading of what identifies a child (R34)."""
    session.add(entry(caller, "read", resource, resource_id, details))


def commit_to(details: dict[str, Any], salt: bytes) -> str:
    """Return the salted digest that stands for `details` in the chain."""
    return hashlib.sha256(salt + jsons.canonical(details)).hexdigest()


def link(previous: str, row: AuditEntry, seq: int) -> str:
    """Return the digest of `row` as number `seq` of the chain."""
    content = {
        "seq": seq, "previous": previous, "id": row.id, "at": row.at.isoformat(), "client_id": row.client_id,
        "agency": row.agency, "office": row.office, "action": row.action, "resource": row.resource,
        "resource_id": row.resource_id, "request_id": row.request_id, "commitment": row.commitment,
    }  # fmt: skip
    return hashlib.sha256(jsons.canonical(content)).hexdigest()


GENESIS = "0" * 64
"""What the first row of a chain links to."""


def first_broken(rows: list[AuditEntry], previous: str = GENESIS, seq: int = 0) -> int | None:
    """Return the number of the first row that was edited, removed, inserted or moved, if any.

    `rows` are sealed and in order; `previous` and `seq` are what stood before the first of them.
    """
    for row in rows:
        seq += 1
        whole = row.details is None or (row.salt is not None and commit_to(row.details, row.salt) == row.commitment)
        if row.seq != seq or row.digest != link(previous, row, seq) or not whole:
            return seq
        previous = row.digest
    return None


UNSEALED = col(AuditEntry.seq).is_(None)
