"""The facts that services tell each other and the world. Fields may be added, never removed.

Ids, codes and times only. To receivers outside, types are neutral: no type tells of refuge or
protection. Only a released notice says a nationality (the guard, docs/guard.md).
"""

from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Fact(BaseModel):
    """What the `data` of an event holds."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class EncounterRecorded(Fact):
    """intake → referral: a child was met; these referrals are mandatory."""

    TYPE: ClassVar = "encounter.recorded"
    encounter_id: str
    child_id: str
    kind: str
    state: str
    agency: str
    facts_version: int
    referrals: list[str]
    carer_with_child: bool = False
    """Whether an adult who cares for the child was met with it: R10 holds for that adult."""
    clocks: list[dict[str, Any]] = []
    """The clocks that it has started, each a `ClockMoved`."""


class FactsChanged(Fact):
    """intake → referral: what is known of a child has changed; referral fetches it."""

    TYPE: ClassVar = "facts.changed"
    child_id: str
    facts_version: int


class DutyMet(Fact):
    """referral → intake: the duty behind a clock that intake runs was done."""

    TYPE: ClassVar = "duty.met"
    duty: str
    child_id: str
    met_at: AwareDatetime
    encounters: list[str] | None = None  # whose duty it was; null: every one that ran by then


class OficioIssued(Fact):
    """referral → intake: the Procuraduría attended where a child was met with its carer, and drew up the oficio."""

    TYPE: ClassVar = "oficio.issued"
    oficio_id: str
    encounter_id: str
    child_id: str
    agency: str
    officer: str
    attended_at: AwareDatetime
    issued_at: AwareDatetime


class CaseMoved(Fact):
    """referral → intake: a case was closed, begins again (closed_at null) or is another state's. The last holds."""

    TYPE: ClassVar = "case.moved"
    child_id: str
    version: int
    state: str
    closed_at: AwareDatetime | None = None


class ReturnCompleted(Fact):
    """referral → intake: a foreign child was received by its country. Intake fills in what is null, and counts it."""

    TYPE: ClassVar = "return.completed"
    return_id: str
    child_id: str
    completed_at: AwareDatetime
    state: str
    """The Mexican state that the child left: the return counts in the month of the day there."""
    nationality: str | None = None
    age_group: str | None = None
    travel_condition: str | None = None


class ReferralMoved(Fact):
    """referral → both agencies: a referral was sent or has moved. Its content is fetched, not sent."""

    SENT: ClassVar = "referral.sent"
    TYPE: ClassVar = "referral.moved"
    referral_id: str
    state: str


class MeasureMoved(Fact):
    """referral → Procuraduría, DIF and Ministerio Público: a measure of protection was asked for, or decided on."""

    TYPE: ClassVar = "measure.moved"
    measure_id: str
    state: str


class PlanItemMoved(Fact):
    """referral → the agency responsible for one item of a plan, and the Procuraduría: it was given, or has moved."""

    TYPE: ClassVar = "plan_item.moved"
    item_id: str
    state: str


class Office(BaseModel):
    """An office that a consulate may turn to (LM 112-V)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    name: str


class ReleaseGranted(Fact):
    """referral → consular: a notice may be sent. The only thing that the consular database ever learns."""

    TYPE: ClassVar = "release.granted"
    release_id: str
    nationality: str
    state: str
    pp: Office
    dif: Office


class CrossingSent(Fact):
    """referral → a body of another state: what is asked of it for a child. No identity, no age, no date, no case."""

    TYPE: ClassVar = "crossing.sent"
    crossing_id: str
    state: str
    service: str
    pp: Office
    dif: Office


class NoticeAcknowledged(Fact):
    """consular → referral: the consulate said that it has been notified."""

    TYPE: ClassVar = "notice.acknowledged"
    release_id: str
    acknowledged_at: AwareDatetime


class NoticeIssued(Fact):
    """consular → the consulate: the whole notice of LM 112-V. There is nothing to fetch."""

    TYPE: ClassVar = "notice.issued"
    notice_id: str
    nationality: str
    state: str
    pp: Office
    dif: Office
    statement_es: str
    statement_en: str
    padding: str = ""
    """Fill, so that every notice has one size. Receivers ignore it."""


class ClockSpoke(Fact):
    """any service → whoever owes the duty, and those above: its time is nearly over, over, or long over (`step`)."""

    clock_id: str
    rule: str
    resource_id: str
    due_at: AwareDatetime
    agency: str | None = None
    step: int | None = None
