"""Referrals as they are sent and seen."""

from datetime import datetime

from services.referral.agencies.rules import Service
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import (
    NEXT,
    DeclineReason,
    LawfulBasis,
    Party,
    Reason,
    ReferralKind,
    State,
    Urgency,
)
from shared.shapes import Id, In, Note, Out, Slug


class ReferralIn(In):
    """A request for a service. What the law orders is opened by Ruta, not by this."""

    case_id: Id
    recipient: Slug
    service: Service
    reason: Reason
    urgency: Urgency
    lawful_basis: LawfulBasis
    note: Note | None = None


class AnswerIn(In):
    """What may be said with a step."""

    note: Note | None = None


class DeclineIn(In):
    """Why the recipient cannot take the referral."""

    reason: DeclineReason
    note: Note | None = None


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
    answer_reason: str | None
    answer_note: str | None
    due_at: datetime
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
    def of(cls, referral: Referral, allowed_actions: list[str]) -> "ReferralOut":
        """Show a referral."""
        shown = {name: getattr(referral, name) for name in cls.model_fields.keys() - {"next", "allowed_actions"}}
        return cls.model_validate(shown | {"next": NEXT[referral.state], "allowed_actions": allowed_actions})
