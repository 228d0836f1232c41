"""What agencies and administrators send and see of the exchange; the partners' own forms are in their modules."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.referral.interop.rules import Door, MapList, Row, System, Way
from services.referral.interop.texts import text
from services.referral.referrals.rules import State
from shared.shapes import Day, In, Line, Out

_THEIRS = "a word of theirs; empty: their form has no place for it; null: they have none"
_OURS = "our code; null: known there, and nothing of ours"
Theirs = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9 ()/_.:&,+|#-]{0,299})?$")]
Ours = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class MappingIn(In):
    """A row of the mapping. It takes the place of an earlier one about the same words."""

    system: System = Field(description="whose words", examples=["primero"])
    list: MapList = Field(description="our code list", examples=["service"])
    ours: Ours | None = Field(default=None, description=_OURS, examples=["HEALTH"])
    theirs: Theirs | None = Field(default=None, description=_THEIRS, examples=["nutrition"])
    way: Way = Field(description="in which direction it holds", examples=["in"])
    source: Line = Field(description="where it is written or agreed", examples=["Agreement with UNICEF, 2026"])
    note_en: Line | None = Field(default=None, description="what is lost, in English", examples=[None])
    note_es: Line | None = Field(default=None, description="what is lost, in Spanish", examples=[None])
    valid_from: Day | None = Field(default=None, description="from which day; null for today", examples=[None])
    valid_to: Day | None = Field(default=None, description="until which day, included", examples=[None])


class MappingOut(Out):
    """A row of the mapping in force."""

    id: str = Field(description="its id", examples=["base-001"])
    system: System = Field(description="whose words", examples=["primero"])
    list: MapList = Field(description="our code list", examples=["state"])
    ours: str | None = Field(description=_OURS, examples=["sent"])
    ours_en: str | None = Field(description="what our code is called, in English", examples=["Sent"])
    ours_es: str | None = Field(description="what our code is called, in Spanish", examples=["Enviada"])
    theirs: str | None = Field(description=_THEIRS, examples=["in_progress"])
    way: Way = Field(description="in which direction it holds", examples=["both"])
    lossy: bool = Field(
        description="whether ours does not come back by their word alone; our exact code travels beside it",
        examples=[False],
    )
    note_en: str | None = Field(description="what is lost, in English", examples=[None])
    note_es: str | None = Field(description="what is lost, in Spanish", examples=[None])
    source: str = Field(description="where it is written", examples=["Design decision"])
    verified: bool = Field(description="whether somebody has checked it against its source", examples=[True])
    valid_from: date = Field(description="from which day", examples=["2026-11-22"])
    valid_to: date | None = Field(description="until which day", examples=[None])

    @classmethod
    def of(cls, row: Row, *, lossy: bool) -> "MappingOut":
        """Show a row."""
        called = text(row.list, row.ours)
        return cls(
            id=row.id, system=row.system, list=row.list, ours=row.ours, ours_en=called.en if called else None,
            ours_es=called.es if called else None, theirs=row.theirs, way=row.way, lossy=lossy,
            note_en=row.note.en if row.note else None, note_es=row.note.es if row.note else None, source=row.source,
            verified=row.verified, valid_from=row.valid_from, valid_to=row.valid_to,
        )  # fmt: skip


class MappingBook(Out):
    """The mapping of today."""

    version: str = Field(description="of the rows: another one when any has changed", examples=["2026-11-22.0"])
    items: list[MappingOut] = Field(description="the rows in force")


class TrialIn(In):
    """Rows to be tried; nothing is written."""

    rows: Annotated[list[MappingIn], Field(min_length=1, max_length=50)] = Field(description="the rows, in order")


class TrialChange(Out):
    """A word whose meaning would change, and how many messages had it."""

    system: System = Field(description="whose word", examples=["primero"])
    list: MapList = Field(description="our code list", examples=["service"])
    theirs: str = Field(description="the word", examples=["medical"])
    before: str | None = Field(description="what it means now", examples=["HEALTH"])
    after: str | None = Field(description="what it would mean; null: it would wait in quarantine", examples=[None])
    messages: int = Field(description="messages of the time that had it", examples=[4])


class TrialOutward(Out):
    """A code of ours that would be said otherwise."""

    system: System = Field(description="to whom", examples=["primero"])
    list: MapList = Field(description="our code list", examples=["service"])
    ours: str = Field(description="our code", examples=["HEALTH"])
    before: str | None = Field(description="how it is said now", examples=["medical"])
    after: str | None = Field(description="how it would be said", examples=["nutrition"])
    lossy: bool = Field(description="whether something would be lost", examples=[True])


class TrialOut(Out):
    """What a change of the mapping would do."""

    waiting: int = Field(description="messages in quarantine that were tried", examples=[3])
    understood: int = Field(description="of these: would be understood", examples=[2])
    examined: int = Field(
        description="messages taken in since then that were looked at, at most 10,000", examples=[120]
    )
    since: datetime = Field(description="from when on", examples=["2026-10-23T00:00:00Z"])
    inward: list[TrialChange] = Field(description="what would be read otherwise")
    outward: list[TrialOutward] = Field(description="what would be said otherwise")


class TakenOut(Out):
    """What became of a message."""

    partner_id: str = Field(description="your id of the referral", examples=["8165ff68-e406-4258-bb77-004b1f148290"])
    partner_version: str = Field(description="your version of it", examples=["3"])
    result: str = Field(
        description="opened, moved, unchanged, stale (you have said something later), or known (taken in before)",
        examples=["moved"],
    )
    referral_id: str = Field(description="our referral", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])
    case_id: str = Field(description="its case", examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    state: State = Field(description="where it stands now", examples=["accepted"])
    waits_for: str | None = Field(description="who must confirm a refusal before it counts", examples=[None])
    version: int = Field(description="counts its changes here", examples=[2])
    allowed_actions: list[str]


class ImportedOne(Out):
    """What became of one message of a batch."""

    index: int = Field(description="its place in the batch, from 0", examples=[0])
    status: int = Field(description="as if it had come alone: 200, or that of the problem", examples=[200])
    code: str | None = Field(description="the kind of problem", examples=[None])
    rule: str | None = Field(description="the rule that refused", examples=[None])
    pointers: list[str] = Field(description="where in the message the fault is", examples=[[]])
    quarantine: str | None = Field(description="under which id it waits, if it does", examples=[None])
    taken: TakenOut | None = Field(description="what became of it, unless there was a problem")


class ImportedMany(Out):
    """What became of each message of a batch. One that is refused leaves the others alone."""

    items: list[ImportedOne] = Field(description="one for each, in order")


class UnknownCode(Out):
    """A word that the mapping does not know."""

    pointer: str = Field(description="where in the message it stands", examples=["/data/service"])
    list: MapList = Field(description="our code list that lacks it", examples=["service"])
    code: str = Field(description="the word", examples=["nutrition"])


class QuarantineOut(Out):
    """A message of yours that waits, or waited, for the mapping."""

    id: str = Field(description="its id", examples=["qua_019aa7c3f0e57d1e8c2f4b6a90d31e77"])
    door: Door = Field(description="the form in which it came", examples=["primero"])
    partner_id: str = Field(description="your id of the referral", examples=["8165ff68-e406-4258-bb77-004b1f148290"])
    partner_version: str = Field(description="your version of it", examples=["3"])
    state: str = Field(description="waiting, replayed, discarded, or lapsed after 90 days", examples=["waiting"])
    received_at: datetime = Field(description="when it came", examples=["2026-11-20T15:04:05Z"])
    settled_at: datetime | None = Field(description="when it was settled; its content is gone then", examples=[None])
    referral_id: str | None = Field(description="the referral that came of it", examples=[None])
    allowed_actions: list[str]


class QuarantineRead(QuarantineOut):
    """The same, with what is not understood of it now."""

    unknown: list[UnknownCode] = Field(description="the words; none left: replay it")


class WaitingCode(Out):
    """A word for which messages wait. It tells nothing of any of them."""

    agencies: list[str] = Field(description="who sent it", examples=[["unicef"]])
    system: System = Field(description="whose word", examples=["primero"])
    list: MapList = Field(description="our code list that lacks it", examples=["service"])
    code: str | None = Field(description="the word; null where it stands in a text of a person", examples=["nutrition"])
    messages: int = Field(description="how many wait for it", examples=[2])


class WaitingCodes(Out):
    """What the mapping lacks."""

    items: list[WaitingCode] = Field(description="the words, those most waited for first")
