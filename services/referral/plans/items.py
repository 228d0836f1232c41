"""Use cases of a plan's items: the agency that answers starts and reports, the Procuraduría verifies."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate, Seen
from services.referral.cases.schemas import held
from services.referral.plans import rules, store
from services.referral.plans.models import ItemStep, PlanItem
from services.referral.plans.rules import ItemAction
from services.referral.plans.schemas import ItemNoteIn, ItemOut, ItemReportIn, ItemStepOut, UnmetIn
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import NotFound
from shared.events import PlanItemMoved

TABLE = "prd_item"


async def act(
    session: AsyncSession, vault: Vault, caller: Caller, item_id: str, action: ItemAction, body: ItemNoteIn
) -> ItemOut:
    """Take a step of an item. Raises NotFound, IllegalMove."""
    found = await find(session, caller, item_id)
    case = await cases.find_with_clocks(session, SYSTEM, found.case_id)  # who answers reads its items, not the case
    row = await find(session, caller, item_id)
    responsible, live = row.agency == caller.agency, await store.live(session, row)
    row.state = rules.advance(row.state, action, held(caller, case), responsible=responsible, live=live)
    row.version += 1
    _note(vault, session, caller, row, body)
    await _clock(session, row, action)
    now = clock.now()
    row.reported_at = now if action is ItemAction.REPORT else row.reported_at
    row.settled_at = now if row.state in rules.SETTLED else None
    row.unmet = body.reason if isinstance(body, UnmetIn) else None
    audit.wrote(session, caller, action.value, "plan_item", row.id, case=case.id, officer=body.officer)
    await session.flush()
    await settle(session, caller, case, row.plan_id, evidence=row.id)
    await tell(session, case, row, caller, f"plan_item.{action}")
    return await show(session, vault, caller, case, row)


def _note(vault: Vault, session: AsyncSession, caller: Caller, row: PlanItem, body: ItemNoteIn) -> None:
    step_id = ids.new("its")
    given = body if isinstance(body, ItemReportIn) else None
    session.add(ItemStep(
        id=step_id, item_id=row.id, state=row.state, reference=given.reference if given else None,
        digest=given.digest if given else None,
        note=vault.seal(body.note.encode(), TABLE, step_id) if body.note else None,
        recorded_by=f"{caller.agency}/{body.officer}", recorded_at=clock.now(),
    ))  # fmt: skip


async def _clock(session: AsyncSession, row: PlanItem, action: ItemAction) -> None:
    """Stop the clock of what was done, and let it run again, to the same end, where it was not."""
    if action is ItemAction.REPORT:
        await clocks.meet(session, rules.ITEM.id, row.id)
    elif action is ItemAction.REASON:
        await clocks.cancel(session, rules.ITEM.id, row.id)
    elif action in (ItemAction.SEND_BACK, ItemAction.REOPEN):
        await clocks.restart(session, rules.deadline(clock.now(), row.due_at), row.id)


async def settle(session: AsyncSession, caller: Caller, case: Case, plan_id: str, *, evidence: str) -> None:
    """Open or close the gate of R25 by how the items of the plan that is carried out stand."""
    done = rules.settled(each.state for each in await store.items_of(session, [plan_id]))
    is_open = Gate.ITEMS_SETTLED in case.standing.gates
    if done and not is_open:
        cases.open_gate(session, caller, case, Gate.ITEMS_SETTLED, evidence=evidence)
    elif is_open and not done:
        cases.close_gate(session, caller, case, Gate.ITEMS_SETTLED, evidence=evidence)


async def tell(session: AsyncSession, case: Case, row: PlanItem, caller: Caller, code: str) -> None:
    """Put it on the timeline of those who may read the item, and tell the other one of the two."""
    cases.enter(
        session, case, code=code, subject=row.id, agency=caller.agency, seen=Seen.PARTIES, parties=[row.agency]
    )  # fmt: skip
    fact = PlanItemMoved(item_id=row.id, state=row.state.value)
    audience = {row.agency, case.representative} - {caller.agency}
    await delivery.publish(
        session, fact.TYPE, case=row.id, subject=row.id, audience=sorted(audience), data=fact.model_dump(mode="json")
    )  # the item is its own line of delivery: who answers for it alone learns of no other


async def find(session: AsyncSession, caller: Caller, item_id: str) -> PlanItem:
    """Return an item that the caller may read. Raises NotFound."""
    found = await store.item(session, caller, item_id)
    if found is None:
        raise NotFound
    return found


async def read(session: AsyncSession, vault: Vault, caller: Caller, item_id: str) -> ItemOut:
    """Return one item with its words. The reading is recorded. Raises NotFound."""
    row = await find(session, caller, item_id)
    audit.read(session, caller, "plan_item", row.id)
    return await show(session, vault, caller, await cases.find(session, SYSTEM, row.case_id), row)


async def show(session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: PlanItem) -> ItemOut:
    """Return an item with its words and everything that was done with it."""
    await session.flush()
    live = await store.live(session, row)
    return shown(vault, caller, case, row, live=live, steps=await store.steps(session, [row.id]))


def shown(
    vault: Vault | None, caller: Caller, case: Case, row: PlanItem, *, live: bool, steps: Sequence[ItemStep] = ()
) -> ItemOut:
    """Return an item as this caller sees it; without a vault, without words."""

    def words(sealed: bytes | None, name: str) -> str | None:
        return vault.open(sealed, TABLE, name).decode() if vault and sealed is not None else None

    responsible = row.agency == caller.agency
    return ItemOut(
        measure=words(row.measure, f"{row.id}.measure"),
        responsible=words(row.responsible, f"{row.id}.responsible"),
        late=live and rules.is_late(row.state, row.due_at, clock.now()),
        steps=[ItemStepOut(note=words(each.note, each.id), **each.model_dump(include=_STEP)) for each in steps],
        allowed_actions=rules.allowed(row.state, held(caller, case), responsible=responsible, live=live),
        **row.model_dump(include=_SHOWN),
    )


_STEP = set(ItemStepOut.model_fields) - {"note"}
_SHOWN = set(ItemOut.model_fields) - {"measure", "responsible", "late", "steps", "allowed_actions"}
