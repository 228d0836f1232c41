"""Use cases: take in how a case stands; block and erase what its schedule says."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.cases import store
from services.intake.cases.models import CaseStanding
from services.intake.children import service as children
from services.intake.children.models import Child
from services.intake.children.rules import RETAINED
from services.intake.retention import rules
from services.intake.retention.rules import ADULT, CARER, CHILD, Schedule
from shared import audit, clock
from shared.auth import Caller
from shared.errors import NotFound
from shared.events import CaseMoved
from shared.inbox import Message
from shared.runtime import Runtime

SYSTEM = Caller("urn:ruta:intake", "intake", "SERVICE", "service", frozenset())
_BATCH = 20


async def moved(session: AsyncSession, runtime: Runtime, message: Message) -> None:
    """Take in how a child's case stands. What is older than what is known changes nothing; an erased child neither."""
    fact = CaseMoved.model_validate(message.data)
    child = await store.locked(session, fact.child_id)
    held = await store.standing(session, fact.child_id)
    if child is None or (held is not None and held.version >= fact.version):
        return
    told = CaseStanding(
        child_id=child.id, version=fact.version, state=fact.state, closed_at=fact.closed_at, told_at=clock.now()
    )
    await session.merge(told)
    await session.flush()
    if child.state != fact.state:
        await _pass_on(session, child, fact.state)
    await _keep(session, runtime, child, fact.closed_at)


async def _pass_on(session: AsyncSession, child: Child, state: str) -> None:
    """The authorities of another state read the child from now on; those of the former one no longer (R37)."""
    audit.wrote(session, SYSTEM, "move", "child", child.id, state=state, former=child.state)
    child.met_state = child.met_state or child.state
    child.state = state
    await store.move_matches(session, child.id, state)


async def _keep(session: AsyncSession, runtime: Runtime, child: Child, closed_at: datetime | None) -> None:
    """Set the dates of a child's record and of those who are named beside it, or take them back."""
    known = rules.schedules(runtime.settings.retention)
    if closed_at is None and child.erase_after is not None:
        audit.wrote(session, SYSTEM, "hold", "child", child.id, rule=RETAINED.id)
    child.erase_after = closed_at and known[CHILD].erase_after(closed_at, await _grown(runtime, child))
    if child.erase_after is None:
        child.blocked_at = None
    await store.keep_adults(session, child.id, closed_at and known[ADULT].erase_after(closed_at))
    for family_id in await store.families(session, child.id):
        ends = await store.closings(session, family_id)
        last = max((each for each in ends if each is not None), default=None) if None not in ends else None
        await store.keep_carers(session, family_id, last and known[CARER].erase_after(last))


async def _grown(runtime: Runtime, child: Child) -> datetime | None:
    """Return when the year is over in which a child turns 18, while its identity is there."""
    try:
        opened = await children.opened(children.keyring_of(runtime), child)
    except NotFound:
        return None
    return rules.year_over(children.majority_month(opened))


async def turn(runtime: Runtime) -> int:
    """Block and erase some of what is due (R35); children are erased apart. Returns how many; 0: no time has come."""
    done = 0
    for record, schedule in rules.schedules(runtime.settings.retention).items():
        if schedule.kept is None:
            continue
        done += await _block(runtime, schedule)
        if record != CHILD:
            done += await _erase(runtime, schedule)
    return done


async def _block(runtime: Runtime, schedule: Schedule) -> int:
    """Block records: from now on nobody reads them. A date of birth that was corrected meanwhile is asked again."""
    now, blocked = clock.now(), 0
    async with runtime.database.work() as session:
        due: Any = await store.to_block(session, schedule.record, schedule.blocked, now, _BATCH)
        for row in due:
            if schedule.record == CHILD and await _later(runtime, row, schedule):
                continue
            row.blocked_at = now
            blocked += 1
            audit.wrote(session, SYSTEM, "block", schedule.record, row.id, rule=RETAINED.id)
    return blocked


async def _later(runtime: Runtime, child: Child, schedule: Schedule) -> bool:
    """Move the date of a child who turns 18 later than was known at the closing. Says whether it moved."""
    grown = await _grown(runtime, child)
    assert child.erase_after is not None
    if grown is None or schedule.block_at(child.erase_after) >= grown:
        return False
    child.erase_after = grown + schedule.blocked
    return True


async def _erase(runtime: Runtime, schedule: Schedule) -> int:
    """Erase who somebody was, the key first: whatever interrupts this, nobody reads it. What happened stays."""
    async with runtime.database.work() as session:
        due = await store.to_erase(session, schedule.record, clock.now(), _BATCH)
        for row in due:
            if schedule.record != ADULT and row.key_id is not None:  # the adult met is under the child's key
                await children.keyring_of(runtime).erase(row.key_id)
            setattr(row, store.SEALED[schedule.record], None)
            audit.wrote(session, SYSTEM, "erase", schedule.record, row.id, rule=RETAINED.id)
    return len(due)
