"""Use cases: take down the Procuraduría's decision on an age, and read them."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.ages import store
from services.intake.ages.models import AgeDecision
from services.intake.ages.schemas import AgeDecisionIn, AgeDecisionOut, AgeDecisions
from services.intake.children import rules
from services.intake.children import service as children
from shared import audit, clock, ids
from shared.auth import Caller
from shared.runtime import Runtime


async def decide(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: AgeDecisionIn
) -> AgeDecisionOut:
    """Take down a decision: from now on it counts. Raises RefusedByLaw for an examination that nobody ordered."""
    rules.check_evidence(body.evidence, body.pp_order)
    child = await children.get(session, caller, child_id, lock=True)
    known = await children.opened(children.keyring_of(runtime), child)
    row = AgeDecision(
        id=ids.new("agd"), child_id=child.id, outcome=body.outcome, evidence=[each.value for each in body.evidence],
        pp_order=body.pp_order, reference=body.reference, child_heard=body.child_heard,
        approved_by=f"{caller.agency}/{body.officer}", decided_at=body.decided_at, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    before = child.age_decision
    child.age_decision = body.outcome
    children.changed(session, caller, known, {"age_decision": before})
    audit.wrote(session, caller, "decide_age", "child", child.id, decision=row.id, outcome=body.outcome.value)
    return AgeDecisionOut.model_validate(row)


async def index(session: AsyncSession, caller: Caller, child_id: str) -> AgeDecisions:
    """Return the decisions on a child's age. The reading is recorded."""
    await children.get(session, caller, child_id)
    audit.read(session, caller, "age_decisions", child_id)
    rows = await store.of_child(session, caller, child_id)
    return AgeDecisions(items=[AgeDecisionOut.model_validate(row) for row in rows])
