"""HTTP of calendars."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Query

from services.referral.calendar import rules, service, store
from services.referral.calendar.schemas import CalendarSuspensionIn, CalendarSuspensionOut
from shared.auth import Allow, Caller
from shared.clocks.models import Suspension
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id, State

routes = router("/v1/referral/calendar-suspensions", "clocks")
Reader = Annotated[Caller, Allow("referral:read")]
Authority = Annotated[Caller, Allow("referral:write", *rules.AUTHORITIES)]


@routes.get("", summary="List the days that do not count")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    authority: Literal["ALL", "COMAR", "INM", "SRE", "PP", "DIF", "MP"] | None = None,
    state: State | None = None,
    on: Annotated[date | None, Query(description="those of this day")] = None,
) -> Page[CalendarSuspensionOut]:
    """List suspensions of all authorities, newest first. Weekends and rest days of the law are not among them."""
    statement = store.of(store.readable(caller), authority, state.value if state else None, on)
    rows = (await session.exec(paging.apply(statement, Suspension.id))).all()
    return paging.page(rows, lambda row: service.show(caller, row))


@routes.get("/{calendar_suspension_id}", summary="Read a suspension")
async def show(session: Session, caller: Reader, calendar_suspension_id: Id) -> CalendarSuspensionOut:
    return service.show(caller, await service.find(session, caller, calendar_suspension_id))


@routes.post("", status_code=201, summary="Suspend days of your authority's calendar")
async def record(session: Session, caller: Authority, body: CalendarSuspensionIn) -> CalendarSuspensionOut:
    """Record days that do not count, as published. Every open clock that they touch moves within seconds."""
    return service.show(caller, await service.record(session, caller, body))


@routes.post("/{calendar_suspension_id}/withdraw", summary="Withdraw a suspension")
async def withdraw(session: Session, caller: Authority, calendar_suspension_id: Id) -> CalendarSuspensionOut:
    """Let the days count again. The row stays, marked as withdrawn; the clocks move back."""
    return service.show(caller, await service.withdraw(session, caller, calendar_suspension_id))
