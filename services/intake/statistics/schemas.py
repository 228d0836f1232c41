"""The official tables as readers see them, and what UPM says when it releases them."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import Field

from services.intake.counts.rules import Series, TableName
from services.intake.releases.schemas import Month
from services.intake.statistics import rules
from shared.catalogue import Text
from shared.forms.chart import bars
from shared.forms.choice import Tongue
from shared.forms.sheets import Column, Sheet, Value
from shared.shapes import Out


class Dimension(StrEnum):
    """By what those who read exact figures may count."""

    MONTH = "month"
    NATIONALITY = "nationality"
    STATE = "state"
    AGE_GROUP = "age_group"
    TRAVEL_CONDITION = "travel_condition"
    SEX = "sex"
    RETURN_POINT = "return_point"
    STATE_OF_ORIGIN = "state_of_origin"
    RETURNED_FROM = "returned_from"


class CellOut(Out):
    """One cell: its dimensions, how many events, how many persons."""

    dimensions: dict[str, str | None] = Field(description="the values of the table's dimensions; null: unknown")
    events: int = Field(description="how often such a child was met")
    persons: int = Field(description="how many children that were")


class LabelOut(Out):
    """A text in both languages."""

    es: str = Field(description="in Spanish")
    en: str = Field(description="in English")


class Covered(Out):
    """What every figure says of itself."""

    first_month: Month = Field(description="the first month of the period")
    last_month: Month = Field(description="the last month of the period")
    cutoff: date = Field(description="nothing that was recorded after this day is in it")
    provisional: bool = Field(description="whether later records may still change it")
    exact: bool = Field(description="whether small cells are in it")
    complete: bool = Field(description="false: many records are being counted just now, and are not in it yet")
    version: int | None = Field(description="which release it is from; null: as of now")
    note: str | None = Field(description="what a revised release says of itself")
    rule: str = Field(description="the rule by which it is shown", examples=["R33"])
    source: str = Field(description="where its form comes from")
    verified: bool = Field(description="whether anybody has verified that source")


class TableOut(Covered):
    """One official table over a period of whole months."""

    table: TableName = Field(description="which of the official tables")
    title: LabelOut = Field(description="its title")
    dimensions: list[str] = Field(description="its dimensions, in order", examples=[["nationality", "age_group"]])
    cells: list[CellOut] = Field(description="its cells; a small one is left out like an empty one")
    labels: dict[str, dict[str, LabelOut]] = Field(description="what codes mean, by dimension and code")


class BreakdownOut(Covered):
    """Figures by dimensions of free choice, over days of free choice, for those who read exact figures."""

    series: Series = Field(description="whom it counts", examples=["FOREIGN"])
    first_day: date = Field(description="the first day")
    last_day: date = Field(description="the last day")
    dimensions: list[str] = Field(description="its dimensions, in order", examples=[["nationality", "age_group"]])
    cells: list[CellOut] = Field(description="its cells")
    labels: dict[str, dict[str, LabelOut]] = Field(description="what codes mean, by dimension and code")


class ShareOut(Out):
    """One nationality's part."""

    nationality: str | None = Field(description="ISO 3166-1 alpha-3; null: unknown", examples=["HND"])
    events: int = Field(description="how often such a child was met")
    persons: int | None = Field(description="how many children that were; null where it is not published")
    percent: float | None = Field(description="of all events, to one decimal")
    rise_percent: float | None = Field(description="against the other period, to one decimal")


class PeriodOut(Covered):
    """The figures of one period that the source documents compare."""

    events: int = Field(description="how often foreign children were met")
    persons: int | None = Field(description="how many children that were; null where it is not published")
    unaccompanied_events: int = Field(description="of those, how many were unaccompanied")
    unaccompanied_percent: float | None = Field(description="their share, to one decimal")
    returned_events: int = Field(description="how many foreign children were returned")
    mexican_events: int = Field(description="how many Mexican children were returned from abroad")
    by_nationality: list[ShareOut] = Field(description="by nationality, the most first")
    four_largest_events: int = Field(description="the events of the four most frequent nationalities")
    four_largest_percent: float | None = Field(description="their share, to one decimal")


class ComparisonOut(Out):
    """Two periods beside each other. For the public these are sums of published cells: at least so many."""

    period: PeriodOut = Field(description="the period")
    against: PeriodOut = Field(description="the period that it is compared with")
    rise_percent: float | None = Field(description="of all events, to one decimal; null: there were none before")
    unaccompanied_rise_percent: float | None = Field(description="of those unaccompanied")
    returned_rise_percent: float | None = Field(description="of those returned")


# -- as people's programs read them --------------------------------------------------------------------

BARS = 40
"""So many cells are drawn: the largest."""
_ABOUT = ("first_month", "last_month", "cutoff", "provisional", "version", "rule", "source")


def sheet_of(found: TableOut | BreakdownOut, tongue: Tongue) -> Sheet:
    """Return figures as a sheet: each dimension by code and name, the figures, and what they say of themselves."""
    columns = []
    for name in found.dimensions:
        text, tag = rules.DIMENSIONS[name]
        columns.append(Column(_say(text, tongue), tag))
        if name in found.labels:
            columns.append(Column(f"{_say(text, tongue)} ({_NAMED[tongue]})", tag.replace("+code", "+name")))
    columns += [Column(_say(text, tongue), tag) for text, tag in rules.FACTS.values()]
    about: list[Value] = [_plain(getattr(found, name)) for name in _ABOUT]
    rows = []
    for cell in found.cells:
        row: list[Value] = []
        for name, value in cell.dimensions.items():
            row += [value, _named(found, name, value, tongue)] if name in found.labels else [value]
        rows.append([*row, cell.events, cell.persons, *about])
    return Sheet(_title(found, tongue), columns, rows)


def chart_of(found: TableOut | BreakdownOut, tongue: Tongue) -> bytes:
    """Return the events of figures as a chart, the largest cells first."""
    named = [
        (" · ".join(_named(found, name, value, tongue) for name, value in cell.dimensions.items()), cell.events)
        for cell in sorted(found.cells, key=lambda cell: -cell.events)[:BARS]
    ]
    words = {text: _say(rules.FACTS[text][0], tongue) for text in (*_ABOUT, "events")}
    status = f"{words['provisional']}. " if found.provisional else ""
    version = f"{words['version']} {found.version}. " if found.version else ""
    about = (
        f"{found.first_month} – {found.last_month}. {words['cutoff']}: {found.cutoff}. {version}{status}{found.rule}."
    )
    heads = " · ".join(_say(rules.DIMENSIONS[name][0], tongue) for name in found.dimensions)
    return bars(_title(found, tongue), about, (heads, words["events"]), named, language=tongue)


_NAMED = {Tongue.ES: "nombre", Tongue.EN: "name"}


def _title(found: TableOut | BreakdownOut, tongue: Tongue) -> str:
    if isinstance(found, TableOut):
        return f"{found.table}. {getattr(found.title, tongue)}"
    return found.series


def _named(found: TableOut | BreakdownOut, name: str, value: str | None, tongue: Tongue) -> str:
    if value is None:
        return _say(rules.UNKNOWN, tongue)
    label = found.labels.get(name, {}).get(value)
    return str(getattr(label, tongue)) if label else value


def _say(text: Text, tongue: Tongue) -> str:
    return str(getattr(text, tongue))


def _plain(value: Any) -> Value:
    return value if isinstance(value, bool | int) or value is None else str(value)
