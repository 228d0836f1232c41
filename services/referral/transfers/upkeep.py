"""What the system does by itself: a child who has not arrived in time is asked about."""

from services.referral.agencies.service import SYSTEM
from services.referral.transfers import service
from services.referral.transfers.rules import TransferAction
from shared import clock
from shared.errors import IllegalMove
from shared.runtime import Runtime


async def ask(runtime: Runtime) -> int:
    """Move the transfers that are overdue. Several workers may: each moves once. Returns how many moved."""
    async with runtime.database.work(write=False) as session:
        late = await service.overdue(session, clock.now())
    return sum([await _one(runtime, each) for each in late])


async def _one(runtime: Runtime, transfer_id: str) -> bool:
    try:
        async with runtime.database.work() as session:
            await service.act(session, runtime.vault, SYSTEM, transfer_id, TransferAction.NOT_ARRIVE)
    except IllegalMove:  # it arrived meanwhile, or another worker was first
        return False
    return True
