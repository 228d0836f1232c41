"""Which post a notice goes to (R19). Pure."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from shared.catalogue import Text
from shared.law import Rule


class PostKind(StrEnum):
    """What a post is. The embassy serves every state that no consulate of its country serves."""

    EMBASSY = "embassy"
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
    embassies = [post for post in open_posts if post.kind == PostKind.EMBASSY]
    return next(iter(competent + embassies), None)


def embassy(nationality: str, on_date: date, posts: Sequence[P]) -> P | None:
    """Return the country's embassy that is open on that day, or None."""
    return next((post for post in _open(nationality, on_date, posts) if post.kind == PostKind.EMBASSY), None)


def _open(nationality: str, on_date: date, posts: Sequence[P]) -> list[P]:
    return [
        post
        for post in sorted(posts, key=lambda post: post.id)
        if post.country == nationality and post.status == PostStatus.OPEN and holds(post, on_date)
    ]
