"""What the steps of a return entail: its own row, gates, bars, holds, the case, and what intake counts."""

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Bar, Gate
from services.referral.protection import service as protection
from services.referral.protection.rules import IndicationCode, ToldBy
from services.referral.protection.schemas import IndicationIn
from services.referral.referrals.steps import INTAKE
from services.referral.refuge import holds
from services.referral.refuge import service as refuge
from services.referral.return_points import service as points
from services.referral.returns import rules
from services.referral.returns.models import AssistedReturn
from services.referral.returns.rules import CancelReason, Danger, FailReason, ReturnAction
from services.referral.returns.schemas import (
    ReceptionIn,
    ReturnAssessmentIn,
    ReturnCancelIn,
    ReturnDecisionIn,
    ReturnFailureIn,
    ReturnPlanIn,
    ReturnStepIn,
)
from shared import clock
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import Fault, Invalid, NotFound
from shared.events import ReturnCompleted

TELLING = frozenset({CancelReason.PROTECTION_NEED, CancelReason.DANGER_FOUND})
"""Reasons that are the Procuraduría's to know."""


async def plan(session: AsyncSession, vault: Vault, caller: Caller, row: AssistedReturn, body: BaseModel) -> None:
    """Write down what is planned, before it is judged."""
    assert isinstance(body, ReturnPlanIn)
    try:
        await points.find(session, caller, body.return_point_id)
    except NotFound:
        raise Invalid("There is no such point.", faults=[Fault("/return_point_id", "unknown")]) from None
    row.point_id, row.planned_at = body.return_point_id, body.planned_at.astimezone(clock.now().tzinfo)
    who, accepted = body.escort, body.acceptance
    row.escort = vault.seal(who.name.encode(), "assisted_return", f"{row.id}/escort") if who else None
    row.escort_officer, row.escort_specialised = (who.officer, who.specialised) if who else (None, None)
    row.accepted_by, row.accepted_at = (accepted.authority, accepted.accepted_at) if accepted else (None, None)
    row.acceptance = accepted.reference if accepted else None


def check(row: AssistedReturn, body: BaseModel) -> None:
    """Raise Invalid where what is said contradicts what is on record."""
    if isinstance(body, ReceptionIn) and row.departed_at is not None and body.received_at < row.departed_at:
        raise Invalid("It departed later.", faults=[Fault("/received_at", "before_the_departure")])


async def entail(
    session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: AssistedReturn, action: ReturnAction,
    body: BaseModel,
) -> None:  # fmt: skip
    """Do what a step means."""
    if isinstance(body, ReturnAssessmentIn):
        await _assessed(session, vault, caller, case, row, body)
    if action is ReturnAction.CONCUR and isinstance(body, ReturnStepIn):
        row.concurred_by = f"{caller.agency}/{body.officer}"
    if isinstance(body, ReturnDecisionIn):
        row.decision = body.reference
    if action is ReturnAction.PLAN:
        cases.open_gate(session, caller, case, Gate.RETURN_READY, evidence=row.id)
    if action is ReturnAction.DEPART:
        row.departed_at = clock.now()
        session.add(
            clocks.started(rules.ARRIVAL, case=case.id, resource_id=row.id, agency=caller.agency, at=row.departed_at)
        )
    if isinstance(body, ReceptionIn):
        await _received(session, caller, case, row, body)
    if isinstance(body, ReturnFailureIn):
        row.failed_because = body.reason
        await clocks.meet(session, rules.ARRIVAL.id, row.id)
        await _ended(session, vault, caller, case, row, needs=body.reason is FailReason.PROTECTION_NEED)
    if isinstance(body, ReturnCancelIn):
        row.cancelled_because = body.reason
        await _ended(session, vault, caller, case, row, needs=body.reason is CancelReason.PROTECTION_NEED)


async def _assessed(
    session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: AssistedReturn, body: ReturnAssessmentIn
) -> None:
    """Go by an assessment from now on: whatever followed an earlier one is void."""
    row.finding, row.assessed_at = body.finding, clock.now()
    row.plan_allows, row.plan_reference = body.plan_allows, body.plan_reference
    heard = body.heard_at is not None and body.explained_in is not None and body.view is not None
    row.heard_at, row.explained_in, row.wish = body.heard_at if heard else None, body.explained_in, body.wish
    row.view = vault.seal(body.view.encode(), "assisted_return", row.id) if body.view else None
    row.family_reference = body.family_reference
    row.concurred_by = row.decision = row.point_id = row.planned_at = None
    row.escort = row.escort_officer = row.escort_specialised = None
    row.accepted_by = row.accepted_at = row.acceptance = None
    _unready(session, caller, case, row)
    await _danger(session, caller, case, row)


async def _danger(session: AsyncSession, caller: Caller, case: Case, row: AssistedReturn) -> None:
    """Forbid every return where danger was found; allow it again where a later assessment finds none."""
    stands = Bar.RETURN_UNLAWFUL in case.standing.bars
    if row.finding is Danger.DANGER and not stands:
        cases.set_bar(session, caller, case, Bar.RETURN_UNLAWFUL, evidence=row.id)
        await holds.begin(session, SYSTEM, case, evidence=case.id)
    if row.finding is Danger.NO_DANGER and stands and not await refuge.protected(session, case.id):
        cases.lift_bar(session, caller, case, Bar.RETURN_UNLAWFUL, evidence=row.id)
        await holds.end(session, SYSTEM, case, evidence=case.id)


async def _received(session: AsyncSession, caller: Caller, case: Case, row: AssistedReturn, body: ReceptionIn) -> None:
    """Close the way: the case has its outcome, and intake counts the return."""
    row.received_at, row.received_by = body.received_at, body.authority
    await clocks.meet(session, rules.ARRIVAL.id, row.id, body.received_at)
    cases.advance(session, caller, case, Action.RETURN, subject=row.id)
    _unready(session, caller, case, row)
    fact = ReturnCompleted(return_id=row.id, child_id=case.child_id, completed_at=body.received_at, state=case.state)
    await delivery.publish(
        session, ReturnCompleted.TYPE, case=case.child_id, subject=row.id, audience=[INTAKE],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def _ended(
    session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: AssistedReturn, *, needs: bool
) -> None:
    """Take in that a return did not come about. A need of protection that was seen closes the guard (R15)."""
    _unready(session, caller, case, row)
    if needs:
        said = IndicationIn(case_id=case.id, code=IndicationCode.OTHER, told_by=ToldBy.OFFICER)
        await protection.indicate(session, vault, caller, said)


def _unready(session: AsyncSession, caller: Caller, case: Case, row: AssistedReturn) -> None:
    if Gate.RETURN_READY in case.standing.gates:
        cases.close_gate(session, caller, case, Gate.RETURN_READY, evidence=row.id)
