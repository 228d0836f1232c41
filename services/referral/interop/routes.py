"""HTTP of the exchange: the mapping, what waits, and for each form import, export and changes."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic_core import to_json

from services.referral.agencies.rules import OPERATOR
from services.referral.interop import answers, book, feed, fhir, primero, progres, quarantine, service, store, tasks
from services.referral.interop.fhir import FhirTaskR4In, FhirTaskR5In
from services.referral.interop.models import Quarantined
from services.referral.interop.primero import PrimeroChanges, PrimeroIn, PrimeroOut
from services.referral.interop.progres import ProgresChanges, ProgresIn, ProgresInterventionOut
from services.referral.interop.rules import Door, MapList, System
from services.referral.interop.schemas import (
    ImportedMany,
    MappingBook,
    MappingIn,
    MappingOut,
    QuarantineOut,
    QuarantineRead,
    TakenOut,
    TrialIn,
    TrialOut,
    WaitingCodes,
)
from services.referral.interop.shelf import book as book_of_today
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/interop", "interop")
Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
Looker = Annotated[Caller, Allow("referral:read", OPERATOR)]
Keeper = Annotated[Caller, Allow("referral:write", OPERATOR)]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next` of the answer before: it confirms that you have kept that")
]
Limit = Annotated[int, Query(ge=1, le=50, description="how many at most, 1 to 50")]


# -- the mapping -----------------------------------------------------------------------------------------


@routes.get("/mappings", summary="Read the mapping to partner systems")
async def mappings(
    session: Session,
    _: Reader,
    system: Annotated[System | None, Query(description="only this system's words")] = None,
    list: Annotated[MapList | None, Query(description="only rows of this code list")] = None,
) -> MappingBook:
    """Return every row in force, in Spanish and English: our code, theirs, which way it holds, what is lost."""
    return await book.published(session, system, list)


@routes.post("/mappings", status_code=201, summary="Add a row to the mapping")
async def add(session: Session, caller: Keeper, body: MappingIn) -> MappingOut:
    """Add a row, which takes the place of an earlier one about the same words. What waits for it can be replayed."""
    return await book.add(session, caller, body)


@routes.post("/mappings/trials", summary="Try rows of the mapping, and change nothing", name="try_rows")
async def try_rows(request: Request, session: Session, caller: Keeper, body: TrialIn) -> TrialOut:
    """Say what rows would do to the quarantine, to the messages of the last 30 days, and to what is sent."""
    return await book.tried(session, request.app.state.runtime.vault, caller, body.rows)


# -- what waits ------------------------------------------------------------------------------------------


@routes.get("/quarantine", summary="List your messages that were not understood")
async def waiting(session: Session, caller: Reader, paging: Pages) -> Page[QuarantineOut]:
    """List them, newest first. None was taken in, not even in part."""
    rows = (await session.exec(paging.apply(store.readable(caller), Quarantined.id))).all()
    return paging.page(rows, quarantine.show)


@routes.get("/quarantine/codes", summary="Count the words that the mapping lacks", name="codes")
@audited_read
async def codes(request: Request, session: Session, caller: Looker) -> WaitingCodes:
    """Return each word for which messages of partners wait, how many, and whose; nothing else of them."""
    return await quarantine.waiting_codes(session, request.app.state.runtime.vault, caller)


@routes.get("/quarantine/{quarantine_id}", summary="Read why a message of yours waits")
@audited_read
async def show(request: Request, session: Session, caller: Reader, quarantine_id: Id) -> QuarantineRead:
    """Return it with the words that the mapping does not know now. When none is left, replay it."""
    return await quarantine.read(session, request.app.state.runtime.vault, caller, quarantine_id)


@routes.post(
    "/quarantine/{quarantine_id}/replay", response_model=TakenOut, summary="Take in a message that waited",
)  # fmt: skip
async def replay(request: Request, session: Session, caller: Writer, quarantine_id: Id) -> Any:
    """Take it in by the mapping and your rights of today. 422 while it is still not understood."""
    vault = request.app.state.runtime.vault
    return await answers.one(session, vault, await service.replay(session, vault, caller, quarantine_id))


@routes.post("/quarantine/{quarantine_id}/discard", summary="Let go of a message that waits")
async def discard(session: Session, caller: Writer, quarantine_id: Id) -> QuarantineOut:
    """Erase its content. What it asked for has not happened and will not."""
    return await quarantine.discard(session, caller, quarantine_id)


# -- Primero ---------------------------------------------------------------------------------------------


@routes.post("/primero/referrals", response_model=TakenOut, summary="Take in a referral of Primero", name="import")
async def take_primero(request: Request, session: Session, caller: Writer, body: PrimeroIn) -> Any:
    """Open a referral, or move one of ours, as Primero says. 422 with a word that the mapping lacks: then it waits."""
    return await answers.taken(request, session, caller, primero.read(body)[0])


@routes.get("/primero/referrals/{referral_id}", summary="Read a referral as Primero has it", name="read")
@audited_read
async def read_primero(request: Request, session: Session, caller: Reader, referral_id: Id) -> PrimeroOut:
    """Return it in Primero's words, with what people said; that is recorded."""
    view = await feed.one(session, request.app.state.runtime.vault, caller, Door.PRIMERO, referral_id)
    return PrimeroOut(data=primero.write(await book_of_today(session), view))


@routes.get("/primero/transfers/{transfer_id}", summary="Read a transfer as Primero has it", name="read")
@audited_read
async def read_transfer(request: Request, session: Session, caller: Reader, transfer_id: Id) -> PrimeroOut:
    """Return it in Primero's words, as far as you see it. Steps of it are taken by the plain API (R30)."""
    found, reduced, note = await feed.transfer(session, request.app.state.runtime.vault, caller, transfer_id)
    return PrimeroOut(data=primero.write_transfer(await book_of_today(session), found, reduced=reduced, note=note))


@routes.get("/primero/changes", summary="Read what has changed, as Primero has it", name="changes")
@audited_read
async def changes_primero(
    request: Request, session: Session, caller: Reader, cursor: Cursor = None, limit: Limit = 20
) -> PrimeroChanges:
    """Return your referrals that have changed since you confirmed them by `cursor`, each as it stands now."""
    key = request.app.state.runtime.cursor_key
    views, after = await feed.changes(session, key, caller, Door.PRIMERO, cursor, limit)
    today = await book_of_today(session)
    return PrimeroChanges(data=[primero.write(today, each) for each in views], next=after)


# -- proGres ---------------------------------------------------------------------------------------------


@routes.post(
    "/progres/interventions", response_model=ImportedMany, responses=answers.MANY,
    summary="Take in interventions and decisions of proGres", name="import",
)  # fmt: skip
async def take_progres(request: Request, response: Response, session: Session, caller: Writer, body: ProgresIn) -> Any:
    """Take each in by itself: 200 if all were, 207 if some were not. One alone is answered as elsewhere.

    An intervention that names no referral of ours asks for something new; a decision moves one of ours.
    """
    return await answers.many(request, response, session, caller, progres.read(body))


@routes.get("/progres/referrals/{referral_id}", summary="Read a referral as the proGres exchange has it", name="read")
@audited_read
async def read_progres(request: Request, session: Session, caller: Reader, referral_id: Id) -> ProgresInterventionOut:
    """Return it in the words of the exchange, with what people said; that is recorded."""
    view = await feed.one(session, request.app.state.runtime.vault, caller, Door.PROGRES, referral_id)
    return progres.write(await book_of_today(session), view)


@routes.get("/progres/changes", summary="Read what has changed, as the proGres exchange has it", name="changes")
@audited_read
async def changes_progres(
    request: Request, session: Session, caller: Reader, cursor: Cursor = None, limit: Limit = 20
) -> ProgresChanges:
    """Return your referrals that have changed since you confirmed them by `cursor`, each as it stands now."""
    key = request.app.state.runtime.cursor_key
    views, after = await feed.changes(session, key, caller, Door.PROGRES, cursor, limit)
    today = await book_of_today(session)
    return ProgresChanges(interventions=[progres.write(today, each) for each in views], next=after)


# -- FHIR ------------------------------------------------------------------------------------------------


@routes.post("/fhir-r4/tasks", response_model=TakenOut, summary="Take in a Task of FHIR R4", name="import")
async def take_r4(request: Request, session: Session, caller: Writer, body: FhirTaskR4In) -> Any:
    """Open a referral, or move one of ours, as the Task says. 422 with a code that the mapping lacks: then it waits."""
    return await answers.taken(request, session, caller, fhir.read(body)[0])


@routes.post("/fhir-r5/tasks", response_model=TakenOut, summary="Take in a Task of FHIR R5", name="import")
async def take_r5(request: Request, session: Session, caller: Writer, body: FhirTaskR5In) -> Any:
    """Open a referral, or move one of ours, as the Task says. 422 with a code that the mapping lacks: then it waits."""
    return await answers.taken(request, session, caller, fhir.read(body)[0])


async def _task(request: Request, session: Session, caller: Caller, door: Door, referral_id: str) -> Response:
    view = await feed.one(session, request.app.state.runtime.vault, caller, door, referral_id)
    task = tasks.write(await book_of_today(session), view, door)
    return Response(to_json(task), media_type=tasks.MEDIA_TYPE)


async def _bundle(
    request: Request, session: Session, caller: Caller, door: Door, cursor: str | None, limit: int
) -> Response:
    key = request.app.state.runtime.cursor_key
    views, after = await feed.changes(session, key, caller, door, cursor, limit)
    today = await book_of_today(session)
    found = tasks.bundle([tasks.write(today, each, door) for each in views], request.url.path, after)
    return Response(to_json(found), media_type=tasks.MEDIA_TYPE)


@routes.get(
    "/fhir-r4/tasks/{referral_id}", response_class=Response, responses=answers.TASK,
    summary="Read a referral as a Task of FHIR R4", name="read",
)  # fmt: skip
@audited_read
async def read_r4(request: Request, session: Session, caller: Reader, referral_id: Id) -> Response:
    """Return the Task with its contained ServiceRequest, and what people said; that is recorded."""
    return await _task(request, session, caller, Door.FHIR_R4, referral_id)


@routes.get(
    "/fhir-r5/tasks/{referral_id}", response_class=Response, responses=answers.TASK,
    summary="Read a referral as a Task of FHIR R5", name="read",
)  # fmt: skip
@audited_read
async def read_r5(request: Request, session: Session, caller: Reader, referral_id: Id) -> Response:
    """Return the Task with its contained ServiceRequest, and what people said; that is recorded."""
    return await _task(request, session, caller, Door.FHIR_R5, referral_id)


@routes.get(
    "/fhir-r4/changes", response_class=Response, responses=answers.BUNDLE,
    summary="Read what has changed, as Tasks of FHIR R4", name="changes",
)  # fmt: skip
@audited_read
async def changes_r4(
    request: Request, session: Session, caller: Reader, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    """Return a Bundle of your referrals that have changed since you confirmed them; its `next` link confirms these."""
    return await _bundle(request, session, caller, Door.FHIR_R4, cursor, limit)


@routes.get(
    "/fhir-r5/changes", response_class=Response, responses=answers.BUNDLE,
    summary="Read what has changed, as Tasks of FHIR R5", name="changes",
)  # fmt: skip
@audited_read
async def changes_r5(
    request: Request, session: Session, caller: Reader, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    """Return a Bundle of your referrals that have changed since you confirmed them; its `next` link confirms these."""
    return await _bundle(request, session, caller, Door.FHIR_R5, cursor, limit)
