"""The tables of assertions that have been used and of tokens that were revoked."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class UsedAssertion(SQLModel, table=True):
    """A client assertion that led to a token: never again, not after a restart, not at a sister process."""

    __tablename__ = "used_assertion"

    client_id: str = Field(primary_key=True)
    jti_digest: bytes = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)


class RevokedToken(SQLModel, table=True):
    """An access token that its client gave back: by its id, since one token can be written in several ways."""

    __tablename__ = "revoked_token"

    jti_digest: bytes = Field(primary_key=True)
    client_id: str
    revoked_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
