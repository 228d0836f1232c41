"""How old the oldest thing is that should have been done by now: for operators alone, as the metrics are."""

from sqlalchemy import func
from sqlmodel import select

from shared import audit, clock
from shared.audit import AuditEntry
from shared.delivery import upkeep
from shared.runtime import Runtime


async def ages(runtime: Runtime) -> dict[str, float | None]:
    """Return, in seconds, how long the oldest delivery has been due and the oldest audit row is unsealed; else null.

    What a gate withholds counts nowhere. The gateway delivers nothing. Raises what the database raises.
    """
    now = clock.now()
    async with runtime.database.work(write=False) as session:
        delivers = runtime.settings.service != "gateway"
        due = await upkeep.oldest_due(session, now) if delivers else None
        unsealed = (await session.exec(select(func.min(AuditEntry.at)).where(audit.UNSEALED))).one()
    moments = {"oldest_due_seconds": due, "unsealed_seconds": unsealed}
    return {name: (now - at).total_seconds() if at else None for name, at in moments.items()}
