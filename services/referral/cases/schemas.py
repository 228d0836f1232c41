"""Cases as readers see them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.referral.agencies.service import SYSTEM
from services.referral.cases import machine
from services.referral.cases.models import Case
from services.referral.cases.rules import (
    Document,
    Part,
    Representation,
    RepresentativeEnd,
    Risk,
    RiskReason,
    Status,
)
from shared.auth import Caller
from shared.shapes import In, Line, Note, Out, Slug

Officer = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,64}$"),
    Field(examples=["pp-0001"], description="the officer's own number in the agency's system"),
]
Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}$"),
    Field(examples=["PP/2026/0417"], description="the number of a document or a decision"),
]

AGE = frozenset({Part.SYSTEM, Part.PP_HERE, Part.DIF_IN_CHARGE, Part.CAS})
"""Who may know in which month the child turns 18: whoever prepares it for that."""


class CaseOut(Out):
    """One child's way through the route. `child_id` is intake's; only intake knows who it is."""

    id: str
    child_id: str
    state: str
    stage: int
    status: Status
    resumes: Status | None
    representation: Representation
    representative: str
    notified_at: datetime | None
    notified_by: str | None
    dif: str | None
    dif_accepted_at: datetime | None
    risk: Risk | None
    reopened: int
    majority_month: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str]


def fields(caller: Caller, case: Case) -> dict[str, object]:
    """Return what `CaseOut` shows of a case to this caller."""
    parts = held(caller, case)
    shown = {name: getattr(case, name) for name in CaseOut.model_fields if name != "allowed_actions"}
    states = {name: machine.seen_by(getattr(case, name), parts) for name in ("status", "resumes")}
    if AGE.isdisjoint(parts):
        shown["majority_month"] = None
    return shown | states | {"allowed_actions": allowed(caller, case)}


def held(caller: Caller, case: Case) -> frozenset[Part]:
    """Return what a caller who may read a case is to it."""
    return machine.parts(caller, state=case.state, dif=case.dif, system=caller is SYSTEM)


def allowed(caller: Caller, case: Case) -> list[str]:
    """Return what this caller may do with a case now."""
    return machine.allowed(case.standing, held(caller, case))


class StepIn(In):
    """Who takes a step, and on what decision."""

    officer: Officer
    reference: Reference | None = Field(default=None, description="the number of the decision that it follows")


class RepresentationIn(In):
    """A legal representative was appointed. Name and contact are sealed."""

    name: Line = Field(description="the representative's name", examples=["Ficticia Representante"])
    contact: Line = Field(description="how to reach the representative", examples=["+52 961 000 0000"])
    body: Slug | None = Field(default=None, description="the agency that the representative acts for")
    document: Document = Field(description="by what the representative is accredited", examples=["COURT_ORDER"])
    reference: Reference
    officer: Officer


class RepresentationEndIn(In):
    """A legal representative represents the child no longer: the Procuraduría does, from the same moment."""

    reason: RepresentativeEnd = Field(description="why", examples=["RESIGNED"])
    officer: Officer


class RepresentationOut(Out):
    """Who represented the child from when until when; `until` is null for who does now."""

    kind: Representation
    procuraduria: str = Field(description="the Procuraduría: en suplencia, or as coadyuvante", examples=["pp-chp"])
    name: str | None = Field(description="the legal representative's name", examples=["Ficticia Representante"])
    contact: str | None = Field(description="how to reach the legal representative", examples=["+52 961 000 0000"])
    body: str | None = Field(description="the agency that the representative acts for", examples=[None])
    document: Document | None = Field(description="by what the representative is accredited", examples=["COURT_ORDER"])
    reference: str | None = Field(description="the document's number", examples=["PP/2026/0417"])
    since: datetime = Field(description="from when", examples=["2026-11-20T15:04:05Z"])
    until: datetime | None = Field(description="until when", examples=[None])
    ended: RepresentativeEnd | None = Field(description="why it ended", examples=[None])
    recorded_by: str | None = Field(description="agency and officer; null: Ruta itself", examples=["pp-chp/pp-0001"])


class Representations(Out):
    """Everybody who has represented the child, oldest first, without a gap."""

    items: list[RepresentationOut]


class RiskIn(In):
    """How much harm threatens the child."""

    level: Risk = Field(description="HIGH: significant harm or death likely; MEDIUM: some; LOW: a risk of harm")
    reason: RiskReason = Field(description="on what it rests", examples=["NEW_FACTS"])
    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class RiskOut(Out):
    """One assessment of risk."""

    level: Risk = Field(description="how much harm threatened", examples=["HIGH"])
    reason: RiskReason = Field(description="on what it rested", examples=["NEW_FACTS"])
    note: str | None = Field(description="in words", examples=[None])
    assessed_by: str = Field(description="agency and officer", examples=["pp-chp/pp-0001"])
    assessed_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])


class Risks(Out):
    """The assessments of risk, oldest first."""

    items: list[RiskOut]
