"""Cases as readers see them."""

from datetime import datetime

from services.referral.cases import rules
from services.referral.cases.models import Case
from services.referral.cases.rules import Representation, Status
from shared.auth import Caller
from shared.shapes import Out


class CaseOut(Out):
    """One child's way through the route. `child_id` is intake's; only intake knows who it is."""

    id: str
    child_id: str
    state: str
    stage: int
    status: Status
    representation: Representation
    representative: str
    notified_at: datetime | None
    notified_by: str | None
    dif: str | None
    dif_accepted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str]


def fields(caller: Caller, case: Case) -> dict[str, object]:
    """Return what `CaseOut` shows of a case to this caller."""
    shown = {name: getattr(case, name) for name in CaseOut.model_fields if name != "allowed_actions"}
    return shown | {"allowed_actions": allowed(caller, case)}


def allowed(caller: Caller, case: Case) -> list[str]:
    """Return what this caller may do with a case now."""
    return rules.allowed(case.status, caller.agency_kind, dif_accepted=case.dif is not None)
