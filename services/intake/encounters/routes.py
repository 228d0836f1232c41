"""HTTP of encounters."""

from typing import Annotated

from fastapi import Depends, Request

from services.intake.assistance.schemas import AssistanceOut, HelpIn
from services.intake.children.store import AUTHORITIES
from services.intake.encounters import service, store
from services.intake.encounters.models import Encounter
from services.intake.encounters.schemas import AdultOut, EncounterIn, EncounterOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.hot import Written, hot_router
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.runtime import Runtime
from shared.shapes import Id

encounters = router("/v1/intake/encounters", "encounters")
recording = hot_router("/v1/intake/encounters", "encounters")
helping = router("/v1/intake/assistance", "assistance")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", "INM")]


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@recording.post("", status_code=201, response_model=EncounterOut, summary="Record an encounter")
async def record(runtime: Annotated[Runtime, Depends(_runtime)], caller: Writer, body: EncounterIn) -> Written:
    """Record that INM or a Grupo Beta met a child, or that one is announced.

    For a child who was met the referrals to Procuraduría and DIF open within seconds.
    """
    return await service.record(runtime, caller, body)


@encounters.get("", summary="List encounters")
async def index(session: Session, caller: Reader, paging: Pages) -> Page[EncounterOut]:
    """List the encounters in the caller's state, newest first."""
    rows = (await session.exec(paging.apply(store.readable(caller), Encounter.id))).all()
    shown = await service.show_all(session, rows)
    return paging.page(rows, lambda row: shown[row.id])


@encounters.get("/{encounter_id}", summary="Read an encounter")
async def show(session: Session, caller: Reader, encounter_id: Id) -> EncounterOut:
    """Return an encounter, its clocks, and whether referral has been told."""
    return await service.get(session, caller, encounter_id)


@encounters.get("/{encounter_id}/adult", summary="Read who the adult was")
@audited_read
async def adult(request: Request, session: Session, caller: Reader, encounter_id: Id) -> AdultOut:
    """Return who the adult said to be with whom the child was met. The reading is recorded."""
    return await service.adult(session, request.app.state.runtime, caller, encounter_id)


@helping.post("", status_code=201, summary="Log help that was given or declined")
async def log_help(session: Session, caller: Writer, body: HelpIn) -> AssistanceOut:
    """Log a help given after the encounter was recorded. The last basic need stops the clock of needs."""
    return await service.log_help(session, caller, body)
