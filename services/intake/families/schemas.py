"""What systems send and see of families."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from services.intake.children.schemas import Officer, Reference
from services.intake.encounters.rules import Relation, Tie, TieProof
from services.intake.encounters.schemas import AdultIdentity
from services.intake.families.rules import (
    LARGEST,
    MemberRole,
    RemovalReason,
    SeparationReason,
    SeparationState,
)
from shared.shapes import Id, In, Out, Past

_FAMILY = "fam_019aa7c3f0e57d1e8c2f4b6a90d31e70"
_MEMBER = "fmb_019aa7c3f0e57d1e8c2f4b6a90d31e71"
_SEPARATION = "sep_019aa7c3f0e57d1e8c2f4b6a90d31e72"
_DECIDED = "pp-chp/pp-0001"
CaringTie = Literal[Tie.PARENTAL_AUTHORITY, Tie.LEGAL_CUSTODY, Tie.GUARDIANSHIP, Tie.CUSTOMARY_CARE]


class FamilyChild(In):
    """A child of the family."""

    child_id: Id
    relation: Relation | None = Field(default=None, description="what the member is to the first child")


class Carer(In):
    """An adult who cares for the children of the family."""

    tie: CaringTie = Field(description="what makes the adult a carer")
    relation: Relation | None = Field(default=None, description="what the member is to the first child")
    proofs: Annotated[list[TieProof], Field(max_length=4)] = Field(
        default_factory=list, description="what the tie rests on"
    )
    identity: AdultIdentity | None = Field(default=None, description="who the carer says to be; sealed")


class FamilyIn(In):
    """Who belongs together: at least two, one of them a child."""

    children: Annotated[list[FamilyChild], Field(min_length=1, max_length=LARGEST)] = Field(
        description="the children, all of them known"
    )
    carers: Annotated[list[Carer], Field(max_length=4)] = Field(default_factory=list, description="the carers, if any")

    @model_validator(mode="after")
    def _a_family(self) -> Self:
        if len({each.child_id for each in self.children}) < len(self.children):
            raise ValueError("a child stands there twice")
        if not 2 <= len(self.children) + len(self.carers) <= LARGEST:
            raise ValueError("a family has at least two members")
        return self


class PpDecision(In):
    """A reasoned decision of the Procuraduría. The child was heard before it."""

    officer: Officer
    reference: Reference = Field(description="number of the reasoned decision")
    decided_at: Past = Field(description="when it was taken")
    child_heard: Literal[True] = Field(description="that the child was heard (LGDNNA 92, fr. IV): always true")


class MemberRef(In):
    """One member of the family."""

    member_id: Id


class SeparationIn(In):
    """These members are parted from all the others."""

    members: Annotated[list[MemberRef], Field(min_length=1, max_length=LARGEST)] = Field(
        description="who is taken away from the others; among themselves they stay together"
    )
    reason: SeparationReason = Field(description="why")
    decision: PpDecision | None = Field(default=None, description="the Procuraduría's decision; none, no separation")


class ReunionIn(In):
    """A separation ends."""

    separation_id: Id
    decision: PpDecision | None = Field(default=None, description="the Procuraduría's decision; none, no reunion")


class RemovalIn(In):
    """Somebody turns out not to belong to the family."""

    member_id: Id
    reason: RemovalReason = Field(description="why")
    decision: PpDecision | None = Field(default=None, description="the Procuraduría's decision; none, no removal")


class MemberItem(Out):
    """A member, without what identifies a carer."""

    id: str = Field(description="its id", examples=[_MEMBER])
    role: MemberRole = Field(description="a child, or an adult who cares for the children")
    child_id: str | None = Field(description="null for a carer, and for a child in the care of another state")
    relation: Relation | None = Field(description="what the member is to the first child")
    tie: Tie | None = Field(description="what makes an adult a carer; null for a child", examples=[None])
    tie_proofs: list[TieProof] = Field(description="what the tie rests on")
    apart_from: list[str] = Field(description="members from whom the Procuraduría has parted this one", examples=[[]])
    permit_extends: bool | None = Field(
        description="whether a carer shares the child's humanitarian permit (R9); null for a child", examples=[None]
    )
    joined_at: datetime = Field(description="when it was recorded as a member")


class Member(MemberItem):
    """A member, with who a carer says to be."""

    identity: AdultIdentity | None = Field(description="who a carer says to be; null for a child")


class SeparationOut(Out):
    """A separation, and whether it stands."""

    id: str = Field(description="its id", examples=[_SEPARATION])
    members: list[str] = Field(description="who was taken away from the others", examples=[[_MEMBER]])
    reason: SeparationReason | None = Field(description="why; for the Procuraduría alone, null for others")
    state: SeparationState = Field(description="whether it stands", examples=["standing"])
    decided_by: str = Field(description="agency and officer who decided", examples=[_DECIDED])
    reference: str = Field(description="number of the reasoned decision", examples=["PP-CHP/0417/2026"])
    decided_at: datetime = Field(description="when that was")
    recorded_at: datetime
    ended_by: str | None = Field(description="agency and officer who ended it")
    end_reference: str | None = Field(description="number of the decision that ended it")
    ended_at: datetime | None = Field(description="when that was")


class FamilyItem(Out):
    """A family, without what identifies its carers."""

    id: str = Field(description="its id", examples=[_FAMILY])
    members: list[MemberItem] = Field(description="who belongs to it now")
    separations: list[SeparationOut] = Field(description="every separation there was, oldest first")
    created_by: str = Field(description="the agency that recorded it", examples=["inm-chp"])
    created_at: datetime
    version: int
    allowed_actions: list[str]


class FamilyOut(FamilyItem):
    """A family with who its carers say to be."""

    members: list[Member] = Field(description="who belongs to it now")  # type: ignore[assignment]  # a Member is a MemberItem, and nobody appends to an answer
