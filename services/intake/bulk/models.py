"""Tables of uploads. Rows of a batch stand there with what the batch wrote: one transaction, or nothing."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class BulkLoad(SQLModel, table=True):
    """One upload, however often it is sent: its id follows from client, address and Idempotency-Key."""

    __tablename__ = "bulk_load"

    id: str = Field(primary_key=True)
    agency: str = Field(index=True)
    office: str | None = None
    client_id: str
    media_type: str
    attempts: int = Field(description="how often it was begun; the last one is told")
    started_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class BulkBatch(SQLModel, table=True):
    """Lines that were taken in together."""

    __tablename__ = "bulk_batch"

    load_id: str = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    last_line: int = Field(primary_key=True)
    recorded: int
    known: int
    refused: int
    at: datetime = Field(sa_type=UTCDateTime)


class BulkError(SQLModel, table=True):
    """One fault of one line: where and what kind, never the value."""

    __tablename__ = "bulk_error"

    load_id: str = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    id: str = Field(primary_key=True, description="line and number of the fault, so that they sort")
    line: int
    code: str
    pointer: str
    reason: str
    rule: str | None = None
