"""What wire shapes have in common. Inputs refuse what they don't know; outputs have no defaults."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared import clock, ids, jsons


class In(BaseModel):
    """A body that a caller sends: strict, and nothing beyond the documented fields."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """A body that we answer with."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(_DAY.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})")
FIRST_YEAR = 2000
"""Earlier moments are slips of the pen, and the first years of all have no local day."""


def _day(value: object) -> object:
    return date.fromisoformat(_like(_DAY, value)) if isinstance(value, str) else value


def _moment(value: object) -> object:
    return datetime.fromisoformat(_like(_MOMENT, value)) if isinstance(value, str) else value


def _like(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):  # Pydantic would take digits alone for seconds since 1970
        raise ValueError("not RFC 3339")
    return text


def _been(moment: datetime) -> datetime:
    if moment.year < FIRST_YEAR:
        raise ValueError("long before anything that is recorded")
    if moment > clock.now():
        raise ValueError("in the future")
    return moment.astimezone(UTC)


Day = Annotated[date, BeforeValidator(_day), Field(examples=["2012-03-05"])]
"""A calendar day: RFC 3339, full-date."""

Past = Annotated[
    AwareDatetime, BeforeValidator(_moment), AfterValidator(_been), Field(examples=["2026-11-20T15:04:05Z"])
]
"""A moment that has been: RFC 3339 with its zone, kept in UTC."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text."""

Note = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
"""A longer text of a person."""


@cache
def _codes(file: str) -> frozenset[str]:
    """Return the three-letter codes of a list that pycountry carries, without its objects' weight."""
    content = jsons.loads((files("pycountry") / "databases" / file).read_bytes())
    return frozenset(row["alpha_3"] for rows in content.values() for row in rows)


def _country(code: str) -> str:
    if code not in _codes("iso3166-1.json"):
        raise ValueError("not in ISO 3166-1")
    return code


def _language(code: str) -> str:
    if code not in _codes("iso639-3.json"):
        raise ValueError("not in ISO 639-3")
    return code


Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    AfterValidator(_country),
    Field(examples=["HND"], description="ISO 3166-1 alpha-3"),
]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{3}$"),
    AfterValidator(_language),
    Field(examples=["spa"], description="ISO 639-3"),
]


class State(StrEnum):
    """The 32 federal entities by ISO 3166-2."""

    AGU = "MX-AGU"
    BCN = "MX-BCN"
    BCS = "MX-BCS"
    CAM = "MX-CAM"
    CHH = "MX-CHH"
    CHP = "MX-CHP"
    CMX = "MX-CMX"
    COA = "MX-COA"
    COL = "MX-COL"
    DUR = "MX-DUR"
    GRO = "MX-GRO"
    GUA = "MX-GUA"
    HID = "MX-HID"
    JAL = "MX-JAL"
    MEX = "MX-MEX"
    MIC = "MX-MIC"
    MOR = "MX-MOR"
    NAY = "MX-NAY"
    NLE = "MX-NLE"
    OAX = "MX-OAX"
    PUE = "MX-PUE"
    QUE = "MX-QUE"
    ROO = "MX-ROO"
    SIN = "MX-SIN"
    SLP = "MX-SLP"
    SON = "MX-SON"
    TAB = "MX-TAB"
    TAM = "MX-TAM"
    TLA = "MX-TLA"
    VER = "MX-VER"
    YUC = "MX-YUC"
    ZAC = "MX-ZAC"


Id = Annotated[str, StringConstraints(pattern=ids.PATTERN)]
"""The id of any resource, such as `ref_…`. One of another form is a 404, like one that is nobody's."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,48}$")]
"""The id of an agency or a consulate, such as `pp-chp`."""
