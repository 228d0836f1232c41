"""When a contact answers, and who may know it. Pure: local wall clocks, in the contact's own zone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.referral.agencies.rules import COUNTRY, SHELTERS, Agency, Kind
from shared.catalogue import Text
from shared.law import Rule


class DutyRole(StrEnum):
    """What a contact is for. Roles, no persons: numbers outlive those who answer them."""

    DUTY_DESK = "DUTY_DESK"
    RECEPTION = "RECEPTION"
    LEGAL = "LEGAL"
    PLACEMENT = "PLACEMENT"
    HEALTH = "HEALTH"
    SUPERVISOR = "SUPERVISOR"
    SWITCHBOARD = "SWITCHBOARD"


ROLES = {
    DutyRole.DUTY_DESK: Text("Duty desk", "Guardia"),
    DutyRole.RECEPTION: Text("Reception of children", "Recepción de niñas, niños y adolescentes"),
    DutyRole.LEGAL: Text("Legal representation", "Representación jurídica"),
    DutyRole.PLACEMENT: Text("Places in shelters", "Asignación de lugares"),
    DutyRole.HEALTH: Text("Health", "Salud"),
    DutyRole.SUPERVISOR: Text("Supervision", "Supervisión"),
    DutyRole.SWITCHBOARD: Text("Switchboard", "Conmutador"),
}


class Weekday(StrEnum):
    """Days of the week, as iCalendar and HSDS name them, Monday first."""

    MO = "MO"
    TU = "TU"
    WE = "WE"
    TH = "TH"
    FR = "FR"
    SA = "SA"
    SU = "SU"


WEEK = tuple(Weekday)

OWN_CONTACTS = Rule(
    "OWN-CONTACTS",
    Text(
        "A body, or the one that it belongs to, says itself whom to call; who acts in its territory reads it.",
        "Cada institución, o aquella a la que pertenece, informa a quién llamar; lo lee quien actúa en su territorio.",
    ),
    "Design decision",
    verified=False,
)
RULES = (OWN_CONTACTS,)


@dataclass(frozen=True, slots=True)
class Hours:
    """From when until when somebody answers. Where it closes no later than it opens, it closes on the next day."""

    opens: time
    closes: time

    def around(self, day: date) -> tuple[datetime, datetime]:
        """Return the span that begins on a day, in local time."""
        begin = datetime.combine(day, self.opens)
        end = datetime.combine(day, self.closes)
        return begin, end if end > begin else end + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of a body: its week, the days that differ, and from when until when it counts."""

    role: DutyRole
    zone: ZoneInfo
    week: tuple[tuple[frozenset[Weekday], Hours], ...]
    exceptions: tuple[tuple[date, Hours | None], ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None

    def hours(self, day: date) -> list[Hours]:
        """Return the hours that begin on a day: those of the exception where there is one."""
        special = [hours for date_, hours in self.exceptions if date_ == day]
        if special:
            return [hours for hours in special if hours is not None]
        weekday = WEEK[day.weekday()]
        return [hours for days, hours in self.week if weekday in days]

    def counts(self, day: date) -> bool:
        """Whether it is a contact on a day at all."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


def on_duty(contact: Contact, at: datetime) -> bool:
    """Whether somebody answers at a moment. A night's duty belongs to the day on which it began."""
    local = at.astimezone(contact.zone).replace(tzinfo=None)
    for day in (local.date(), local.date() - timedelta(days=1)):
        if not contact.counts(day):
            continue
        for hours in contact.hours(day):
            begin, end = hours.around(day)
            if begin <= local < end:
                return True
    return False


def may_see(body: Agency, *, kind: str, protects: bool, territory: Collection[str], own: bool) -> bool:
    """Whether a caller may know whom to call at a body: one that acts in its territory.

    `protects`: INM's child-protection officers; INM's enforcement calls no shelter (R31). Who is bound to a foreign
    state calls none either, nor do other bodies abroad.
    """
    if own:
        return True
    if kind == Kind.CHILD_PROTECTION_ABROAD or (body.kind in SHELTERS and kind == Kind.INM and not protects):
        return False
    if not territory:
        return False
    return COUNTRY in territory or COUNTRY in body.territory or bool(body.territory & set(territory))


def repeated(days: Iterable[date]) -> bool:
    """Whether a day is named twice."""
    found = list(days)
    return len(set(found)) != len(found)
