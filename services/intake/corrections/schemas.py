"""What systems send and see of requests for correction."""

from datetime import datetime

from pydantic import Field

from services.intake.children.schemas import ChildPatch, Officer
from services.intake.corrections.rules import AskedBy, CorrectionRefusal, CorrectionState, RepresentationProof
from shared.shapes import In, Out, Past


class CorrectionIn(In):
    """The representative asks for a correction."""

    asked_by: AskedBy = Field(description="who asks on the child's behalf")
    proof: RepresentationProof = Field(description="what shows that whoever asks represents the child")
    asked_at: Past = Field(description="when the request was received; its time limits run from here")
    patch: ChildPatch = Field(description="the fields as they shall be")


class CorrectionStep(In):
    """Who decides."""

    officer: Officer


class CorrectionRefusalIn(CorrectionStep):
    """Who refuses, and why."""

    refusal: CorrectionRefusal = Field(description="why")


class CorrectionItem(Out):
    """A request for correction in a list: what it asks for is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["cor_019aa7c3f0e57d1e8c2f4b6a90d31e55"])
    child_id: str
    state: CorrectionState = Field(description="where it stands", examples=["asked"])
    asked_by: AskedBy = Field(description="who asks on the child's behalf")
    proof: RepresentationProof = Field(description="what shows that whoever asks represents the child")
    asked_at: datetime = Field(description="when it was received")
    fields: list[str] = Field(description="which fields it is about", examples=[["languages"]])
    recorded_by: str = Field(description="the agency that took it down", examples=["pp-chp"])
    recorded_at: datetime
    decided_by: str | None = Field(description="agency and officer who decided", examples=["inm-chp/opi-0417"])
    decided_at: datetime | None = Field(description="when that was")
    refusal: CorrectionRefusal | None = Field(description="why it was refused")
    version: int = Field(description="grows with each change; the ETag holds it")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["apply", "refuse"]])


class CorrectionOut(CorrectionItem):
    """A request for correction as the authorities of the child's state see it."""

    patch: ChildPatch = Field(description="the fields as they shall be")
