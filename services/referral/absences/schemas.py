"""What is said of absences."""

from datetime import datetime

from pydantic import Field

from services.referral.absences.rules import AbsenceEnd, AbsenceKind, Circumstances, Finding, FoundHow
from services.referral.cases.schemas import Officer
from shared.shapes import In, Note, Out, Past, State


class AbsenceIn(In):
    """A child left care, or nobody knows where it is."""

    kind: AbsenceKind = Field(description="LEFT_CARE, or MISSING: nobody knows where it is", examples=["MISSING"])
    circumstances: Circumstances = Field(description="how it came about", examples=["DID_NOT_COME_BACK"])
    noticed_at: Past = Field(description="when it was noticed")
    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class ReviewIn(In):
    """The search was reviewed."""

    finding: Finding = Field(description="what was found", examples=["NO_TRACE"])
    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class FoundIn(In):
    """The child was found, or came back."""

    how: FoundHow = Field(description="how", examples=["CAME_BACK"])
    state: State | None = Field(default=None, description="where, if in another state: its authorities take over")
    officer: Officer


class ReviewOut(Out):
    """A review of the search; `finding` is null while it is due."""

    number: int = Field(description="1 for the first", examples=[1])
    finding: Finding | None = Field(description="what was found", examples=[None])
    note: str | None = Field(description="in words", examples=[None])
    reviewed_by: str | None = Field(description="agency and officer", examples=[None])
    reviewed_at: datetime | None = Field(description="when", examples=[None])


class AbsenceOut(Out):
    """An absence. Words are shown to the Procuraduría, to the DIF in charge and to whoever reported it."""

    id: str = Field(description="its id", examples=["abs_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    case_id: str
    kind: AbsenceKind = Field(description="LEFT_CARE or MISSING", examples=["MISSING"])
    circumstances: Circumstances = Field(description="how it came about", examples=["DID_NOT_COME_BACK"])
    noticed_at: datetime = Field(description="when it was noticed", examples=["2026-11-20T15:04:05Z"])
    note: str | None = Field(description="in words", examples=[None])
    agency: str = Field(description="who reported it", examples=["dif-chp"])
    officer: str = Field(description="the officer's number", examples=["dif-0031"])
    reported_at: datetime = Field(description="when it was reported", examples=["2026-11-20T15:04:05Z"])
    ended_at: datetime | None = Field(description="when it ended", examples=[None])
    ended_how: AbsenceEnd | None = Field(description="how it ended", examples=[None])
    ended_by: str | None = Field(description="who said so; null: Ruta itself", examples=[None])
    found_state: str | None = Field(description="the other state where the child was found", examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    reviews: list[ReviewOut] = Field(description="of the search, oldest first")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["review", "find"]])


class Absences(Out):
    """The absences of a case, oldest first."""

    items: list[AbsenceOut]
