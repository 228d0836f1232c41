"""HTTP of alerts."""

from typing import Annotated

from fastapi import Query

from services.referral.alerts import service, store
from services.referral.alerts.models import Alert
from services.referral.alerts.rules import AUTHORITIES, Level
from services.referral.alerts.schemas import AlertIn, AlertOut
from shared import clock
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id, State

routes = router("/v1/referral/alerts", "alerts")

Reader = Annotated[Caller, Allow("referral:read", *AUTHORITIES)]
Poster = Annotated[Caller, Allow("referral:write", *AUTHORITIES)]


@routes.post("", status_code=201, summary="Post an alert of a flow")
async def post(session: Session, caller: Poster, body: AlertIn) -> AlertOut:
    """Tell the authorities of a state how many children are expected, where and when (stage 0)."""
    return await service.post(session, caller, body)


@routes.get("", summary="List the alerts of your territory")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    state: State | None = None,
    level: Level | None = None,
    over: Annotated[bool, Query(description="those that are over, too")] = False,
) -> Page[AlertOut]:
    """List what stands, newest first; federal bodies read every state's."""
    statement = store.readable(caller) if over else store.standing(store.readable(caller), clock.now())
    for column, wanted in ((Alert.state, state), (Alert.level, level)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, Alert.id))).all()
    return paging.page(rows, lambda row: service.show(caller, row))


@routes.get("/{alert_id}", summary="Read an alert")
async def show(session: Session, caller: Reader, alert_id: Id) -> AlertOut:
    """Return one alert of your territory, also when it is over."""
    return service.show(caller, await service.find(session, caller, alert_id))


@routes.post("/{alert_id}/withdraw", summary="Withdraw an alert")
async def withdraw(session: Session, caller: Poster, alert_id: Id) -> AlertOut:
    """Take it back, as the agency that posted it."""
    return await service.withdraw(session, caller, alert_id)
