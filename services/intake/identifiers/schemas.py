"""What systems send and see of external ids."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.identifiers.rules import ISSUED, IdSystem, plain
from shared.shapes import In, Out

Number = Annotated[
    str, StringConstraints(min_length=2, max_length=64, pattern=r"^[^\x00-\x1f\x7f<>]+$"),
    Field(examples=["217-26C00417"], description="the number itself"),
]  # fmt: skip
Issuer = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9-]{2,48}|[A-Z]{3})$"),
    Field(examples=["HND"], description="AGENCY: the agency's id; NATIONAL: the country; else nothing"),
]  # fmt: skip


class ExternalIdIn(In):
    """A number by which another system knows the child."""

    system: IdSystem = Field(description="whose number it is")
    issuer: Issuer | None = None
    value: Number

    @model_validator(mode="after")
    def _one_issuer(self) -> Self:
        if (self.system in ISSUED) != (self.issuer is not None):
            raise ValueError("issuer goes with AGENCY and NATIONAL, and with them alone")
        if not plain(self.value):
            raise ValueError("a number has letters or digits")
        return self


class ExternalIdOut(Out):
    """A number by which another system knows the child."""

    id: str = Field(description="its id", examples=["xid_019aa7c3f0e57d1e8c2f4b6a90d31e52"])
    child_id: str
    system: IdSystem = Field(description="whose number it is")
    issuer: str | None = Field(description="the agency or country that gave it", examples=["HND"])
    value: str = Field(description="the number itself", examples=["217-26C00417"])
    recorded_by: str = Field(description="the agency that recorded it", examples=["inm-chp"])
    recorded_at: datetime
    possible_duplicates: list[str] = Field(
        description="other children of this number, as far as you may read them: perhaps the same person", examples=[[]]
    )


class ExternalIds(Out):
    """The numbers of one child."""

    items: list[ExternalIdOut] = Field(description="oldest first")
