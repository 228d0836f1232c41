"""Releases as they come in, and notices as each audience sees them."""

from datetime import datetime

from services.consular.notices.rules import NoticeStatus, Stage
from shared.clocks.schemas import ClockOut
from shared.events import Office, ReleaseGranted
from shared.shapes import Id, Line, Out, Slug, State


class ReleasedOffice(Office):
    """An office of bounded length, so that every notice fits its one size."""

    id: Slug
    name: Line


class Release(ReleaseGranted):
    """A release, checked as strictly as if a stranger had sent it."""

    release_id: Id
    state: State
    pp: ReleasedOffice
    dif: ReleasedOffice


class OfficeOut(Out):
    """An office to turn to."""

    id: str
    name: str


class NoticeForConsulate(Out):
    """A notice as the consulate it is addressed to sees it: what was sent, and nothing besides."""

    id: str
    nationality: str
    state: str
    pp: OfficeOut
    dif: OfficeOut
    statement_es: str
    statement_en: str
    status: NoticeStatus
    acknowledged_at: datetime | None
    allowed_actions: list[str]


class Sending(Out):
    """How far a notice has come on its way."""

    stage: Stage
    received_at: datetime | None


class NoticeForAuthority(Out):
    """A notice as INM and the Procuraduría of the state see it."""

    id: str
    release_id: str
    nationality: str
    state: str
    pp: OfficeOut
    dif: OfficeOut
    consulate_id: str | None
    status: NoticeStatus
    sending: Sending
    issued_at: datetime
    acknowledged_at: datetime | None
    clocks: list[ClockOut]
    allowed_actions: list[str]


NoticeOut = NoticeForConsulate | NoticeForAuthority
