"""The directory as callers see it."""

from datetime import date

from services.consular.consulates.rules import PostKind, PostStatus
from shared.shapes import Out


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
    states: list[JurisdictionOut]
