"""No silent limbo: clocks for whoever lets a notice wait. They tell the fact alone, never a reason."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import competent
from services.referral.cases.models import Case
from services.referral.cases.rules import Status
from services.referral.protection import rules, store
from services.referral.protection.knowing import current
from services.referral.protection.lifting import GATE_WAITS, NOTICE_INM, NOTICE_PP
from services.referral.protection.models import Guard, Release
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.rules import ClockState, Deadline


async def begin(session: AsyncSession, case: Case, guard: Guard) -> None:
    """Let INM and the Procuraduría owe a decision on the notice of a foreign child, until it is released or barred.

    A child who turns out to be Mexican, or whose nationality is in doubt, is owed none (R20).
    """
    if not current(guard):
        return
    owed = rules.awaits_notice(guard.nationalities, guard.stateless_doubt) and case.status is not Status.CLOSED
    if owed and (guard.blocked_at is not None or await store.released(session, case.id, None) is not None):
        await settle(session, case)
        return
    for deadline, agency in ((NOTICE_INM, competent(Kind.INM, case.state).id), (NOTICE_PP, case.representative)):
        if owed:
            await _run(session, deadline, case, case.id, agency)
        else:
            await clocks.cancel(session, deadline.id, case.id)


async def settle(session: AsyncSession, case: Case) -> None:
    """Take in that the notice was released or barred: nobody owes a decision any more."""
    for deadline in (NOTICE_INM, NOTICE_PP):
        await clocks.meet(session, deadline.id, case.id)


async def for_facts(session: AsyncSession, case: Case, release: Release, *, waits: bool) -> None:
    """Let INM owe the facts for which a released notice waits, for as long as it does."""
    if waits:
        await _run(session, GATE_WAITS, case, release.id, competent(Kind.INM, case.state).id)
    else:
        await clocks.meet(session, GATE_WAITS.id, release.id)


async def _run(session: AsyncSession, deadline: Deadline, case: Case, resource_id: str, agency: str) -> None:
    found = await clock_store.find(session, deadline.id, resource_id)
    if found is None:
        session.add(clocks.started(deadline, case=case.id, resource_id=resource_id, agency=agency))
    elif found.state is ClockState.CANCELLED or (found.state is ClockState.MET and deadline is GATE_WAITS):
        await clocks.restart(session, deadline, resource_id)
