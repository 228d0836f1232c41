"""Cases as readers see them."""

from datetime import datetime

from services.referral.agencies.service import SYSTEM
from services.referral.cases import machine
from services.referral.cases.models import Case
from services.referral.cases.rules import Part, Representation, Risk, Status
from shared.auth import Caller
from shared.shapes import Out

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
