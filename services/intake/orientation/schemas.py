"""What systems send and see of field actions and of Paisano's inquiries."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.intake.children.schemas import Name, Officer
from services.intake.encounters.schemas import Place
from services.intake.orientation.rules import FieldActionCode, InquiryKind, InquiryStatus, InquiryTopic
from shared.shapes import Id, In, Line, Note, Out, Past, Slug

Count = Annotated[int, Field(ge=0, le=10_000)]


class FieldActionIn(In):
    """A Grupo Beta did something. Whom it met as a child is an encounter, which this may name."""

    action: FieldActionCode = Field(description="what it did", examples=["RESCUE"])
    occurred_at: Past = Field(description="when")
    place: Place = Field(description="where")
    persons: Count = Field(description="how many people it reached", examples=[3])
    minors: Count = Field(description="how many of them seemed to be under 18", examples=[1])
    officer: Officer
    encounter_id: Id | None = Field(default=None, description="the encounter (BETA_MET) that it led to")

    @model_validator(mode="after")
    def _some_of_them(self) -> Self:
        if self.minors > self.persons:
            raise ValueError("minors are among persons")
        return self


class FieldActionOut(Out):
    """What a Grupo Beta did. It names nobody."""

    id: str = Field(description="its id", examples=["fac_019aa7c3f0e57d1e8c2f4b6a90d31e72"])
    action: FieldActionCode = Field(description="what it did", examples=["RESCUE"])
    occurred_at: datetime = Field(description="when")
    state: str = Field(description="in which state", examples=["MX-CHP"])
    municipality: str | None
    point: str | None
    persons: int = Field(description="how many people it reached", examples=[3])
    minors: int = Field(description="how many of them seemed to be under 18", examples=[1])
    encounter_id: str | None = Field(description="the encounter that it led to", examples=[None])
    agency: str
    officer: str = Field(description="the officer's number", examples=["beta-12"])
    recorded_at: datetime


class Complainant(In):
    """Who complains, and of what. Sealed."""

    given_names: Name = Field(description="as the person says them", examples=["Ficticia"])
    first_surname: Name | None = Field(default=None, description="as the person says it", examples=["Prueba"])
    contact: Line | None = Field(default=None, description="how to reach the person", examples=["llamar por la tarde"])
    account: Note | None = Field(default=None, description="what happened", examples=["Se describe el hecho."])


class InquiryIn(In):
    """Somebody was oriented, or complained: settled on the spot, or formally."""

    kind: InquiryKind = Field(description="what came of it", examples=["RESOLVED_ON_SPOT"])
    topic: InquiryTopic = Field(description="what it was about", examples=["DOCUMENTS"])
    occurred_at: Past = Field(description="when")
    place: Place = Field(description="where")
    officer: Officer
    complainant: Complainant | None = Field(default=None, description="of a formal complaint, and of nothing else")


class InquiryStep(In):
    """Who acts."""

    officer: Officer


class ForwardIn(InquiryStep):
    """To whom a formal complaint goes."""

    to: Slug = Field(description="the authority that it is about, by its agency id", examples=["sat"])


class InquiryItem(Out):
    """An inquiry in a list: who complains is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["inq_019aa7c3f0e57d1e8c2f4b6a90d31e73"])
    kind: InquiryKind = Field(description="what came of it", examples=["RESOLVED_ON_SPOT"])
    topic: InquiryTopic = Field(description="what it was about", examples=["DOCUMENTS"])
    occurred_at: datetime = Field(description="when")
    state: str = Field(description="in which state", examples=["MX-CHP"])
    municipality: str | None
    point: str | None
    status: InquiryStatus = Field(description="where it stands", examples=["closed"])
    forwarded_to: str | None = Field(description="the authority that has it now", examples=[None])
    agency: str
    officer: str = Field(description="the officer's number", examples=["paisano-3"])
    recorded_at: datetime
    version: int = Field(description="grows with each change; the ETag holds it")
    allowed_actions: list[str] = Field(description="what may be done with it now", examples=[[]])


class InquiryOut(InquiryItem):
    """An inquiry as INM sees it."""

    complainant: Complainant | None = Field(description="who complains; null unless it is a formal complaint")
