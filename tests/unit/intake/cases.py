"""What referral says of cases."""

from datetime import datetime
from typing import Any

from shared import clock, ids
from shared.events import CaseMoved
from tests.unit.intake.world import Row, World


async def told(
    world: World, child_id: str, version: int, closed_at: datetime | None = None, state: str = "MX-CHP"
) -> None:
    """Let referral say how a child's case stands."""
    data = {
        "child_id": child_id, "version": version, "state": state,
        "closed_at": closed_at.isoformat() if closed_at else None,
    }  # fmt: skip
    await brought(world, data)


async def brought(world: World, data: dict[str, Any]) -> None:
    """Deliver what referral says."""
    message: Row = {
        "id": ids.new("evt"), "type": CaseMoved.TYPE, "version": 1, "time": clock.now().isoformat(),
        "data": data,
    }  # fmt: skip
    answer = await world.event(message)
    assert answer.status_code == 200, answer.text
