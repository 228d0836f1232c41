"""What agencies send and see of transfers."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field, StringConstraints

from services.referral.cases.rules import Representation, Risk, Status
from services.referral.places.rules import AgeBand, PlaceSex
from services.referral.referrals.codes import LawfulBasis
from services.referral.transfers.rules import (
    CaseField,
    Condition,
    Side,
    TransferKind,
    TransferReason,
    TransferRefusal,
    TransferState,
    TransferWithdrawal,
    View,
)
from shared.events import Fact
from shared.shapes import Id, In, Line, Note, Out, Past, Slug


class TransferMoved(Fact):
    """referral → both agencies: a transfer was proposed or has moved. Its content is fetched, not sent."""

    PROPOSED: ClassVar = "transfer.proposed"
    TYPE: ClassVar = "transfer.moved"
    transfer_id: str
    state: str


Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["dif-0031"], description="the officer's own number in the agency's system; never a name"),
]
CaseFields = Annotated[list[CaseField], Field(max_length=len(CaseField))]


class TransferIn(In):
    """A child, or its case, is to pass to another authority."""

    case_id: Id
    kind: TransferKind = Field(description="what passes: the child, or the case", examples=["CUSTODY"])
    recipient: Slug = Field(description="who is to take over", examples=["dif-tam"])
    reason: TransferReason = Field(description="why", examples=["FAMILY_UNITY"])
    lawful_basis: LawfulBasis
    fields: CaseFields = Field(
        description="what of the case the recipient sees from its acceptance until the arrival",
        examples=[["status", "risk"]],
    )
    sex: PlaceSex | None = Field(
        default=None, description="for whom a place is needed; needed where the recipient is a centre (R11)",
        examples=["F"],
    )  # fmt: skip
    age_band: AgeBand | None = Field(
        default=None, description="the child's age, or FAMILY; likewise", examples=["12-17"]
    )
    officer: Officer
    note: Note | None = None


class TransferStep(In):
    """Who takes a step, and what there is to say."""

    officer: Officer
    note: Note | None = None


class TransferDeclineIn(TransferStep):
    """Why the recipient does not take over."""

    reason: TransferRefusal = Field(description="why", examples=["NO_CAPACITY"])


class TransferWithdrawIn(TransferStep):
    """Why the sender takes it back."""

    reason: TransferWithdrawal = Field(description="why", examples=["CHILD_IS_BACK"])


class DepartureIn(TransferStep):
    """The child has left."""

    departed_at: Past = Field(description="when it left")
    expected_at: AwareDatetime = Field(description="when it is expected", examples=["2027-01-04T16:00:00Z"])


class ArrivalIn(In):
    """The child has arrived, and is with the recipient from then on."""

    arrived_at: Past = Field(description="when it arrived")
    place: Line = Field(description="where it was handed over; kept sealed", examples=["Módulo de recepción"])
    handed_over_by: Officer = Field(description="who handed the child over", examples=["dif-0031"])
    received_by: Officer = Field(description="who received the child", examples=["dif-0107"])
    condition: Condition = Field(description="how the child was", examples=["TIRED"])
    note: Note | None = None


class CaseGlance(Out):
    """What the reader sees of the case here; the rest is null."""

    status: Status | None = Field(description="where the case stands", examples=["IN_CARE"])
    stage: int | None = Field(description="the stage of the Ruta", examples=[2])
    state: str | None = Field(description="the case's state", examples=[None])
    representation: Representation | None = Field(description="how the child is represented", examples=[None])
    representative: str | None = Field(description="the Procuraduría", examples=[None])
    notified_at: datetime | None = Field(description="when the Procuraduría acknowledged", examples=[None])
    notified_by: str | None = Field(description="which one", examples=[None])
    dif: str | None = Field(description="who has the child in care", examples=[None])
    dif_accepted_at: datetime | None = Field(description="since when", examples=[None])
    risk: Risk | None = Field(description="how much harm threatens", examples=["MEDIUM"])


class TransferOut(Out):
    """A transfer as its reader sees it. Once the child has arrived the sender sees only that it sent it."""

    id: str = Field(description="its id", examples=["trf_019aa7c3f0e57d1e8c2f4b6a90d31e91"])
    case_id: str
    child_id: str | None = Field(description="the child; null in the reduced view")
    kind: TransferKind = Field(description="what passes: the child, or the case", examples=["CUSTODY"])
    state: TransferState = Field(description="where it stands", examples=["departed"])
    view: View = Field(description="how much of it you see", examples=["full"])
    sender: str
    recipient: str
    from_state: str = Field(description="the case's state when it was proposed", examples=["MX-CHP"])
    to_state: str = Field(description="the recipient's state", examples=["MX-TAM"])
    reason: str | None = Field(description="code: why", examples=["FAMILY_UNITY"])
    lawful_basis: LawfulBasis | None
    fields: list[CaseField] | None = Field(
        description="what of the case the recipient sees until the arrival", examples=[["status", "risk"]]
    )
    sex: PlaceSex | None = Field(description="the place that a centre is asked for", examples=[None])
    age_band: AgeBand | None = Field(description="the place that a centre is asked for", examples=[None])
    officer: str | None = Field(description="who proposed it, by number", examples=["dif-0031"])
    note: str | None
    answer_note: str | None = Field(description="what was said with the last step", examples=[None])
    end_reason: str | None = Field(description="code: why it was declined or withdrawn", examples=[None])
    answer_by: datetime | None = Field(description="when the answer is due")
    accepted_at: datetime | None
    departed_at: datetime | None = Field(description="when the child left")
    expected_at: datetime | None = Field(description="when it is expected")
    arrive_by: datetime | None = Field(description="when its arrival is no longer in time")
    arrived_at: datetime | None = Field(description="when it arrived: from then on it is the recipient's")
    place: str | None = Field(description="where it was handed over", examples=[None])
    handed_over_by: str | None = Field(description="who handed the child over", examples=[None])
    received_by: str | None = Field(description="who received the child", examples=[None])
    condition: Condition | None = Field(description="how the child was", examples=[None])
    case: CaseGlance | None = Field(description="what you see of the case here; null where you may read it, or not yet")
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    next: Side | None = Field(description="whose turn it is", examples=["recipient"])
    allowed_actions: list[str]
