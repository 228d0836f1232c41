"""What agencies send and see of referrals."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Risk
from services.referral.referrals.codes import (
    DeclineReason,
    ErrorReason,
    FieldCode,
    HoldReason,
    LawfulBasis,
    NotAchievedReason,
    Outcome,
    Reason,
    RefusalReturn,
    Urgency,
    WithdrawReason,
)
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import NEXT, Party, ReferralKind, State
from shared.auth import Caller
from shared.shapes import Id, In, Language, Note, Out, Slug

ExternalId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$"),
]
Fields = Annotated[list[FieldCode], Field(max_length=len(FieldCode))]
Withheld = Annotated[list[Slug], Field(max_length=20)]


class ReferralIn(In):
    """A request for a service. What the law orders is opened by Ruta, not by this."""

    case_id: Id
    recipient: Slug
    service: Service
    reason: Reason
    urgency: Urgency
    lawful_basis: LawfulBasis
    note: Note | None = None
    risk: Risk | None = Field(default=None, description="null for the case's own", examples=["MEDIUM"])
    fields: Fields | None = Field(
        default=None,
        description="what of the child's record the recipient needs to know, and no more (R29)",
        examples=[["child.languages", "alerts.health"]],
    )
    withheld_from: Withheld = Field(
        default_factory=list, description="agencies that must not know of it, whatever their role", examples=[[]]
    )
    interpreter: Language | None = Field(
        default=None, description="the language of the interpreter who is needed", examples=[None]
    )
    safe_contact: Note | None = Field(
        default=None, description="how to reach the child safely; kept sealed", examples=["By the shelter's duty desk"]
    )
    parent_id: Id | None = Field(
        default=None, description="the referral that you accepted and that this is a part of", examples=[None]
    )
    follows: Id | None = Field(
        default=None, description="your referral that came to nothing before this one", examples=[None]
    )
    external_id: ExternalId | None = Field(
        default=None, description="your own id of it, once for each referral of yours; never a name", examples=[None]
    )


class AnswerIn(In):
    """What may be said with a step."""

    note: Note | None = None


class HoldIn(AnswerIn):
    """Why it rests for a while."""

    reason: HoldReason | None = Field(default=None, description="why", examples=["WAITING_FOR_DOCUMENTS"])


class AppointmentIn(AnswerIn):
    """When the service begins, as agreed with the child."""

    at: AwareDatetime = Field(description="the agreed time", examples=["2026-11-23T16:00:00Z"])


class _ClosingIn(AnswerIn):
    """What ends a referral, and those under it if that is said."""

    with_parts: bool = Field(
        default=False, description="whether the open referrals under it end with it", examples=[False]
    )


class CompleteIn(_ClosingIn):
    """What came of it."""

    outcome: Outcome | None = Field(default=None, description="what came of it", examples=["PROVIDED"])


class NotAchieveIn(_ClosingIn):
    """Why it could not be achieved."""

    reason: NotAchievedReason | None = Field(default=None, description="why not", examples=["NO_CONTACT"])


class WithdrawIn(_ClosingIn):
    """Why the sender takes it back."""

    reason: WithdrawReason | None = Field(default=None, description="why", examples=["NO_LONGER_NEEDED"])


class ErrorIn(_ClosingIn):
    """Why it should never have been."""

    reason: ErrorReason = Field(description="why", examples=["DUPLICATE"])
    instead: Slug | None = Field(
        default=None, description="of what the law orders: who should have had it", examples=[None]
    )


class DeclineIn(In):
    """Why the recipient cannot take the referral."""

    reason: DeclineReason
    note: Note | None = None


class RefusalReturnIn(AnswerIn):
    """Why a refusal is not confirmed."""

    reason: RefusalReturn = Field(description="why", examples=["CAPACITY_EXISTS"])


class HandOnIn(AnswerIn):
    """Who was found."""

    recipient: Slug = Field(description="the body that was found", examples=["dif-tam"])


class RefusalOut(Out):
    """A refusal that waits for its second party."""

    reason: str = Field(description="code: why the recipient refuses", examples=["NO_CAPACITY"])
    at: datetime | None = Field(description="when it refused")
    to: str | None = Field(description="who confirms it or returns it", examples=["pp-chp"])


class ReferralOut(Out):
    """A referral, and what the reader may do with it."""

    id: str
    case_id: str
    child_id: str
    kind: ReferralKind
    state: State
    sender: str
    recipient: str
    mandatory: bool
    reason: str
    service: Service | None
    urgency: Urgency
    lawful_basis: LawfulBasis
    note: str | None
    has_note: bool = Field(description="whether there is one: a single reading shows it and is recorded")
    answer_reason: str | None
    answer_note: str | None
    has_answer_note: bool = Field(description="whether there is one: a single reading shows it and is recorded")
    hold_reason: str | None = Field(description="code: why it rests, while it does", examples=[None])
    outcome: str | None = Field(description="code: what came of it", examples=[None])
    end_reason: str | None = Field(description="code: why it ended otherwise", examples=[None])
    refusal: RefusalOut | None = Field(description="a refusal that waits for its second party", examples=[None])
    refusal_returned: str | None = Field(description="code: why the last refusal was returned", examples=[None])
    risk: Risk | None = Field(description="how much harm threatens the child", examples=[None])
    fields: list[FieldCode] | None = Field(
        description="what of the child's record the recipient needs to know; null where nobody listed it",
        examples=[["child.languages"]],
    )
    withheld_from: list[str] = Field(description="agencies that must not know of it", examples=[[]])
    interpreter: str | None = Field(description="the language of the interpreter who is needed", examples=[None])
    safe_contact: str | None = Field(
        description="how to reach the child safely; only a single reading shows it", examples=[None]
    )
    parent_id: str | None = Field(description="the referral that it is part of", examples=[None])
    follows: str | None = Field(description="the referral that came to nothing before it", examples=[None])
    external_id: str | None = Field(description="the sender's own id; to others null", examples=[None])
    due_at: datetime
    serve_by: datetime | None = Field(description="when the service is to have begun", examples=[None])
    appointment_at: datetime | None = Field(description="when it begins, as agreed", examples=[None])
    acknowledged_at: datetime | None
    accepted_at: datetime | None
    closed_at: datetime | None
    escalated_to: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    next: Party | None
    allowed_actions: list[str]

    @classmethod
    def of(cls, caller: Caller, referral: Referral, allowed_actions: list[str], **words: str | None) -> "ReferralOut":
        """Show a referral. `words` are what people said, if the reader may see them here."""
        return cls.model_validate(shown(caller, referral, allowed_actions) | words)


_MADE = {
    "note", "has_note", "answer_note", "has_answer_note", "safe_contact", "refusal", "withheld_from", "external_id",
    "next", "allowed_actions",
}  # fmt: skip


def shown(caller: Caller, referral: Referral, allowed_actions: list[str]) -> dict[str, object]:
    """Return what `ReferralOut` shows of a referral to this caller, without what people said."""
    waiting = referral.refusal_reason
    refusal = None if waiting is None else {"reason": waiting, "at": referral.refusal_at, "to": referral.refusal_to}
    return {name: getattr(referral, name) for name in ReferralOut.model_fields.keys() - _MADE} | {
        "note": None,
        "has_note": referral.sealed_note is not None or referral.note is not None,
        "answer_note": None,
        "has_answer_note": referral.sealed_answer is not None or referral.answer_note is not None,
        "safe_contact": None,
        "refusal": refusal,
        "withheld_from": referral.withheld_from or [],
        "external_id": referral.external_id if caller.agency == referral.sender else None,
        "next": Party.REVIEWER if waiting is not None else NEXT[referral.state],
        "allowed_actions": allowed_actions,
    }


class LinkOut(Out):
    """Another referral that this one hangs together with."""

    id: str = Field(description="its id", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])
    kind: ReferralKind = Field(description="what it is", examples=["SERVICE"])
    recipient: str = Field(description="who was asked", examples=["unicef"])
    state: State = Field(description="where it stands", examples=["declined"])
    answer_reason: str | None = Field(description="code: why it was declined", examples=["NO_CAPACITY"])


class ReferralRead(ReferralOut):
    """A referral in full: with what people said, its chain and its parts, as far as the reader may see them."""

    chain: list[LinkOut] = Field(description="the referrals that followed each other, the first one first")
    parts: list[LinkOut] = Field(description="the referrals under it")


class ReferralLoadOut(Out):
    """An upload: how far it is, and what became of its lines. What is counted is committed."""

    id: str = Field(description="its id", examples=["rlo_019aa7c3f0e57d1e8c2f4b6a90d31e56"])
    attempts: int = Field(description="how often it was begun", examples=[1])
    last_line: int = Field(description="the last line that was taken in", examples=[200])
    opened: int = Field(description="lines that are referrals now", examples=[198])
    known: int = Field(description="lines whose external_id was there already: they changed nothing", examples=[0])
    refused: int = Field(description="lines that were refused; their faults are listed", examples=[2])
    started_at: datetime = Field(description="when the last attempt began")
    finished_at: datetime | None = Field(description="when it came to its end; null while it runs or if it broke off")


class ReferralLoadErrorOut(Out):
    """One fault of one line."""

    line: int = Field(description="the line, counted from 1", examples=[17])
    code: str = Field(description="the kind of problem, as everywhere", examples=["invalid_request"])
    pointer: str = Field(description="JSON pointer to the field", examples=["/recipient"])
    reason: str = Field(description="code: what is wrong with it; never its value", examples=["unknown"])
    rule: str | None = Field(description="the rule of the route that refused", examples=[None])
