"""Use cases of alerts: post one, withdraw it."""

from datetime import UTC

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.alerts import rules, store
from services.referral.alerts.models import Alert
from services.referral.alerts.rules import AlertState
from services.referral.alerts.schemas import AlertIn, AlertOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Fault, IllegalMove, Invalid, NotFound


async def post(session: AsyncSession, caller: Caller, body: AlertIn) -> AlertOut:
    """Post an alert for the authorities of a state: one's own, or any for a federal body."""
    if caller.state not in (None, body.state.value):
        raise Invalid("Alert the authorities of your own state.", faults=[Fault("/state", "not_yours")])
    if body.ends_at <= clock.now():
        raise Invalid("That is over.", faults=[Fault("/ends_at", "in_the_past")])
    row = Alert(
        id=ids.new("alt"), agency=caller.agency, posted_at=clock.now(), starts_at=body.starts_at.astimezone(UTC),
        ends_at=body.ends_at.astimezone(UTC), **body.model_dump(exclude={"starts_at", "ends_at"}),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "post", "alert", row.id, state=row.state, level=row.level.value)
    return show(caller, row)


async def find(session: AsyncSession, caller: Caller, alert_id: str, *, lock: bool = False) -> Alert:
    """Return an alert that the caller may read. Raises NotFound."""
    row = await store.get(session, caller, alert_id, lock=lock)
    if row is None:
        raise NotFound
    return row


async def withdraw(session: AsyncSession, caller: Caller, alert_id: str) -> AlertOut:
    """Take an alert back, as the agency that posted it. Raises NotFound, IllegalMove."""
    row = await find(session, caller, alert_id, lock=True)
    if row.agency != caller.agency:
        raise IllegalMove("Who posted an alert withdraws it.", allowed_actions=[])
    rules.check_withdraw(rules.state(row.ends_at, row.withdrawn_at, clock.now()))
    row.withdrawn_at = clock.now()
    audit.wrote(session, caller, "withdraw", "alert", row.id)
    return show(caller, row)


def show(caller: Caller, row: Alert) -> AlertOut:
    """Return an alert as this caller sees it."""
    standing = rules.state(row.ends_at, row.withdrawn_at, clock.now())
    own = row.agency == caller.agency and standing is AlertState.STANDING
    return AlertOut(standing=standing, allowed_actions=["withdraw"] if own else [], **row.model_dump())
