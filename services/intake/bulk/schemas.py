"""What systems see of uploads."""

from datetime import datetime

from pydantic import Field

from services.intake.bulk.rules import LoadState
from shared.shapes import Out


class BulkLoadOut(Out):
    """An upload: how far it is, and what became of its lines. What is counted is committed."""

    id: str = Field(description="its id", examples=["blk_019aa7c3f0e57d1e8c2f4b6a90d31e56"])
    state: LoadState = Field(description="whether it came to its end", examples=["finished"])
    attempts: int = Field(description="how often it was begun", examples=[1])
    started_at: datetime = Field(description="when the last attempt began")
    finished_at: datetime | None = Field(description="when it came to its end")
    last_line: int = Field(description="the last line that was taken in", examples=[10000])
    recorded: int = Field(description="lines that are encounters now", examples=[9990])
    known: int = Field(description="lines whose external_id was there already: they changed nothing", examples=[0])
    refused: int = Field(description="lines that were refused; their faults are listed", examples=[10])


class BulkErrorOut(Out):
    """One fault of one line."""

    line: int = Field(description="the line, counted from 1", examples=[17])
    code: str = Field(description="the kind of problem, as everywhere", examples=["invalid_request"])
    pointer: str = Field(description="JSON pointer to the field, or / and the column", examples=["/child/birth_date"])
    reason: str = Field(description="code: what is wrong with it; never its value", examples=["missing"])
    rule: str | None = Field(description="the rule of the route that refused")
