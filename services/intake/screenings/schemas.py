"""What systems send and see of screenings."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.intake.children.schemas import Officer
from services.intake.screenings.rules import Indicator
from shared.shapes import In, Language, Out, Past


class ScreeningIn(In):
    """A screening was done. An empty list says that it found nothing."""

    screened_at: Past = Field(description="when", examples=["2026-11-20T16:30:00Z"])
    screened_in: Language = Field(description="the language in which the child was heard")
    interpreter: bool = Field(default=False, description="whether an interpreter helped")
    officer: Officer
    indicators: Annotated[list[Indicator], Field(max_length=14)] = Field(description="every sign that was found")


class ScreeningOut(Out):
    """Confirms a screening. What it found is shown to the Procuraduría alone."""

    id: str = Field(description="its id", examples=["scr_019aa7c3f0e57d1e8c2f4b6a90d31e53"])
    child_id: str
    screened_at: datetime = Field(description="when")
    screened_in: str = Field(description="the language in which the child was heard", examples=["spa"])
    interpreter: bool = Field(description="whether an interpreter helped")
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    agency: str
    recorded_at: datetime


class ScreeningRead(ScreeningOut):
    """A screening as the Procuraduría reads it."""

    indicators: list[Indicator] = Field(description="every sign that was found")


class Screenings(Out):
    """The screenings of one child."""

    items: list[ScreeningRead] = Field(description="oldest first")
