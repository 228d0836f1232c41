"""What UPM says when it releases a period, and what readers see of releases."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from shared.shapes import In, Line, Out

Month = Annotated[
    str,
    StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$"),
    Field(description="a month, such as 2026-01", examples=["2026-01"]),
]


class ReleaseIn(In):
    """Release a period now, or revise what was released."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"first_month": "2026-01", "last_month": "2026-01", "note": "Late records of Tapachula", "final": False}
    ]})  # fmt: skip

    first_month: Month
    last_month: Month
    note: Line | None = Field(default=None, description="why it is revised; the first release needs none")
    final: bool = Field(default=False, description="whether these figures are meant to stay")


class ReleaseOut(Out):
    """A release of all tables of one period."""

    id: str = Field(description="its id", examples=["rel_019aa7c3f0e57d1e8c2f4b6a90d31e61"])
    first_month: Month = Field(description="the first month")
    last_month: Month = Field(description="the last month")
    version: int = Field(description="1, and one more for each revision")
    final: bool = Field(description="whether its figures are meant to stay")
    note: str | None = Field(description="why it was revised")
    made_by: str = Field(description="the agency that made it; `intake` where its time had come")
    made_at: datetime = Field(description="when; nothing that was recorded later is in it")
