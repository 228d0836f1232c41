"""Releases as they come in, and notices as each audience sees them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.consular.letters.schemas import FileNumber, LetterOut, Officer
from services.consular.notices.rules import Happened, NoticeDecision, NoticeStatus, Stage
from shared.clocks.schemas import ClockOut
from shared.events import NoticeIssued, Office, ReleaseGranted
from shared.shapes import Id, In, Line, Out, Past, Slug, State

_Telephone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
_Email = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,24}$", max_length=100)
]


class ReleasedOffice(Office):
    """An office with its contact, of bounded length, so that every notice fits its one size."""

    id: Slug
    name: Line
    telephone: _Telephone | None = None
    email: _Email | None = None


class Release(ReleaseGranted):
    """A release, checked as strictly as if a stranger had sent it."""

    release_id: Id
    state: State
    pp: ReleasedOffice
    dif: ReleasedOffice
    addressee: str | None = None
    """The state of habitual residence, where the notice goes to its consulates instead (R19)."""


class ToldOffice(Office):
    """An office that a consulate may turn to, with its contact (LM 112-V)."""

    telephone: str | None = Field(default=None, description="its telephone, E.164; null: not known here")
    email: str | None = Field(default=None, description="its address for messages; null: not known here")


class NoticeTold(NoticeIssued):
    """What a consulate is told: the whole notice of LM 112-V. There is nothing to fetch."""

    pp: ToldOffice
    dif: ToldOffice


class OfficeOut(Out):
    """An office to turn to."""

    id: str
    name: str
    telephone: str | None = Field(description="its telephone, E.164; null: not known here", examples=["+529615550100"])
    email: str | None = Field(description="its address for messages", examples=["guardia@example.org"])

    @classmethod
    def of(cls, kept: dict[str, str | None]) -> "OfficeOut":
        """Show an office as a notice keeps it; what older releases did not say is null."""
        return cls.model_validate({name: kept.get(name) for name in cls.model_fields})


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
    addressee: str | None = Field(description="the state of residence, where it goes there", examples=[None])
    escalated_to: str | None = Field(description="the embassy that has it too", examples=[None])
    status: NoticeStatus
    sending: Sending
    letters: list[LetterOut] = Field(description="its letters, oldest first")
    issued_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None = Field(description="the officer who recorded what came on paper", examples=[None])
    evidence: str | None = Field(description="the number of that receipt", examples=[None])
    decision: NoticeDecision | None = Field(description="what a person has decided", examples=[None])
    decided_at: datetime | None = Field(description="when", examples=[None])
    decided_by: str | None = Field(description="by which officer", examples=[None])
    decided_in: str | None = Field(description="in which file", examples=[None])
    clocks: list[ClockOut]
    allowed_actions: list[str]


NoticeOut = NoticeForConsulate | NoticeForAuthority


class HandAcknowledgementIn(In):
    """An acknowledgement came on paper."""

    officer: Officer
    received_at: Past = Field(description="when the consulate acknowledged it")
    evidence: FileNumber


class NoticeDecisionIn(In):
    """What a person decides who takes a notice over."""

    decision: NoticeDecision = Field(description="what", examples=["send_letter"])
    officer: Officer
    file: FileNumber


class HappenedOut(Out):
    """One thing in the history of a notice."""

    at: datetime = Field(description="when")
    what: Happened = Field(description="what", examples=["issued"])
    text_es: str = Field(description="the same in Spanish", examples=["Se emitió el aviso"])
    text_en: str = Field(description="the same in English", examples=["The notice was issued"])
    who: str | None = Field(description="the post or agency that it concerns", examples=["con-hnd-tapachula"])
    detail: str | None = Field(description="a code: the deadline, how, or the decision", examples=[None])


class NoticeHistory(Out):
    """What happened to a notice, oldest first. What the guard withheld is nowhere in it."""

    items: list[HappenedOut]
