"""What systems send and see of searches for relatives."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.intake.children.schemas import Name, Officer
from services.intake.encounters.rules import Relation
from services.intake.tracing.rules import Searcher, TracingState
from shared.clocks.schemas import ClockOut
from shared.shapes import Country, In, Note, Out, Past


class Relative(In):
    """What the child says of the relative. Sealed under the child's key."""

    given_names: Name | None = None
    first_surname: Name | None = None
    second_surname: Name | None = None
    told: Note | None = Field(default=None, description="what else is known: where, since when, how to be reached")


class TracingIn(In):
    """The child wishes that a relative be looked for."""

    relation: Relation = Field(description="what the relative is to the child")
    country: Country = Field(description="where the relative is thought to be")
    searcher: Searcher = Field(description="who is to search; never a recipient of the state of origin (R16)")
    relative: Relative = Field(description="what is known of the relative; sealed")
    child_heard: Literal[True] = Field(
        description="that the child was heard and wishes it (LGDNNA 92, fr. IV): always true"
    )
    asked_at: Past = Field(description="when the child asked")
    officer: Officer


class TracingStep(In):
    """Who moves a search."""

    officer: Officer


class TracingFound(TracingStep):
    """Who found the relative, and what is known now."""

    found: Note | None = Field(default=None, description="what was found; sealed")


class TracingItem(Out):
    """A search in a list: whom it is for is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["trc_019aa7c3f0e57d1e8c2f4b6a90d31e74"])
    child_id: str
    state: TracingState = Field(description="where it stands", examples=["open"])
    relation: Relation = Field(description="what the relative is to the child")
    country: str = Field(description="where the relative is thought to be", examples=["HND"])
    searcher: Searcher = Field(description="who is to search")
    asked_at: datetime = Field(description="when the child asked")
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    recorded_by: str = Field(description="the agency that took it down", examples=["inm-chp"])
    recorded_at: datetime
    moved_by: str | None = Field(description="agency and officer of the last step", examples=["inm-chp/opi-0417"])
    moved_at: datetime | None = Field(description="when that was")
    version: int
    clock: ClockOut | None = Field(
        description="the time for an answer (TRACING); null of a search from before it ran",
        examples=[None],
    )
    allowed_actions: list[str] = Field(description="what may be done with it now", examples=[["find", "give_up"]])


class TracingOut(TracingItem):
    """A search as the authorities of the child's state see it."""

    relative: Relative = Field(description="what is known of the relative")
    found: str | None = Field(description="what was found")
