"""What Procuradurías send and see of half-yearly reports."""

from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from services.referral.cas_reports.rules import Operation, ReportStatus, VisitResult
from shared.shapes import Day, In, Out, Slug


class CentreReported(In):
    """A centre in the register."""

    cas: Slug = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    operation: Operation = Field(description="whether it works", examples=["OPERATING"])


class VisitReported(In):
    """A visit to a centre."""

    cas: Slug = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    visited_on: Day = Field(description="the day", examples=["2026-10-05"])
    result: VisitResult = Field(description="what it found", examples=["MEETS"])
    again_by: Day | None = Field(default=None, description="until when it is visited again", examples=[None])


class ReportIn(In):
    """A half-yearly report: the register as it is now, and the visits of the half-year."""

    centres: list[CentreReported] = Field(max_length=2000, description="every centre of the state")
    visits: list[VisitReported] = Field(max_length=5000, description="the visits of the half-year")

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({each.cas for each in self.centres}) != len(self.centres):
            raise ValueError("a centre is repeated")
        return self


class ReportItem(Out):
    """A report in a list."""

    id: str = Field(description="its id", examples=["rep_019aa7c3f0e57d1e8c2f4b6a90d31e71"])
    agency: str = Field(description="the Procuraduría that owes it", examples=["pp-chp"])
    state: str = Field(description="its state", examples=["MX-CHP"])
    half_year: str = Field(description="of which half-year: H1 is January to June", examples=["2026-H2"])
    status: ReportStatus = Field(description="where it stands", examples=["owed"])
    due_at: datetime = Field(description="when the half-year ends there")
    submitted_at: datetime | None = Field(description="when it was submitted or corrected last", examples=[None])
    acknowledged_at: datetime | None = Field(description="when the federal Procuraduría took it in", examples=[None])
    acknowledged_by: str | None = Field(description="by whom", examples=[None])
    created_at: datetime
    version: int
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["submit"]])


class ReportOut(ReportItem):
    """A report, whole."""

    centres: list[CentreReported] | None = Field(description="the register; null while it is owed")
    visits: list[VisitReported] | None = Field(description="the visits; null while it is owed")
