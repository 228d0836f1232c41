"""What agencies send and see of consents, withdrawals, overrides and withholdings."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from services.referral.cases.recipients import RecipientClass
from services.referral.cases.schemas import Officer, Reference
from services.referral.consents.codes import (
    Assent,
    Done,
    Form,
    Giver,
    OverrideReason,
    Purpose,
    WithdrawalReason,
    WithholdReason,
)
from services.referral.consents.rules import ConsentState, NoticeState, OverrideState
from services.referral.referrals.codes import FieldCode
from shared.events import Fact
from shared.shapes import Id, In, Language, Note, Out, Past, Slug


class ConsentWithdrawn(Fact):
    """referral → an earlier recipient: what it read rests on nothing any more. The notice says what to do."""

    TYPE: ClassVar = "consent.withdrawn"
    withdrawal_notice_id: str


Purposes = Annotated[list[Purpose], Field(min_length=1, max_length=len(Purpose), examples=[["PSYCHOSOCIAL"]])]
Agencies = Annotated[list[Slug], Field(max_length=20, examples=[["unicef"]])]
Classes = Annotated[list[RecipientClass], Field(max_length=len(RecipientClass), examples=[[]])]
Fields = Annotated[list[FieldCode], Field(max_length=len(FieldCode), examples=[["child.languages"]])]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(examples=["0f" * 32])]
Article = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ,./-]{1,63}$"),
    Field(examples=["Ley General de Archivos 11"]),
]


class ConsentIn(In):
    """A consent as it was given. It is recorded once it was explained to the child in its language."""

    case_id: Id
    given_by: Giver = Field(description="who consents", examples=["PP_EN_SUPLENCIA"])
    purposes: Purposes = Field(description="what the data may be used for")
    agencies: Agencies = Field(description="recipients by name")
    classes: Classes = Field(default_factory=list, description="recipients as a class")
    fields: Fields = Field(min_length=1, description="which fields, and no others")
    assent: Assent = Field(description="what the child said", examples=["GIVEN"])
    language: Language = Field(description="in which it was explained to the child", examples=["spa"])
    explained_at: Past = Field(description="when it was explained")
    form: Form = Field(description="what proves it", examples=["WRITTEN"])
    evidence_digest: Digest | None = Field(description="SHA-256 of the signed document", examples=["0f" * 32])
    evidence_reference: Reference | None = Field(
        description="where the document is kept; never a name", examples=["PP/2026/0417"]
    )
    valid_from: AwareDatetime | None = Field(default=None, description="null: from now", examples=[None])
    expires_at: AwareDatetime | None = Field(
        default=None, description="when it ends; null: half a year after it began", examples=[None]
    )
    officer: Officer
    note: Note | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.agencies and not self.classes:
            raise ValueError("a recipient is missing")
        if self.form is not Form.VERBAL and (self.evidence_digest is None or self.evidence_reference is None):
            raise ValueError("a document has a digest and a reference")
        return self


class WithdrawIn(In):
    """Who takes a consent back."""

    withdrawn_by: Giver = Field(description="who takes it back", examples=["PP_EN_SUPLENCIA"])
    reason: WithdrawalReason = Field(
        default=WithdrawalReason.NOT_SAID, description="why; nobody has to say", examples=["NOT_SAID"]
    )
    officer: Officer
    note: Note | None = None


class NarrowIn(WithdrawIn):
    """What is taken back: these fields, from these recipients. What is left empty means all of them."""

    fields: Fields = Field(description="empty: all of them")
    agencies: Agencies = Field(default_factory=list, description="both empty: all recipients")
    classes: Classes = Field(default_factory=list, description="recipients as a class")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.fields or self.agencies or self.classes):
            raise ValueError("nothing is named: that is to withdraw it")
        return self


class OfficerIn(In):
    """Who takes a step."""

    officer: Officer


class WithdrawalOut(Out):
    """What was taken back, and when."""

    id: str
    withdrawn_by: Giver = Field(description="who took it back")
    reason: str = Field(description="code: why", examples=["NOT_SAID"])
    fields: list[FieldCode] = Field(description="empty: all of them")
    agencies: list[str] = Field(description="both empty: all recipients")
    classes: list[RecipientClass] = Field(description="recipients as a class")
    agency: str
    officer: str
    at: datetime = Field(description="when")


class ConsentOut(Out):
    """A consent as the Procuraduría and the agency that recorded it see it."""

    id: str = Field(description="its id", examples=["cst_019aa7c3f0e57d1e8c2f4b6a90d31ea1"])
    case_id: str
    child_id: str
    state: ConsentState = Field(description="where it stands", examples=["ACTIVE"])
    live: bool = Field(description="whether it lets anything through at this moment", examples=[True])
    given_by: Giver = Field(description="who consented", examples=["PP_EN_SUPLENCIA"])
    purposes: list[Purpose] = Field(description="what for", examples=[["PSYCHOSOCIAL"]])
    agencies: list[str] = Field(description="recipients by name", examples=[["unicef"]])
    classes: list[RecipientClass] = Field(description="recipients as a class", examples=[[]])
    fields: list[FieldCode] = Field(description="which fields", examples=[["child.languages"]])
    assent: Assent = Field(description="what the child said", examples=["GIVEN"])
    language: str = Field(description="in which it was explained", examples=["spa"])
    explained_at: datetime = Field(description="when it was explained")
    form: Form = Field(description="what proves it", examples=["WRITTEN"])
    evidence_digest: str | None = Field(description="SHA-256 of the document")
    evidence_reference: str | None = Field(description="where the document is kept")
    note: str | None = Field(description="only a single reading shows it, and is recorded")
    valid_from: datetime = Field(description="since when it holds")
    expires_at: datetime = Field(description="when it ends")
    reviewed_at: datetime | None = Field(description="when it was last reviewed")
    ended_at: datetime | None = Field(description="when it was withdrawn whole")
    withdrawals: list[WithdrawalOut] = Field(description="what was taken back, oldest first", examples=[[]])
    agency: str
    officer: str
    created_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str]


class AcknowledgeIn(In):
    """What a recipient did with what it had read."""

    done: Done = Field(description="what it did", examples=["ERASED"])
    article: Article | None = Field(
        default=None, description="by which article it is kept, where it is", examples=[None]
    )
    officer: Officer


class WithdrawalNoticeOut(Out):
    """An earlier recipient is told, and says what it did."""

    id: str = Field(description="its id", examples=["wdn_019aa7c3f0e57d1e8c2f4b6a90d31ea2"])
    case_id: str
    child_id: str
    agency: str
    fields: list[FieldCode] = Field(description="what rests on nothing any more", examples=[["child.languages"]])
    referrals: list[str] = Field(
        description="by which it was read", examples=[["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"]]
    )
    state: NoticeState = Field(description="where it stands", examples=["OPEN"])
    overdue: bool = Field(description="whether its time is over", examples=[False])
    opened_at: datetime = Field(description="since when")
    due_at: datetime
    acknowledged_at: datetime | None = Field(description="when the recipient said what it did")
    done: Done | None = Field(description="what the recipient did", examples=[None])
    article: str | None = Field(description="by which article it is kept", examples=[None])
    officer: str | None = Field(description="who says so, by number", examples=[None])
    version: int
    allowed_actions: list[str]


class OverrideIn(In):
    """A supervisor lets an agency read without consent."""

    case_id: Id
    recipient: Slug
    purpose: Purpose = Field(description="what for", examples=["HEALTH"])
    fields: Fields = Field(min_length=1, description="which fields, and no others")
    reason: OverrideReason = Field(description="why", examples=["URGENT_HEALTH"])
    officer: Officer
    note: Note | None = None


class OverrideOut(Out):
    """An override, and what came of its review."""

    id: str = Field(description="its id", examples=["ovr_019aa7c3f0e57d1e8c2f4b6a90d31ea3"])
    case_id: str
    child_id: str
    state: OverrideState = Field(description="where it stands", examples=["PENDING"])
    live: bool = Field(description="whether it lets anything through at this moment", examples=[True])
    recipient: str
    purpose: Purpose = Field(description="what for", examples=["HEALTH"])
    fields: list[FieldCode] = Field(description="which fields", examples=[["alerts.health"]])
    reason: str = Field(description="code: why", examples=["URGENT_HEALTH"])
    note: str | None = Field(description="only the answer to its making shows it", examples=[None])
    agency: str
    officer: str
    created_at: datetime
    review_by: datetime = Field(description="when it ends, unless it was upheld")
    expires_at: datetime = Field(description="when it ends at the latest")
    reviewed_at: datetime | None = Field(description="when it was reviewed")
    reviewed_by: str | None = Field(description="by which agency and officer", examples=[None])
    version: int
    allowed_actions: list[str]


class WithholdIn(In):
    """From whom a case is to be kept: an agency, or a class of them."""

    case_id: Id
    agency: Slug | None = Field(description="an agency", examples=["unicef"])
    recipient_class: RecipientClass | None = Field(default=None, description="or a class", examples=[None])
    reason: WithholdReason = Field(description="why", examples=["FEAR_OF_HARM"])
    officer: Officer
    note: Note | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.agency is None) == (self.recipient_class is None):
            raise ValueError("exactly one of agency and recipient_class")
        return self


class WithholdingOut(Out):
    """From whom a case is kept. The Procuraduría alone sees it."""

    id: str = Field(description="its id", examples=["wth_019aa7c3f0e57d1e8c2f4b6a90d31ea4"])
    case_id: str
    whom: str = Field(description="id of an agency, or code of a class", examples=["unicef"])
    reason: str = Field(description="code: why", examples=["FEAR_OF_HARM"])
    agency: str
    officer: str
    since: datetime = Field(description="since when")
    until: datetime | None = Field(description="until when; null while it stands")
    ended_by: str | None = Field(description="by which agency and officer", examples=[None])
    allowed_actions: list[str]
