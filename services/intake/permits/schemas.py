"""What systems send and see of permits."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.intake.children.schemas import Curp, Officer, Reference
from services.intake.permits.rules import CarerStatus, MigrationAct, PermitReason, PermitStatus
from shared.shapes import Day, Id, In, Line, Out, Past


class Card(In):
    """What stands on the card. Sealed."""

    number: Reference = Field(description="the card's own number", examples=["VRH-0004711"])
    curp: Curp | None = Field(default=None, description="the CURP that the card carries")


class PermitIn(In):
    """A permit was granted. Three fields of other permits are known so that they can be refused (R8)."""

    child_id: Id
    reason: PermitReason = Field(default=PermitReason.MIGRANT_CHILD, description="why, as the card says")
    granted_at: Past = Field(description="when it was granted")
    officer: Officer
    card: Card | None = Field(default=None, description="its card, once there is one")
    encounter_id: Id | None = Field(
        default=None, description="the encounter at which the child's carer was met: the permit covers that adult (R9)"
    )
    member_id: Id | None = Field(
        default=None,
        description="which carer of the child's family that adult is: the permit follows what is found (R9)",
    )
    fee: Annotated[int, Field(ge=0)] | None = Field(default=None, description="always refused: there is none (R8)")
    required_documents: Annotated[list[Line], Field(max_length=20)] | None = Field(
        default=None, description="always refused: no document is asked for (R8)"
    )
    valid_until: Day | None = Field(default=None, description="always refused: only a migration act ends it (R8)")


class ActIn(In):
    """The migration act that follows the permit."""

    type: MigrationAct = Field(description="which act", examples=["REGULARISATION"])
    reference: Reference = Field(description="its number")
    date: Day = Field(description="its date")
    measure_reference: Reference = Field(description="the number of the protection measure that calls for it")


class PermitEndIn(In):
    """A permit ends by the act that follows it, and by nothing else."""

    act: ActIn | None = Field(default=None, description="without it the permit goes on (R8)")
    officer: Officer


class CarerLinkIn(In):
    """The child's carer is covered by the permit too."""

    encounter_id: Id | None = Field(default=None, description="the encounter at which the carer was met")
    member_id: Id | None = Field(default=None, description="which carer of the child's family it is")
    officer: Officer

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.encounter_id is None and self.member_id is None:
            raise ValueError("encounter_id or member_id says who the carer is")
        return self


class CarerFindingIn(In):
    """What the Procuraduría found of the carer."""

    reference: Reference = Field(description="the number of the decision")
    decided_at: Past = Field(description="when it was decided")
    officer: Officer


class PermitItem(Out):
    """A permit in a list: what stands on its card is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["prm_019aa7c3f0e57d1e8c2f4b6a90d31e71"])
    child_id: str
    reason: PermitReason = Field(description="why, as the card says", examples=["MIGRANT_CHILD"])
    granted_at: datetime = Field(description="when it was granted")
    status: PermitStatus = Field(description="where it stands", examples=["valid"])
    act: MigrationAct | None = Field(description="the migration act that ended it", examples=[None])
    act_reference: str | None = Field(description="the number of that act", examples=[None])
    act_date: date | None = Field(description="the date of that act", examples=[None])
    measure_reference: str | None = Field(description="the measure that called for it", examples=[None])
    encounter_id: str | None = Field(description="where the carer was met", examples=[None])
    member_id: str | None = Field(description="which carer of the child's family it covers", examples=[None])
    carer: CarerStatus = Field(description="whether it covers the carer", examples=["none"])
    finding_reference: str | None = Field(
        description="the Procuraduría's latest decision on the carer", examples=[None]
    )
    finding_at: datetime | None = Field(description="when that was decided", examples=[None])
    agency: str
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    recorded_at: datetime
    version: int = Field(description="grows with each change; the ETag holds it")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["end", "link_carer"]])


class PermitOut(PermitItem):
    """A permit as the authorities of the child's state see it."""

    card: Card | None = Field(description="its card, if one was recorded")
