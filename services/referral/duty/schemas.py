"""What bodies send and see of duty contacts."""

from datetime import time
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from services.referral.duty import rules
from services.referral.duty.rules import Contact, DutyRole, Weekday
from shared.shapes import Day, In, Out

Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["08:00"])]
Telephone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"), Field(examples=["+529615550100"])]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}$", max_length=254),
    Field(examples=["guardia@example.org"]),
]


def _zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError("no zone of Mexico, and not UTC")
    return name


ZONES = frozenset({
    "America/Bahia_Banderas", "America/Cancun", "America/Chihuahua", "America/Ciudad_Juarez", "America/Hermosillo",
    "America/Matamoros", "America/Mazatlan", "America/Merida", "America/Mexico_City", "America/Monterrey",
    "America/Ojinaga", "America/Tijuana", "UTC",
})  # fmt: skip
"""The zones of Mexico in the IANA database: border municipalities keep another hour than their state."""

Zone = Annotated[str, AfterValidator(_zone), Field(examples=["America/Mexico_City"])]


class WeekHours(In):
    """Hours of some days of the week."""

    days: list[Weekday] = Field(min_length=1, max_length=7, description="on which days they begin", examples=[["MO"]])
    opens: Clock = Field(description="when somebody answers first, local time")
    closes: Clock = Field(
        description="when nobody answers any more; no later than `opens`: on the next day", examples=["20:00"]
    )


class DayHours(In):
    """A day that differs from its weekday: other hours, or none."""

    day: Day = Field(description="the day", examples=["2026-12-25"])
    opens: Clock | None = Field(default=None, description="null where nobody answers that day", examples=[None])
    closes: Clock | None = Field(default=None, description="goes with `opens`", examples=[None])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.opens is None) != (self.closes is None):
            raise ValueError("opens and closes go together")
        return self


class DutyContact(In):
    """Whom to call at a body: a role, no person."""

    role: DutyRole = Field(description="what it is for", examples=["DUTY_DESK"])
    telephone: Telephone | None = Field(default=None, description="E.164")
    email: Email | None = Field(default=None, description="an address of the role, not of a person")
    zone: Zone = Field(description="the time zone of the hours (IANA)")
    week: list[WeekHours] = Field(min_length=1, max_length=21, description="when somebody answers")
    exceptions: list[DayHours] = Field(default=[], max_length=100, description="days that differ")
    valid_from: Day | None = Field(default=None, description="its first day; null for always", examples=[None])
    valid_to: Day | None = Field(default=None, description="the first day on which it counts no more", examples=[None])
    public: bool = Field(default=False, description="whether exports may show it; a shelter's never is")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.telephone is None and self.email is None:
            raise ValueError("a contact needs a telephone or an address")
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to is not after valid_from")
        if rules.repeated(each.day for each in self.exceptions):
            raise ValueError("a day is repeated")
        return self

    def contact(self) -> Contact:
        """Return it as the rules know contacts."""
        return Contact(
            role=self.role, zone=ZoneInfo(self.zone),
            week=tuple((frozenset(each.days), _hours(each.opens, each.closes)) for each in self.week),
            exceptions=tuple(
                (each.day, _hours(each.opens, each.closes) if each.opens and each.closes else None)
                for each in self.exceptions
            ),
            valid_from=self.valid_from, valid_to=self.valid_to,
        )  # fmt: skip


def _hours(opens: str, closes: str) -> rules.Hours:
    return rules.Hours(time.fromisoformat(opens), time.fromisoformat(closes))


class RosterIn(In):
    """Every contact of a body: they take the place of those before."""

    contacts: list[DutyContact] = Field(max_length=40, description="the contacts")


class DutyContactOut(Out):
    """Whom to call at a body, and whether somebody answers now."""

    role: DutyRole = Field(description="what it is for", examples=["DUTY_DESK"])
    telephone: str | None = Field(description="E.164", examples=["+529615550100"])
    email: str | None = Field(description="an address of the role", examples=["guardia@example.org"])
    zone: str = Field(description="the time zone of the hours (IANA)", examples=["America/Mexico_City"])
    week: list[WeekHours] = Field(description="when somebody answers")
    exceptions: list[DayHours] = Field(description="days that differ")
    valid_from: Day | None = Field(description="its first day", examples=[None])
    valid_to: Day | None = Field(description="the first day on which it counts no more", examples=[None])
    public: bool = Field(description="whether exports show it")
    on_duty: bool = Field(description="whether somebody answers now")


class RosterOut(Out):
    """Every contact of a body."""

    agency_id: str = Field(description="the body", examples=["pp-chp"])
    contacts: list[DutyContactOut] = Field(description="the contacts")
    version: int


class OnDuty(Out):
    """A contact that answers now."""

    agency_id: str = Field(description="the body", examples=["pp-chp"])
    name_es: str = Field(description="its name in Spanish", examples=["Procuraduría de Protección de Chiapas"])
    role: DutyRole = Field(description="what it is for", examples=["DUTY_DESK"])
    telephone: str | None = Field(description="E.164", examples=["+529615550100"])
    email: str | None = Field(description="an address of the role", examples=["guardia@example.org"])


class OnDutyList(Out):
    """Who answers now, the state's own bodies first."""

    items: list[OnDuty]


class Kept(BaseModel):
    """A roster as it is sealed."""

    contacts: list[DutyContact]
