"""Which tables there are, and what the public may see of them (R33). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule

SMALLEST = 5
"""Cells under this many events or persons are left out of what is published."""

EXACT_READERS = ("UPM", "INM", "DIF")
"""Whose federal offices read exact tables: UPM and INM publish them, SNDIF runs the register (LGDNNA 99)."""

NO_READERS = ("CONSULATE",)
"""Consulates read what everybody may read, where it is published: never through a call of their own (the guard)."""

HALF_YEARS = (("01", "06"), ("07", "12"))

SUPPRESSION = Rule(
    "R33",
    Text(
        "Tables count events and persons apart; published tables leave out every cell under 5, and cover a month or "
        "a half-year that has ended.",
        "Las tablas cuentan por separado eventos y personas; las públicas omiten toda celda menor a 5 y abarcan un "
        "mes o un semestre concluido.",
    ),
    "UPM counts events; the suppression is a design decision",
)
RULES = (SUPPRESSION,)


class TableName(StrEnum):
    """UPM's tables of foreign children met by INM."""

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"


DIMENSIONS: dict[TableName, tuple[str, ...]] = {
    TableName.T1: ("nationality", "age_group", "travel_condition"),
    TableName.T2: ("state", "age_group", "travel_condition"),
    TableName.T3: ("month", "age_group", "travel_condition", "sex"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    dimensions: dict[str, str | None]
    events: int
    persons: int


def published(cells: Sequence[Cell]) -> list[Cell]:
    """Return what the public may see. A small cell is left out like an empty one, and there are no totals."""
    return [cell for cell in cells if cell.events >= SMALLEST and cell.persons >= SMALLEST]


def check_release(first_month: str, last_month: str, *, ended: bool) -> None:
    """Raise RefusedByLaw unless the period is one that is published.

    Two periods of free choice, one a day or a month longer, would tell a small cell by subtraction.
    """
    (year, first), (other, last) = first_month.split("-"), last_month.split("-")
    if not ended or not (first_month == last_month or (year == other and (first, last) in HALF_YEARS)):
        raise SUPPRESSION.refuse(
            "Published tables cover one month, January to June or July to December, once the period has ended."
        )
