"""The directory as administrators send it, and as callers see it."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from services.consular.consulates import rules
from services.consular.consulates.models import ConsulateVersion
from services.consular.consulates.rules import Coverage, PostKind, PostStatus, Weekday
from shared.openapi.given import Given
from shared.shapes import Country, Day, In, Line, Out, Slug, State

HourMinute = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["09:00"])]
Telephone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"), Field(examples=["+529625550100"])]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}$", max_length=254),
    Field(examples=["guardia@example.org"]),
]
Source = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(examples=["Registro de la SRE (ficticio)"]),
]


class DutyHours(In):
    """Hours of some days of the week, by the clock of the state where the post stands."""

    days: list[Weekday] = Field(min_length=1, max_length=7, description="on which days", examples=[["MO", "TU"]])
    opens: HourMinute = Field(description="when somebody answers first")
    closes: HourMinute = Field(description="when nobody answers any more, the same day", examples=["14:00"])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.closes <= self.opens or len(set(self.days)) != len(self.days):
            raise ValueError("closes before it opens, or a day twice")
        return self


class ServedState(In):
    """A state that a post serves, and when."""

    state: State = Field(description="the state", examples=["MX-CHP"])
    valid_from: Day | None = Field(default=None, description="the first day; null for always", examples=[None])
    valid_to: Day | None = Field(default=None, description="the first day no more; null for now", examples=[None])
    source: Source = Field(description="where that is written")
    verified: bool = Field(default=False, description="whether somebody has checked that source")


_Hours = Annotated[list[DutyHours], Field(max_length=21)]
_Holidays = Annotated[list[Day], Field(max_length=100)]
_States = Annotated[list[ServedState], Field(max_length=100)]
_HOURS, _HOLIDAYS = [[{"days": ["MO", "FR"], "opens": "09:00", "closes": "14:00"}]], [["2026-12-25"]]


class ConsulateContent(In):
    """What the directory says of a post."""

    id: Slug = Field(description="its id, for ever: `con-`, its country, its city", examples=["con-hnd-ejemplo"])
    country: Country = Field(description="whose post it is, ISO 3166-1 alpha-3")
    city: Line = Field(description="where it is", examples=["Ejemplo (ficticio)"])
    state: State = Field(description="the state where it is", examples=["MX-CHP"])
    kind: PostKind = Field(description="what it is", examples=["consulate"])
    status: PostStatus = Field(description="what is known of it; only an open one is sent anything", examples=["open"])
    valid_from: Day | None = Field(default=None, description="its first day; null for always", examples=[None])
    valid_to: Day | None = Field(default=None, description="its first day closed; null for now", examples=[None])
    source: Source = Field(description="where that is written")
    verified: bool = Field(default=False, description="whether somebody has checked that source")
    telephone: Telephone | None = Field(default=None, description="E.164, of its duty desk")
    email: Email | None = Field(default=None, description="an address of the post, not of a person")
    address: Line | None = Field(default=None, description="where letters go", examples=["Calle Ejemplo 1 (ficticia)"])
    duty_text: Line | None = Field(default=None, description="its hours as it says them", examples=["L-V 9 a 14 h"])
    hours: _Hours = Field(default=[], description="its hours, coded; none: not known", examples=_HOURS)
    holidays_text: Line | None = Field(default=None, description="its holidays as it says them", examples=[None])
    holidays: _Holidays = Field(default=[], description="days on which it is closed", examples=_HOLIDAYS)
    states: _States = Field(default=[], description="which states it serves; an embassy serves what is left")

    def content(self) -> dict[str, Any]:
        """Return what a version keeps, its states in order."""
        shown = self.model_dump(mode="json", include=set(ConsulateContent.model_fields))
        shown["states"].sort(key=lambda each: (each["state"], each["valid_from"] or ""))
        shown["holidays"].sort()
        return shown


class ConsulateIn(ConsulateContent):
    """A post that is entered."""

    reason: Line = Field(description="why", examples=["Apertura comunicada por nota diplomática (ficticia)"])


class ConsulatePatch(In):
    """A change. Fields that are left out stay as they are; `states`, `hours` and `holidays` are replaced whole."""

    city: Annotated[Line | None, Given()] = Field(default=None, description="where it is", examples=["Tapachula"])
    state: Annotated[State | None, Given()] = Field(default=None, description="the state where it is")
    kind: Annotated[PostKind | None, Given()] = Field(default=None, description="what it is")
    status: Annotated[PostStatus | None, Given()] = Field(default=None, description="what is known of it")
    valid_from: Day | None = Field(default=None, description="its first day; null for always", examples=[None])
    valid_to: Day | None = Field(default=None, description="its first day closed; null for now", examples=[None])
    source: Annotated[Source | None, Given()] = Field(default=None, description="where that is written")
    verified: Annotated[bool | None, Given()] = Field(default=None, description="whether somebody has checked it")
    telephone: Telephone | None = Field(default=None, description="E.164, of its duty desk")
    email: Email | None = Field(default=None, description="an address of the post, not of a person")
    address: Line | None = Field(default=None, description="where letters go", examples=["Calle Ejemplo 1 (ficticia)"])
    duty_text: Line | None = Field(default=None, description="its hours as it says them", examples=["L-V 9 a 14 h"])
    hours: Annotated[_Hours | None, Given()] = Field(default=None, description="its hours, coded", examples=_HOURS)
    holidays_text: Line | None = Field(default=None, description="its holidays as it says them", examples=[None])
    holidays: Annotated[_Holidays | None, Given()] = Field(
        default=None, description="days on which it is closed", examples=_HOLIDAYS
    )
    states: Annotated[_States | None, Given()] = Field(default=None, description="which states it serves")
    reason: Line = Field(description="why", examples=["Corrección del horario (ficticia)"])

    @model_validator(mode="after")
    def _something(self) -> Self:
        given = self.model_fields_set - {"reason"}
        empty = {name for name in given if getattr(self, name) is None}
        if not given or empty - _EMPTIED:
            raise ValueError("nothing to change, or nothing in the place of something needed")
        return self

    def applied(self, before: ConsulateContent) -> ConsulateContent:
        """Return the post with this change."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"reason"}}
        return before.model_copy(update=given)


_EMPTIED = {"valid_from", "valid_to", "telephone", "email", "address", "duty_text", "holidays_text"}
_TEXTS = ("city", "source", "address", "duty_text", "holidays_text")


def faults(post: ConsulateContent) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a post by itself: the field, and the kind of fault."""
    yield from rules.id_faults(post.id, post.country)
    yield from rules.span_faults(post)
    yield from rules.text_faults((name, getattr(post, name)) for name in _TEXTS)
    if rules.overlaps(post.states):
        yield "states", "repeated"
    for each in post.states:
        yield from (("states", reason) for _, reason in rules.span_faults(each))
        yield from (("states", reason) for _, reason in rules.text_faults([("source", each.source)]))
    if len(set(post.holidays)) != len(post.holidays):
        yield "holidays", "repeated"


class JurisdictionOut(Out):
    """A state that a consulate serves, and when. `valid_to` is exclusive."""

    state: str
    valid_from: date | None
    valid_to: date | None
    source: str
    verified: bool


class ConsulateOut(Out):
    """An embassy or consulate in Mexico. Only an open one is ever sent anything."""

    id: str
    country: str
    city: str
    state: str
    kind: PostKind
    status: PostStatus
    valid_from: date | None
    valid_to: date | None
    source: str
    verified: bool
    telephone: str | None = Field(description="of its duty desk, E.164", examples=["+529625550100"])
    email: str | None = Field(description="an address of the post", examples=["guardia@example.org"])
    address: str | None = Field(description="where letters go", examples=["Calle Ejemplo 1 (ficticia)"])
    duty_text: str | None = Field(description="its hours as it says them", examples=["L-V 9 a 14 h"])
    hours: list[DutyHours] = Field(description="its hours, coded; none: not known")
    holidays_text: str | None = Field(description="its holidays as it says them", examples=[None])
    holidays: list[date] = Field(description="days on which it is closed", examples=_HOLIDAYS)
    on_duty: bool | None = Field(description="whether it answers now; null: its hours are not known", examples=[None])
    states: list[JurisdictionOut]
    version: int
    allowed_actions: list[str]


class ConsulateVersionOut(Out):
    """One version of a post."""

    version: int = Field(description="which", examples=[2])
    changed_at: datetime | None = Field(description="when; null: as it was shipped", examples=["2026-11-20T15:04:05Z"])
    changed_by: str = Field(description="the agency that did", examples=["ruta-operations"])
    reason: str = Field(description="why", examples=["Corrección del horario (ficticia)"])
    content: ConsulateContent = Field(description="what the directory said of the post from then on")

    @classmethod
    def of(cls, row: ConsulateVersion) -> "ConsulateVersionOut":
        """Show a version."""
        content = ConsulateContent.model_validate(row.content)
        return cls(**row.model_dump(exclude={"consulate_id", "content"}), content=content)


class ConsulateHistory(Out):
    """What this installation has made of a post, oldest first; nothing where the shipped row still counts."""

    items: list[ConsulateVersionOut]


class CoverOut(Out):
    """Who is told of a child of one nationality in one state."""

    country: str = Field(description="the nationality", examples=["HND"])
    state: str = Field(description="the state", examples=["MX-CHP"])
    how: Coverage = Field(description="by whom it is covered", examples=["consulate"])
    consulate_id: str | None = Field(description="the post; null: nobody", examples=["con-hnd-tapachula"])


class CoverTotal(Out):
    """In how many states of the country each kind of cover holds, for one nationality."""

    country: str = Field(description="the nationality", examples=["HND"])
    consulate: int = Field(description="states that a consulate serves", examples=[6])
    embassy: int = Field(description="states that fall back to the embassy", examples=[26])
    nobody: int = Field(description="states where nobody is told", examples=[0])
    not_foreign: int = Field(description="states where nobody need be: Mexico itself", examples=[0])


class CoverageOut(Out):
    """Nationality by state: who is told, or whether the embassy must do, or nobody."""

    on: date | None = Field(description="the day asked for; null: today, in each state", examples=[None])
    totals: list[CoverTotal] = Field(description="a row for each nationality")
    items: list[CoverOut] = Field(description="a row for each nationality and state")


class ConsulateFault(Out):
    """What is wrong with one line. No value is repeated."""

    line: int = Field(description="the line's number, as an editor counts", examples=[3])
    field: str = Field(description="the column; empty for the whole line", examples=["country"])
    reason: str = Field(description="what is wrong with it", examples=["unknown"])


class ConsulateImportOut(Out):
    """What a file does to the directory of consulates."""

    added: int = Field(description="posts that are new", examples=[1])
    changed: int = Field(description="posts that it changes", examples=[3])
    unchanged: int = Field(description="posts of which it says what the directory says", examples=[76])
    faults: list[ConsulateFault] = Field(description="what is wrong; while there is anything, nothing is imported")
