"""Use cases of plans: draw up a version, sign it, discard it. `items` has what is done with each item."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import Action, Gate, Part, Status
from services.referral.cases.schemas import allowed, held
from services.referral.cases.store import ABROAD
from services.referral.determinations import service as determinations
from services.referral.determinations.assessments import enter
from services.referral.plans import items, rules, store
from services.referral.plans.models import Plan, PlanItem
from services.referral.plans.rules import ItemState, PlanAction, PlanState
from services.referral.plans.schemas import ItemIn, PlanIn, PlanOut, PlanSignatureIn
from services.referral.referrals.rules import NEED_TO_KNOW
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.zones import zone

_CARRIED_OUT = (Status.PRD_ISSUED, Status.RESTITUTION)
"""The states in which a later version takes the place of the signed one without a new determination."""


async def draw_up(session: AsyncSession, vault: Vault, caller: Caller, body: PlanIn) -> PlanOut:
    """Draw up a version of the plan, on the signed determination.

    Raises NotFound, IllegalMove, Conflict while there is a draft, Invalid, RefusedByLaw without a determination or
    where the plan would let the child leave against it (R21).
    """
    case = await cases.taken(session, caller, body.case_id, None, Part.PP_HERE)
    signed = await determinations.signed(session, case.id)
    if signed is None:
        raise rules.PLAN.refuse("No determination is signed.", allowed_actions=allowed(caller, case))
    if body.allows_exit and not determinations.allows_exit(signed.decision):
        raise rules.EXIT.refuse("The determination did not decide that the child leaves.", allowed_actions=[])
    versions = await store.plans_of(session, case.id)
    if any(each.state is PlanState.DRAFT for each in versions):
        raise Conflict("The case has a draft: sign or discard it.", allowed_actions=["sign", "discard"])
    plan = Plan(
        id=ids.new("prd"), case_id=case.id, number=len(versions) + 1, determination_id=signed.id,
        allows_exit=body.allows_exit, drawn_up_by=f"{caller.agency}/{body.officer}", drawn_up_at=clock.now(),
    )  # fmt: skip
    former = _former(versions)
    told = {each.id: each for each in await store.items_of(session, [former.id])} if former else {}
    _check(caller, body.items, told)
    session.add(plan)
    await session.flush()
    session.add_all(_item(vault, case, plan, n, given, told) for n, given in enumerate(body.items, start=1))
    audit.wrote(session, caller, "draw_up", "plan", plan.id, case=case.id, items=len(body.items))
    return await show(session, vault, caller, case, plan)


def _former(versions: Sequence[Plan]) -> Plan | None:
    return next((each for each in versions if each.state is PlanState.SIGNED), None)


def _check(caller: Caller, given: Sequence[ItemIn], told: dict[str, PlanItem]) -> None:
    """Raise Invalid where an item is nobody's in this country, or goes on with one that the plan does not have."""
    faults, bodies, used = [], directory.readable(caller), set[str]()
    for n, each in enumerate(given):
        body = bodies.get(each.agency)
        if body is None or body.kind in ABROAD:
            faults.append(Fault(f"/items/{n}/agency", "unknown"))
        if each.continues is not None and (each.continues not in told or each.continues in used):
            faults.append(Fault(f"/items/{n}/continues", "unknown"))
        used |= {each.continues} if each.continues else set()
    if faults:
        raise Invalid("The plan names what is not there.", faults=faults)


def _item(vault: Vault, case: Case, plan: Plan, n: int, given: ItemIn, told: dict[str, PlanItem]) -> PlanItem:
    item_id, before = ids.new("itm"), told.get(given.continues or "")
    plain = given.model_dump(exclude={"measure", "responsible"})
    return PlanItem(
        id=item_id, plan_id=plan.id, case_id=case.id, number=n, due_at=rules.due_at(given.due_on, zone(case.state)),
        measure=vault.seal(given.measure.encode(), items.TABLE, f"{item_id}.measure"),
        responsible=vault.seal(given.responsible.encode(), items.TABLE, f"{item_id}.responsible"),
        state=before.state if before else ItemState.PLANNED, **plain,
    )  # fmt: skip


async def sign(session: AsyncSession, vault: Vault, caller: Caller, plan_id: str, body: PlanSignatureIn) -> PlanOut:
    """Sign a version: it is carried out from now on, in the place of the one before; its clocks begin to run.

    Raises NotFound, IllegalMove, Invalid, RefusedByLaw before the child was heard (R27) or the determination signed.
    """
    case, plan = await _moved(session, caller, plan_id, PlanAction.SIGN)
    rules.check_signature(case.standing.gates)
    signed = await determinations.signed(session, case.id)
    if signed is None or signed.id != plan.determination_id:
        raise rules.PLAN.refuse("This draft follows a determination that was reviewed.", allowed_actions=["discard"])
    former = _former(await store.plans_of(session, case.id))
    before = await store.items_of(session, [former.id]) if former else []
    plan.state, plan.reference = PlanState.SIGNED, body.reference
    plan.signed_by, plan.signed_at = f"{caller.agency}/{body.officer}", clock.now()
    if former is not None:
        former.state, former.version = PlanState.SUPERSEDED, former.version + 1
    for each in before:
        await clocks.cancel(session, rules.ITEM.id, each.id)
    await session.flush()
    await _carry_out(session, caller, case, plan, {each.id: each for each in before})
    cases.open_gate(session, caller, case, Gate.PRD_SIGNED, evidence=plan.id)
    await items.settle(session, caller, case, plan.id, evidence=plan.id)
    if case.status not in _CARRIED_OUT:
        cases.advance(session, caller, case, Action.ISSUE_PRD, subject=plan.id)
    audit.wrote(session, caller, "sign", "plan", plan.id, case=case.id, officer=body.officer)
    enter(session, case, "plan.signed", plan.id, caller)
    return await show(session, vault, caller, case, plan)


async def _carry_out(session: AsyncSession, caller: Caller, case: Case, plan: Plan, told: dict[str, PlanItem]) -> None:
    """Take over how the items stand that go on, start the clock of each that is open, and tell who answers.

    Raises RefusedByLaw where that is an agency that the case is kept from (R29).
    """
    kept, bodies = await case_store.withheld(session, case.id), directory.readable(caller)
    for each in await store.items_of(session, [plan.id]):
        if each.agency in bodies and kept_from(kept, each.agency, bodies[each.agency].kind):
            raise NEED_TO_KNOW.refuse("An item is of an agency that it is withheld from.", allowed_actions=["discard"])
        before = told.get(each.continues or "")
        if before is not None:
            each.state, each.unmet = before.state, before.unmet
            each.reported_at, each.settled_at = before.reported_at, before.settled_at
        if each.state in (ItemState.PLANNED, ItemState.UNDER_WAY):
            deadline = rules.deadline(clock.now(), each.due_at)
            session.add(clocks.started(deadline, case=case.id, resource_id=each.id, agency=each.agency))
        await items.tell(session, case, each, caller, "plan_item.given")


async def discard(session: AsyncSession, vault: Vault, caller: Caller, plan_id: str, officer: str) -> PlanOut:
    """Discard a draft. Raises NotFound, IllegalMove."""
    case, plan = await _moved(session, caller, plan_id, PlanAction.DISCARD)
    plan.state = PlanState.DISCARDED
    audit.wrote(session, caller, "discard", "plan", plan.id, case=case.id, officer=officer)
    return await show(session, vault, caller, case, plan)


async def _moved(session: AsyncSession, caller: Caller, plan_id: str, action: PlanAction) -> tuple[Case, Plan]:
    """Return a plan under the lock of its case and its clocks, where the caller may take this step."""
    found = await find(session, caller, plan_id)
    case = await cases.find_with_clocks(session, caller, found.case_id)
    plan = await find(session, caller, plan_id)
    rules.plan_advance(plan.state, action, held(caller, case))
    plan.version += 1
    return case, plan


async def find(session: AsyncSession, caller: Caller, plan_id: str) -> Plan:
    """Return a plan that the caller may read. Raises NotFound."""
    found = await store.plan(session, caller, plan_id)
    if found is None:
        raise NotFound
    return found


async def exit_allowed(session: AsyncSession, case_id: str) -> bool:
    """Whether the plan that is carried out lets the child leave the country (R21); for upper slices."""
    plan = _former(await store.plans_of(session, case_id))
    return plan is not None and plan.allows_exit


async def read(session: AsyncSession, vault: Vault, caller: Caller, plan_id: str) -> PlanOut:
    """Return one version with its words. The reading is recorded. Raises NotFound."""
    plan = await find(session, caller, plan_id)
    audit.read(session, caller, "plan", plan.id)
    return await show(session, vault, caller, await cases.find(session, caller, plan.case_id), plan)


async def show(session: AsyncSession, vault: Vault, caller: Caller, case: Case, plan: Plan) -> PlanOut:
    """Return a version with its items and their words."""
    await session.flush()
    return shown(vault, caller, case, plan, await store.items_of(session, [plan.id]))


def shown(vault: Vault | None, caller: Caller, case: Case, plan: Plan, found: Sequence[PlanItem]) -> PlanOut:
    """Return a version as this caller sees it; without a vault, without words."""
    live = plan.state is PlanState.SIGNED
    return PlanOut(
        items=[items.shown(vault, caller, case, each, live=live) for each in found if each.plan_id == plan.id],
        allowed_actions=rules.plan_allowed(plan.state, held(caller, case)),
        **plan.model_dump(include=_SHOWN),
    )


_SHOWN = set(PlanOut.model_fields) - {"items", "allowed_actions"}
