"""Which post a notice goes to (R19), when it is on duty, and who covers what. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from shared.catalogue import Text
from shared.law import Rule


class PostKind(StrEnum):
    """What a post is. Embassy and consular section serve every state that no consulate of their country serves."""

    EMBASSY = "embassy"
    CONSULAR_SECTION = "consular_section"  # of the embassy: takes what falls back to it, the embassy what is escalated
    CONSULATE = "consulate"
    HONORARY = "honorary"


class PostStatus(StrEnum):
    """What is known of a post. Only to an open one is anything ever sent."""

    OPEN = "open"
    CLOSED = "closed"
    ANNOUNCED = "announced"  # reported as coming, opening not confirmed
    UNVERIFIED = "unverified"  # believed or once reported, not confirmed


class Dated(Protocol):
    """A row that holds from `valid_from` until the day before `valid_to`. None is unbounded."""

    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


class Post(Dated, Protocol):
    """What routing needs to know of an embassy or consulate."""

    @property
    def id(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def kind(self) -> PostKind: ...
    @property
    def status(self) -> PostStatus: ...


class Jurisdiction(Dated, Protocol):
    """A state that a consulate serves, and when."""

    @property
    def consulate_id(self) -> str: ...
    @property
    def state(self) -> str: ...


P = TypeVar("P", bound=Post)

R19 = Rule(
    "R19",
    Text(
        "A notice goes by nationality and state to a post that is open on the day, else to the embassy; "
        "what cannot be delivered becomes a person's task.",
        "El aviso va, según nacionalidad y entidad, a la oficina abierta ese día o, en su defecto, a la embajada; "
        "lo que no puede entregarse pasa a ser tarea de una persona.",
    ),
    "LM 112-V; the fallback to the embassy is a design decision",
)


def holds(row: Dated, on_date: date) -> bool:
    """Whether a row holds on a day."""
    begun = row.valid_from is None or row.valid_from <= on_date
    return begun and (row.valid_to is None or on_date < row.valid_to)


def route(
    nationality: str, state: str, on_date: date, posts: Sequence[P], jurisdictions: Sequence[Jurisdiction]
) -> P | None:
    """Return the post of the country that serves the state on that day, else its embassy, else None.

    `verified` plays no part: it says what a source supports, `status` says what is used.
    """
    open_posts = _open(nationality, on_date, posts)
    serving = {row.consulate_id for row in jurisdictions if row.state == state and holds(row, on_date)}
    competent = [post for post in open_posts if post.id in serving]
    sections = [post for post in open_posts if post.kind == PostKind.CONSULAR_SECTION]
    embassies = [post for post in open_posts if post.kind == PostKind.EMBASSY]
    return next(iter(competent + sections + embassies), None)


def embassy(nationality: str, on_date: date, posts: Sequence[P]) -> P | None:
    """Return the country's embassy that is open on that day, or None."""
    return next((post for post in _open(nationality, on_date, posts) if post.kind == PostKind.EMBASSY), None)


def _open(nationality: str, on_date: date, posts: Sequence[P]) -> list[P]:
    return [
        post
        for post in sorted(posts, key=lambda post: post.id)
        if post.country == nationality and post.status == PostStatus.OPEN and holds(post, on_date)
    ]


# -- who is on duty ----------------------------------------------------------------------------------


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


class Hours(Protocol):
    """Hours of some days of the week, `HH:MM` of the post's own clock. They end on the day on which they begin."""

    @property
    def days(self) -> Sequence[Weekday]: ...
    @property
    def opens(self) -> str: ...
    @property
    def closes(self) -> str: ...


def on_duty(hours: Sequence[Hours], holidays: Iterable[date], local: datetime) -> bool | None:
    """Whether a post answers at a moment of its own clock; None where its hours are not known."""
    if not hours:
        return None
    today, now = WEEK[local.weekday()], f"{local:%H:%M}"
    return local.date() not in holidays and any(
        today in each.days and each.opens <= now < each.closes for each in hours
    )


# -- who covers what ---------------------------------------------------------------------------------

RCM = ("BLZ", "CAN", "CRI", "DOM", "GTM", "HND", "MEX", "NIC", "PAN", "SLV", "USA")
"""The member states of the Regional Conference on Migration (RCM Ad Hoc Group)."""


class Coverage(StrEnum):
    """Who is told of a child of a nationality in a state."""

    CONSULATE = "consulate"
    EMBASSY = "embassy"  # no consulate serves the state: the embassy or its consular section
    NOBODY = "nobody"  # nobody is open: INM or the Procuraduría finds a way
    NOT_FOREIGN = "not_foreign"  # Mexico: no consulate is ever told (R20)


@dataclass(frozen=True, slots=True)
class Cover:
    """Who covers one nationality in one state on one day."""

    country: str
    state: str
    how: Coverage
    consulate_id: str | None


def coverage(
    countries: Iterable[str],
    states: Iterable[str],
    day_in: Callable[[str], date],
    posts: Sequence[P],
    jurisdictions: Sequence[Jurisdiction],
) -> Iterator[Cover]:
    """Yield who covers each country in each state, by the very function that routes notices."""
    where = tuple(states)
    for country in countries:
        own = [post for post in posts if post.country == country]
        for state in where:
            if country == "MEX":
                yield Cover(country, state, Coverage.NOT_FOREIGN, None)
                continue
            found = route(country, state, day_in(state), own, jurisdictions)
            if found is None:
                yield Cover(country, state, Coverage.NOBODY, None)
                continue
            serves = any(
                row.consulate_id == found.id and row.state == state and holds(row, day_in(state))
                for row in jurisdictions
            )
            yield Cover(country, state, Coverage.CONSULATE if serves else Coverage.EMBASSY, found.id)


# -- who may change the directory --------------------------------------------------------------------

ADMINISTRATORS = ("OPERATOR", "SRE")
"""Kinds of agency that keep the directory: who runs the installation, and the foreign ministry."""

DIRECTORY = Rule(
    "CONSULATES",
    Text(
        "Who runs the installation and the foreign ministry keep the directory of consulates: each change is a new "
        "version with who, when and why, and none is ever overwritten; the country of a post never changes.",
        "Quien opera la instalación y la Secretaría de Relaciones Exteriores llevan el directorio de consulados: cada "
        "cambio es una versión nueva con quién, cuándo y por qué, y ninguna se sobrescribe; el país de una oficina no "
        "cambia.",
    ),
    "Design decision, after VCCR 4, 10 to 12 and 24 (the receiving state is notified of posts and their districts)",
    verified=False,
)
_FORMULA = ("=", "+", "-", "@")
"""How a text begins that a spreadsheet would run."""


class Served(Dated, Protocol):
    """A state that a post is said to serve."""

    @property
    def state(self) -> str: ...


def span_faults(row: Dated) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the days of a row: the field, and the kind of fault."""
    if row.valid_from and row.valid_to and row.valid_to <= row.valid_from:
        yield "valid_to", "not_after_valid_from"


def id_faults(post_id: str, country: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the id of a post: `con-`, its country in small letters, and more."""
    if country == "MEX":
        yield "country", "of_no_foreign_state"
    if not post_id.startswith(f"con-{country.lower()}-") or post_id.endswith("-"):
        yield "id", "not_of_its_country"


def text_faults(texts: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str]]:
    """Yield each text that a spreadsheet would run."""
    for name, text in texts:
        if text is not None and text.startswith(_FORMULA):
            yield name, "like_a_formula"


def overlaps(rows: Sequence[Served]) -> bool:
    """Whether a state is named twice for one day."""
    return any(
        one.state == other.state
        and (one.valid_to is None or other.valid_from is None or other.valid_from < one.valid_to)
        and (other.valid_to is None or one.valid_from is None or one.valid_from < other.valid_to)
        for number, one in enumerate(rows)
        for other in rows[number + 1 :]
    )
