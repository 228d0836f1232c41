"""The table of signing keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from gateway.keys.rules import KeyState
from shared.db import JsonColumn, UTCDateTime, coded


def _one(state: KeyState) -> Index:
    here = text(f"state = '{state}'")
    return Index(f"uq_signing_key_{state}", "state", unique=True, postgresql_where=here, sqlite_where=here)


class SigningKey(SQLModel, table=True):
    """A key of the gateway. Its public half stays for ever: it verifies what was signed once."""

    __tablename__ = "signing_key"
    __table_args__ = (_one(KeyState.CURRENT), _one(KeyState.NEXT))

    kid: str = Field(primary_key=True)
    state: KeyState = Field(sa_type=coded(KeyState))
    public: dict[str, Any] = Field(sa_type=JsonColumn, description="its public half as a JWK")
    private: bytes | None = Field(
        default=None, description="PKCS #8 PEM, sealed; gone as soon as it signs nothing any more"
    )
    made_at: datetime = Field(sa_type=UTCDateTime)
    current_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
