"""The table of referrals."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.agencies.rules import Service
from services.referral.referrals.rules import LawfulBasis, ReferralKind, State, Urgency
from shared.db import UTCDateTime, coded


class Referral(SQLModel, table=True):
    """What one agency asks of another for one child. It holds codes; identity stays in intake."""

    __tablename__ = "referral"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    kind: ReferralKind = Field(sa_type=coded(ReferralKind))
    state: State = Field(default=State.SENT, sa_type=coded(State))
    sender: str = Field(index=True)
    recipient: str = Field(index=True)
    reason: str = Field(description="code: why it was opened")
    service: Service | None = Field(default=None, sa_type=coded(Service))
    urgency: Urgency = Field(sa_type=coded(Urgency))
    lawful_basis: LawfulBasis = Field(sa_type=coded(LawfulBasis))
    note: str | None = None
    answer_reason: str | None = Field(default=None, description="code: why it was declined")
    answer_note: str | None = None
    due_at: datetime = Field(sa_type=UTCDateTime, description="when the acknowledgement is due")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    escalated_to: str | None = Field(
        default=None, index=True, description="the federal body that learned of the breach, and may read it"
    )
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1

    @property
    def mandatory(self) -> bool:
        """Whether the law orders it."""
        return self.kind is not ReferralKind.SERVICE
