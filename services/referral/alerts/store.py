"""Every SQL statement of alerts."""

from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.alerts.models import Alert
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the alerts of the caller's state; federal bodies have none, and read all."""
    return select(Alert) if caller.state is None else select(Alert).where(Alert.state == caller.state)


def standing(statement: Any, now: datetime) -> Any:
    """Keep the alerts that are not over."""
    return statement.where(col(Alert.withdrawn_at).is_(None), col(Alert.ends_at) > now)


async def get(session: AsyncSession, caller: Caller, alert_id: str, *, lock: bool = False) -> Alert | None:
    """Return one alert that the caller may read, locked if wished."""
    statement = readable(caller).where(Alert.id == alert_id)
    found: Alert | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found
