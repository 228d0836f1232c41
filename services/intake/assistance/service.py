"""Use cases: log help, and see whether a child still lacks what every child needs."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.assistance import rules, store
from services.intake.assistance.models import Assistance
from services.intake.assistance.rules import NEEDS
from services.intake.assistance.schemas import Help
from shared import clock, ids
from shared.auth import Caller
from shared.bundle import bare
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.models import Clock


def logged(
    caller: Caller, child_id: str, encounter_id: str, body: Help, make: Callable[..., Assistance] = Assistance
) -> Assistance:
    """Build the row of one help. A hot path says by `make` how (shared.bundle.bare)."""
    return make(
        id=ids.new("ast"),
        child_id=child_id,
        encounter_id=encounter_id,
        code=body.code,
        given_at=body.given_at,
        declined=body.declined,
        agency=caller.agency,
        provider=body.provider,
    )


def waiting(caller: Caller, child_id: str, encounter_id: str, met_at: datetime, given: Collection[str]) -> list[Clock]:
    """Return the clock that waits for basic needs, if any is unmet and may still be met in time.

    Of a meeting that is recorded days later nobody can feed the child any more: its gaps stay visible, and no clock
    speaks of them.
    """
    if not rules.unmet(given):
        return []
    made = clocks.started(
        NEEDS, case=child_id, resource_id=encounter_id, agency=caller.agency, at=met_at,
        follower="referral", make=partial(bare, Clock),
    )  # fmt: skip
    return [made] if made.due_at > clock.now() else []


async def log(session: AsyncSession, caller: Caller, child_id: str, encounter_id: str, body: Help) -> Assistance:
    """Log one help; the clock of basic needs stops with the last of them, when that was given."""
    await clock_store.find(session, NEEDS.id, encounter_id)  # locked, so that of two last helps one sees the other
    row = logged(caller, child_id, encounter_id, body)
    session.add(row)
    await session.flush()
    times = (await store.times_of(session, [encounter_id]))[encounter_id]
    if not rules.unmet(times):
        await clocks.meet(session, NEEDS.id, encounter_id, max(times[code] for code in rules.BASIC_NEEDS))
    return row
