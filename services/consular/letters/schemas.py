"""Letters as those who send them see them, and what they record."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.consular.letters.rules import How, LetterKind, LetterStatus
from shared.shapes import In, Out, Past

Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["opi-0417"], description="the officer's own number in the agency's system"),
]
FileNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{1,63}$"),
    Field(examples=["INM-CHP-2026-0417"], description="the number of the receipt or file that shows it"),
]


class LetterSentIn(In):
    """A letter was handed over."""

    officer: Officer
    sent_at: Past = Field(description="when it was handed over")
    how: How = Field(description="how", examples=["in_person"])
    evidence: FileNumber


class LetterOut(Out):
    """A letter as INM and the Procuraduría of the state see it."""

    id: str
    notice_id: str
    state: str = Field(description="the state where the child was handed over", examples=["MX-CHP"])
    consulate_id: str = Field(description="the post that it goes to", examples=["con-gtm-tapachula"])
    kind: LetterKind = Field(description="what it says", examples=["notice"])
    status: LetterStatus = Field(description="where it stands", examples=["to_send"])
    owed_at: datetime = Field(description="since when it is to be sent")
    sent_at: datetime | None = Field(description="when it was handed over", examples=[None])
    sent_by: str | None = Field(description="by which officer", examples=[None])
    how: How | None = Field(description="how", examples=[None])
    evidence: str | None = Field(description="the number of the receipt", examples=[None])
    in_time: bool | None = Field(description="whether within 30 minutes of its printing", examples=[None])
    recorded_at: datetime | None = Field(description="when that was recorded", examples=[None])
    recorded_by: str | None = Field(description="by which agency", examples=[None])
    allowed_actions: list[str]
