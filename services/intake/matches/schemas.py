"""What reviewers see of a match, and send. Never a name, a date or anything else that identifies a child."""

from datetime import datetime

from pydantic import Field

from services.intake.matches.rules import Band, Decision, LinkReason, RejectReason, Status, UnlinkReason
from shared.shapes import In, Out

_MATCH = "mtc_019aa7c3f0e57d1e8c2f4b6a90d31e60"


class PossibleMatch(Out):
    """A match that waits for review, told to whoever records an encounter of one of the two children."""

    match_id: str = Field(description="the match", examples=[_MATCH])
    band: Band = Field(description="how sure the comparison is")


class Side(Out):
    """One of the two children: its id only for those who may read it."""

    child_id: str | None = Field(description="null when the child is in the care of another state's authorities")
    state: str = Field(description="the state whose authorities met the child first", examples=["MX-CHP"])


class Reason(Out):
    """How well one field agrees, and what that adds to the score."""

    field: str = Field(description="the field that was compared", examples=["surnames"])
    level: str = Field(description="a level of agreement, never a value", examples=["agree+missing swapped"])
    weight: float = Field(description="what it adds to the score, in bits", examples=[2.5])


class MatchOut(Out):
    """Two records of perhaps one child."""

    id: str = Field(description="its id", examples=[_MATCH])
    children: list[Side] = Field(description="the two")
    status: Status = Field(description="where it stands")
    band: Band = Field(description="how sure the comparison is")
    score: float = Field(description="log2 of the odds that both are one person", examples=[9.4])
    reasons: list[Reason] = Field(description="how well each field agrees")
    found_at: datetime = Field(description="when it was found")
    confirmed_by_state: str | None = Field(description="where one of two states has confirmed it: which one")
    decided_by: str | None = Field(description="the agency that decided last", examples=["pp-chp"])
    decided_at: datetime | None = Field(description="when it did")
    decision_code: Decision | None = Field(description="why")
    version: int = Field(description="its version, as in the ETag", examples=[1])
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["link", "reject"]])


class LinkIn(In):
    """A reviewer says that both are one child."""

    code: LinkReason = Field(description="why", examples=["DOCUMENTS"])


class RejectIn(In):
    """A reviewer says that they are two children, or that nobody can tell."""

    code: RejectReason = Field(description="why", examples=["TWIN"])


class UnlinkIn(In):
    """A reviewer takes a link back."""

    code: UnlinkReason = Field(description="why", examples=["LINKED_BY_MISTAKE"])
