"""What systems send and see of interviews."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.children.schemas import Officer
from services.intake.interviews.rules import TOPICS, Topic
from services.intake.screenings.rules import Indicator
from shared.shapes import In, Language, Note, Out, Past

TopicCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z][A-Z_]{1,39}$"),
    Field(examples=["IDENTITY"], description=f"one of {', '.join(TOPICS)} (R14)"),
]


class Answer(In):
    """What the child said on one topic. Sealed; it leaves the service in no event, list or statistic."""

    topic: TopicCode
    said: Note = Field(description="what the child said", examples=["Lo que la niña dijo."])


class InterviewIn(In):
    """An interview was held, on topics of the law alone."""

    held_at: Past = Field(description="when", examples=["2026-11-20T17:00:00Z"])
    officer: Officer
    opi: bool = Field(description="that the officer is a specialised child-protection officer", examples=[True])
    explained_at: Past | None = Field(
        default=None, description="when the child was told what happens and which rights it has; never, no interview"
    )
    explained_in: Language = Field(description="in which language it was told")
    language: Language = Field(description="in which language it was heard")
    interpreter: bool = Field(default=False, description="whether an interpreter helped")
    cndh_present: bool = Field(default=False, description="whether the CNDH attended")
    answers: Annotated[list[Answer], Field(min_length=1, max_length=len(TOPICS))] = Field(
        description="what was said, each topic once"
    )
    indicators: Annotated[list[Indicator], Field(max_length=14)] | None = Field(
        default=None, description="signs of a need of protection or of trafficking; with PROTECTION_NEEDS always said"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.topic for each in self.answers}) < len(self.answers):
            raise ValueError("a topic stands there twice")
        return self


class InterviewItem(Out):
    """An interview in a list: what was said is in the single one, whose reading is recorded."""

    id: str = Field(description="its id", examples=["itv_019aa7c3f0e57d1e8c2f4b6a90d31e76"])
    child_id: str
    held_at: datetime = Field(description="when")
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    agency: str
    office: str | None
    language: str = Field(description="in which language the child was heard", examples=["spa"])
    interpreter: bool = Field(description="whether an interpreter helped")
    explained_at: datetime = Field(description="when the child was told what happens and which rights it has")
    explained_in: str = Field(description="in which language it was told", examples=["spa"])
    cndh_present: bool = Field(description="whether the CNDH attended")
    topics: list[Topic] = Field(description="what was spoken of")
    recorded_at: datetime


class AnswerOut(Out):
    """What the child said on one topic."""

    topic: Topic = Field(description="the topic (LM 112-VI)")
    said: str | None = Field(
        description="what the child said; null where only Procuraduría and DIF read it", examples=["Lo que dijo."]
    )


class InterviewOut(InterviewItem):
    """An interview with what the reader may read of it."""

    answers: list[AnswerOut] = Field(description="what was said, by topic")
