"""Alerts as they are posted and read."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from services.referral.alerts.rules import LONGEST, AlertSource, AlertState, Level
from shared.shapes import In, Line, Out, State

Count = Annotated[int, Field(ge=0, le=100_000)]
Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["opi-0417"], description="the officer's own number in the agency's system"),
]


class AlertIn(In):
    """What an authority sees coming. Numbers are estimates; leave out what nobody knows."""

    state: State = Field(description="where", examples=["MX-CHP"])
    point: Line = Field(description="the place, in words; never a shelter's", examples=["Puente Rodolfo Robles"])
    level: Level = Field(description="how much is asked of those who read it", examples=["PREPARE"])
    source: AlertSource = Field(description="where it comes from", examples=["GRUPO_BETA"])
    under_6: Count | None = Field(default=None, description="expected children of 0 to 5", examples=[10])
    from_6_to_11: Count | None = Field(default=None, description="expected children of 6 to 11", examples=[20])
    from_12_to_17: Count | None = Field(default=None, description="expected adolescents", examples=[60])
    unaccompanied: Count | None = Field(default=None, description="of all these, alone", examples=[25])
    starts_at: AwareDatetime = Field(description="from when", examples=["2035-01-10T06:00:00Z"])
    ends_at: AwareDatetime = Field(description="until when; then it is over", examples=["2035-01-17T06:00:00Z"])
    officer: Officer

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST:
            raise ValueError("an alert ends after it starts, and within 90 days")
        known = [n for n in (self.under_6, self.from_6_to_11, self.from_12_to_17) if n is not None]
        if self.unaccompanied is not None and len(known) == 3 and self.unaccompanied > sum(known):
            raise ValueError("more children alone than children")
        return self


class AlertOut(Out):
    """An alert as the authorities of the territory read it."""

    id: str = Field(description="its id", examples=["alt_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    state: str = Field(description="where", examples=["MX-CHP"])
    point: str = Field(description="the place, in words", examples=["Puente Rodolfo Robles"])
    level: Level = Field(description="how much is asked of those who read it", examples=["PREPARE"])
    source: AlertSource = Field(description="where it comes from", examples=["GRUPO_BETA"])
    under_6: int | None = Field(description="expected children of 0 to 5", examples=[10])
    from_6_to_11: int | None = Field(description="expected children of 6 to 11", examples=[20])
    from_12_to_17: int | None = Field(description="expected adolescents", examples=[60])
    unaccompanied: int | None = Field(description="of all these, alone", examples=[25])
    starts_at: datetime = Field(description="from when", examples=["2035-01-10T06:00:00Z"])
    ends_at: datetime = Field(description="until when", examples=["2035-01-17T06:00:00Z"])
    agency: str = Field(description="who posted it", examples=["inm-chp"])
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    posted_at: datetime = Field(description="when it was posted", examples=["2026-11-20T15:04:05Z"])
    withdrawn_at: datetime | None = Field(description="when it was withdrawn", examples=[None])
    standing: AlertState = Field(description="whether it still stands", examples=["standing"])
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["withdraw"]])
