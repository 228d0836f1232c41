"""Plans and their items as they are drawn up and seen."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.referral.cases.schemas import Officer, Reference
from services.referral.measures.rules import MeasureKind
from services.referral.plans.rules import Beneficiary, ItemState, Periodicity, PlanState, Right, Unmet
from shared.shapes import Day, Id, In, Line, Note, Out, Slug

_WHEN = "2026-11-20T15:04:05Z"
_WHO = "agency and officer"
_ITEM_ID = "itm_019aa7c3f0e57d1e8c2f4b6a90d31e87"
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ItemIn(In):
    """One thing that is to be done."""

    right: Right = Field(description="which right it restores (LGDNNA 13)", examples=["EDUCATION"])
    basis: Line = Field(description="the legal basis", examples=["LGDNNA, art. 57"])
    kind: MeasureKind = Field(description="URGENT or SPECIAL", examples=["SPECIAL"])
    beneficiary: Beneficiary = Field(description="whom it serves", examples=["CHILD"])
    measure: Note = Field(description="what is to be done; sealed", examples=["Inscribirla en secundaria."])
    agency: Slug = Field(description="the institution that answers for it", examples=["dif-chp"])
    responsible: Line = Field(description="the person who answers for it there; sealed", examples=["Ficticia Enlace"])
    periodicity: Periodicity = Field(description="how often", examples=["ONCE"])
    due_on: Day = Field(description="the last day on which it is in time, where the case is", examples=["2027-01-15"])
    continues: Id | None = Field(
        default=None, description="the item of the former version that it goes on with: it stands where that one did",
        examples=[None],
    )  # fmt: skip


Items = Annotated[list[ItemIn], Field(min_length=1, max_length=100)]


class PlanIn(In):
    """The Procuraduría draws up a version of the plan."""

    case_id: Id
    allows_exit: bool = Field(
        description="whether the child may leave the country by it: only where the determination decided so (R21)",
        examples=[False],
    )  # fmt: skip
    items: Items
    officer: Officer


class PlanSignatureIn(In):
    """The Procuraduría signs a version of the plan."""

    officer: Officer
    reference: Reference = Field(description="the number of the signed document")


class PlanDiscardIn(In):
    """The Procuraduría discards a draft."""

    officer: Officer


class ItemNoteIn(In):
    """Who takes a step of an item."""

    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class ItemReportIn(ItemNoteIn):
    """The responsible agency says that it is done."""

    reference: Reference = Field(description="the number of the evidence")
    digest: Digest | None = Field(
        default=None, description="SHA-256 of the evidence, hexadecimal", examples=["ab" * 32]
    )


class UnmetIn(ItemNoteIn):
    """It cannot be met."""

    reason: Unmet = Field(description="why", examples=["NOT_AVAILABLE"])


class ItemStepOut(Out):
    """What was done with an item."""

    state: ItemState = Field(description="the state that it led to", examples=["reported"])
    reference: str | None = Field(description="the number of the evidence", examples=["CONST/2026/3"])
    digest: str | None = Field(description="SHA-256 of the evidence, hexadecimal", examples=[None])
    note: str | None = Field(description="in words; in a list always null", examples=[None])
    recorded_by: str = Field(description=_WHO, examples=["dif-chp/dif-0031"])
    recorded_at: datetime = Field(description="when", examples=[_WHEN])


class ItemOut(Out):
    """An item of a plan, to the Procuraduría of the territory and the agency that answers for it, to nobody else."""

    id: str = Field(description="its id", examples=[_ITEM_ID])
    plan_id: str = Field(description="the plan", examples=["prd_019aa7c3f0e57d1e8c2f4b6a90d31e86"])
    case_id: str
    number: int = Field(description="its number in the plan", examples=[1])
    continues: str | None = Field(description="the item of the former version that it goes on with", examples=[None])
    right: Right = Field(description="which right it restores (LGDNNA 13)", examples=["EDUCATION"])
    basis: str = Field(description="the legal basis", examples=["LGDNNA, art. 57"])
    kind: MeasureKind = Field(description="URGENT or SPECIAL", examples=["SPECIAL"])
    beneficiary: Beneficiary = Field(description="whom it serves", examples=["CHILD"])
    measure: str | None = Field(description="what is to be done; in a list always null", examples=[None])
    agency: str = Field(description="the institution that answers for it", examples=["dif-chp"])
    responsible: str | None = Field(description="the person there; in a list always null", examples=[None])
    periodicity: Periodicity = Field(description="how often", examples=["ONCE"])
    due_on: date = Field(description="the last day on which it is in time", examples=["2027-01-15"])
    due_at: datetime = Field(description="the end of that day", examples=["2027-01-16T06:00:00Z"])
    state: ItemState = Field(description="where it stands", examples=["planned"])
    late: bool = Field(description="whether it should have been done by now", examples=[False])
    reported_at: datetime | None = Field(description="when it was reported done", examples=[None])
    settled_at: datetime | None = Field(description="when it was met or reasoned", examples=[None])
    unmet: Unmet | None = Field(description="why it cannot be met", examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    steps: list[ItemStepOut] = Field(description="what was done with it, oldest first; in a list always empty")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["start", "report"]])


class PlanOut(Out):
    """A version of the plan, to the Procuraduría of the territory. Others see the items that they answer for."""

    id: str = Field(description="its id", examples=["prd_019aa7c3f0e57d1e8c2f4b6a90d31e86"])
    case_id: str
    number: int = Field(description="1 for the first version of a case", examples=[1])
    determination_id: str
    state: PlanState = Field(description="where it stands", examples=["draft"])
    allows_exit: bool = Field(description="whether the child may leave the country by it (R21)", examples=[False])
    drawn_up_by: str = Field(description=_WHO, examples=["pp-chp/pp-0001"])
    drawn_up_at: datetime = Field(description="when it was drawn up", examples=[_WHEN])
    signed_by: str | None = Field(description=_WHO, examples=[None])
    signed_at: datetime | None = Field(description="when it was signed", examples=[None])
    reference: str | None = Field(description="the number of the signed document", examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    items: list[ItemOut] = Field(description="what is to be done")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["sign", "discard"]])
