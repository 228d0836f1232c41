"""HTTP of what is due."""

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, StringConstraints

from services.referral.clocks import service, store
from services.referral.clocks.schemas import ChainOut, DueFileOut, DueOut
from shared.auth import Allow, Caller
from shared.clocks.rules import ClockState
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id, Out

routes = router("/v1/referral/clocks", "clocks")
Reader = Annotated[Caller, Allow("referral:read")]


class Chains(Out):
    """Every chain."""

    items: list[ChainOut]


@routes.get("", summary="List what your agency owes, soonest due first")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    state: ClockState | None = None,
    rule: Annotated[
        str | None, StringConstraints(pattern=r"^[A-Z0-9_-]{1,40}$"), Query(description="of one deadline")
    ] = None,
    case_id: Annotated[Id | None, Query(description="of one case")] = None,
    due_before: Annotated[AwareDatetime | None, Query(description="due before this moment")] = None,
) -> Page[DueOut]:
    """List the duties of your agency in every service: what each is about, and how long is left."""
    wish = store.Wish(state=state, rule=rule, case=case_id, due_before=due_before)
    return paging.page(await store.due(session, caller, paging, wish), lambda row: service.show(row.clock))


@routes.get("/chains", summary="Read who learns of a duty that is not done in time")
async def chains(_: Reader) -> Chains:
    """Return, for each deadline, who is told at its warning, at its breach, and at each step after it."""
    return Chains(items=service.chains())


@routes.get("/{clock_id}", summary="Read a clock with its history")
async def show(session: Session, caller: Reader, clock_id: Id) -> DueFileOut:
    """Return the clock of a duty that your agency owes, with every pause, extension and change of the calendar."""
    return await service.file(session, caller, clock_id)
