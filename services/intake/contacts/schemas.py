"""What systems send and see of contacts with relatives."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.intake.contacts.rules import Means
from services.intake.encounters.rules import Relation
from shared.shapes import Country, In, Out, Past


class ContactIn(In):
    """A child spoke with a relative, or was offered to and declined. There is no field for what was said."""

    at: Past = Field(description="when")
    means: Means = Field(default=Means.PHONE, description="how they spoke")
    relation: Relation = Field(description="what the relative is to the child")
    country: Country | None = Field(default=None, description="where the relative is")
    minutes: Annotated[int, Field(ge=0, le=600)] | None = Field(
        default=None, description="how long it lasted, in minutes; none when declined", examples=[10]
    )
    declined: bool = Field(default=False, description="offered, and not wanted")
    free: bool = Field(default=True, description="that it cost the child nothing")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.declined and self.minutes is not None:
            raise ValueError("a contact that was declined lasted no minutes")
        return self


class ContactOut(Out):
    """A contact with a relative."""

    id: str = Field(description="its id", examples=["cnt_019aa7c3f0e57d1e8c2f4b6a90d31e75"])
    child_id: str
    at: datetime = Field(description="when")
    means: Means = Field(description="how they spoke")
    relation: Relation = Field(description="what the relative is to the child")
    country: str | None = Field(description="where the relative is", examples=["HND"])
    minutes: int | None = Field(description="how long it lasted, in minutes", examples=[10])
    declined: bool = Field(description="whether it was offered, and not wanted")
    agency: str
    recorded_at: datetime
