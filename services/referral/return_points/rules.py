"""Return points and the instruments that they rest on: dated rows with their sources, no constants of the law.

What is not known (hours and notice periods of the instruments) is not made up: a point without hours receives nobody.
Pure.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.referral.agencies.rules import OPERATOR, Kind
from services.referral.duty.rules import WEEK, Hours, Weekday
from shared.catalogue import Text
from shared.law import Rule


class ReturnRoute(StrEnum):
    """How a child gets there."""

    LAND = "LAND"
    AIR = "AIR"


class Instrument(StrEnum):
    """By what a country receives at a point."""

    MOU_2006 = "MOU_2006"
    MX_US_2016 = "MX_US_2016"
    GTM_2017 = "GTM_2017"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """An instrument, with the countries that it binds and the days on which it did. Null: not known to have ended."""

    text: Text
    countries: frozenset[str]
    valid_from: date | None
    valid_to: date | None
    source: str
    verified: bool = False

    def in_force(self, day: date) -> bool:
        """Whether it binds on a day, as far as is known."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


INSTRUMENTS: dict[Instrument, Arrangement] = {
    Instrument.MOU_2006: Arrangement(
        Text(
            "Memorandum for dignified, orderly, swift and safe repatriation by land, 2006; renewed to May 2012",
            "Memorándum para la repatriación digna, ordenada, ágil y segura por vía terrestre, 2006; renovado a mayo "
            "de 2012",
        ),
        frozenset({"SLV", "GTM", "HND", "NIC"}), date(2006, 5, 1), date(2012, 6, 1),
        "doc4pdf.com 407305; elcomercio.com, 2009; Guatemala is said to have gone on to 2013: later validity unknown",
    ),
    Instrument.MX_US_2016: Arrangement(
        Text("Local repatriation arrangements with the United States, 2016", "Arreglos locales de repatriación, 2016"),
        frozenset({"USA"}), date(2016, 2, 23), None, "embamex.sre.gob.mx, 23-02-2016; the annex was not seen",
    ),
    Instrument.GTM_2017: Arrangement(
        Text(
            "Guatemala's national protocol for unaccompanied children, 2017: received at Tecún Umán or by air",
            "Protocolo nacional de Guatemala para niñez no acompañada, 2017: recepción en Tecún Umán o por vía aérea",
        ),
        frozenset({"GTM"}), date(2017, 1, 1), None, "scribd 585429781; agn.gt ?p=406409; no deadlines found",
    ),
    Instrument.NOTE: Arrangement(
        Text("A note of the receiving authority", "Nota de la autoridad receptora"), frozenset(), None, None,
        "the point's own source",
    ),
}  # fmt: skip
"""What binds any country has no list of countries."""
INSTRUMENT_TEXTS = {code: each.text for code, each in INSTRUMENTS.items()}

OWN_POINTS = Rule(
    "RETURN-POINTS",
    Text(
        "Return points are entered with their source by INM's central office and by who runs the installation; a point "
        "counts while it and its instrument are in force, and receives within its hours alone.",
        "Los puntos de retorno los registran con su fuente la oficina central del INM y quien opera la instalación; "
        "cuentan mientras ellos y su instrumento estén vigentes, y reciben sólo en su horario.",
    ),
    "Design decision, after Ley de Migración, art. 112, fr. III, and 120",
    verified=False,
)
RULES = (OWN_POINTS,)
CODES = {ReturnRoute.LAND: Text("By land", "Por tierra"), ReturnRoute.AIR: Text("By air", "Por aire")}


@dataclass(frozen=True, slots=True)
class Point:
    """A point as the rules know it."""

    country: str
    instrument: Instrument
    zone: ZoneInfo
    week: tuple[tuple[frozenset[Weekday], Hours], ...]
    closed_on: frozenset[date]
    notice: timedelta
    valid_from: date
    valid_to: date | None

    def counts(self, day: date) -> bool:
        """Whether it receives at all on a day."""
        stands = self.valid_from <= day and (self.valid_to is None or day < self.valid_to)
        return stands and INSTRUMENTS[self.instrument].in_force(day) and day not in self.closed_on


def receives(point: Point, at: datetime) -> bool:
    """Whether a point receives at a moment: in force, and within its hours. A night belongs to the day it began on."""
    local = at.astimezone(point.zone).replace(tzinfo=None)
    for day in (local.date(), local.date() - timedelta(days=1)):
        if not point.counts(day):
            continue
        for days, hours in point.week:
            begin, end = hours.around(day)
            if WEEK[day.weekday()] in days and begin <= local < end:
                return True
    return False


def in_good_time(point: Point, at: datetime, now: datetime) -> bool:
    """Whether a reception at a moment leaves the notice that the point asks for."""
    return now + point.notice <= at


def may_manage(kind: str, state: str | None) -> bool:
    """Whether a caller may enter or change points: a state office of INM may not."""
    return kind == OPERATOR or (kind == Kind.INM and state is None)


def faults(country: str, instrument: Instrument, valid_from: date, valid_to: date | None) -> Iterable[tuple[str, str]]:
    """Yield what is wrong with a point by itself."""
    binds = INSTRUMENTS[instrument].countries
    if country == "MEX":
        yield "country", "not_abroad"
    if binds and country not in binds:
        yield "instrument", "does_not_bind_this_country"
    if not INSTRUMENTS[instrument].in_force(valid_from):
        yield "instrument", "not_in_force_then"
    if valid_to is not None and valid_to <= valid_from:
        yield "valid_to", "not_after_valid_from"


def hours(opens: str, closes: str) -> Hours:
    """Return the hours of a row."""
    return Hours(time.fromisoformat(opens), time.fromisoformat(closes))


def allowed(kind: str, state: str | None) -> Collection[str]:
    """Return what a caller may do with a point."""
    return ["update"] if may_manage(kind, state) else []
