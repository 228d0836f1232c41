"""What delivery itself tells a receiver: of its address, and of what it has not acknowledged."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.events import Fact


class EventReminder(Fact):
    """to a receiver: nobody has acknowledged this event yet. It is not sent again; the feed still has it."""

    TYPE: ClassVar = "event.reminder"
    event_id: str
    event_type: str
    sent_at: AwareDatetime
    due_at: AwareDatetime


class EndpointChallenge(Fact):
    """to a receiver, before anything else: answer with this challenge to prove that the address is yours."""

    TYPE: ClassVar = "endpoint.challenge"
    challenge: str


class EndpointTest(Fact):
    """to a receiver that asked for a test."""

    TYPE: ClassVar = "endpoint.test"


class EndpointHeartbeat(Fact):
    """to a receiver that asked for heartbeats, when it has had nothing for so long."""

    TYPE: ClassVar = "endpoint.heartbeat"
    delivered: int
    """How many events this endpoint has answered with 2xx so far: who counts fewer has lost one."""
