"""What readers of a feed send and see."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from shared.shapes import Id, In, Out

LONGEST_CURSOR = 200

Cursor = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CURSOR)]


class EventOut(Out):
    """An event exactly as a webhook carries it, and its place in the feed."""

    # A newer version, beside this one while an upgrade rolls out, may have put more into the message.
    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    version: int
    time: str = Field(examples=["2026-11-20T15:04:05+00:00"], description="RFC 3339, as in the signed message")
    audience: str = Field(description="the endpoint that it was made for")
    epoch: int = Field(description="counts restores from a backup: numbers start anew")
    sequence: int = Field(description="counts from 1, without gaps, what this endpoint has of one case")
    data: dict[str, Any]
    cursor: str = Field(description="goes on behind this event")


class FeedOut(Out):
    """A piece of a feed, oldest first. `next` is always there: go on from it, now or later."""

    items: list[EventOut]
    next: str


class AcknowledgementIn(In):
    """Up to where the caller has everything in its own hands."""

    endpoint_id: Id | None = Field(default=None, description="may be left out by who has one endpoint")
    through: Cursor = Field(description="the cursor of the last event that is safe")


class AcknowledgementOut(Out):
    """How many events were acknowledged by this call: 0 when all of them had been."""

    acknowledged: int
