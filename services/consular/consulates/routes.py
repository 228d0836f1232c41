"""HTTP of the directory."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from services.consular.consulates import service, store, table
from services.consular.consulates.models import Consulate
from services.consular.consulates.rules import ADMINISTRATORS
from services.consular.consulates.schemas import (
    ConsulateHistory,
    ConsulateImportOut,
    ConsulateIn,
    ConsulateOut,
    ConsulatePatch,
    ConsulateVersionOut,
    CoverageOut,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.bulk.route import CSV, TakenIn, Upload, upload_router
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.runtime import Runtime
from shared.shapes import Country, Day, Slug, State

consulates = router("/v1/consular/consulates", "consulates")
uploads = upload_router("/v1/consular/consulates", "consulates")
Reader = Annotated[Caller, Allow("consular:read")]
Administrator = Annotated[Caller, Allow("consular:write", *ADMINISTRATORS)]
Planner = Annotated[Caller, Allow("consular:read", *ADMINISTRATORS, "INM", "PP")]

_TABLE = ",".join(table.COLUMNS) + (
    "\r\npost,con-hnd-ejemplo-2,HND,Ejemplo (ficticio),MX-CHP,consulate,announced,,,Registro de la SRE (ficticio),"
    "false,+529625550100,,,L-V 9 a 14 h,MO TU WE TH FR 09:00-14:00,,2026-12-25,Apertura anunciada (ficticia)"
    "\r\nstate,con-hnd-ejemplo-2,,,MX-CHP,,,,,Registro de la SRE (ficticio),false,,,,,,,,\r\n"
)
_FILE: dict[str, Any] = {
    "required": True,
    "content": {
        CSV: {
            "schema": {
                "type": "string",
                "description": f"RFC 4180, UTF-8, with a header. Columns: {', '.join(table.COLUMNS)}. A line `post` "
                "for each post and, behind it, a line `state` for each state that it serves. `;` parts several values; "
                "an empty cell leaves its field out. A line that says something new needs a `reason`. Posts that the "
                "file does not name stay as they are.",
            },
            "example": _TABLE,
        }
    },
}
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "the directory", "content": {CSV: {"schema": {"type": "string"}, "example": _TABLE}}}
}


@consulates.get("", summary="List embassies and consulates")
async def index(
    session: Session, caller: Reader, paging: Pages, country: Country | None = None, state: State | None = None
) -> Page[ConsulateOut]:
    """`state` keeps the posts that serve a state; embassies, which serve what is left, have none."""
    statement = store.readable(caller)
    if country is not None:
        statement = statement.where(Consulate.country == country)
    if state is not None:
        statement = statement.where(store.serving(state))
    rows = (await session.exec(paging.apply(statement, Consulate.id))).all()
    shown = {post.id: post for post in await service.complete(session, caller, rows)}
    return paging.page(rows, lambda row: shown[row.id])


@consulates.get("/coverage", summary="Read who covers which nationality in which state")
async def coverage(
    session: Session,
    _: Planner,
    country: Annotated[
        Country | None, Query(description="only this nationality; without, the member states of the RCM")
    ] = None,
    on: Annotated[Day | None, Query(description="on this day; without, today", examples=["2026-11-20"])] = None,
) -> CoverageOut:
    """Say for each nationality and state whether a consulate is told, or the embassy must do, or nobody is there.

    By the very function that routes notices (R19).
    """
    return await service.coverage(session, country, on)


@consulates.get("/export", summary="Export the directory of consulates", response_class=Response, responses=_EXPORT)
async def export(session: Session, _: Annotated[Caller, Allow("consular:read", *ADMINISTRATORS)]) -> Response:
    """Return every post, former ones too, as `import` takes it."""
    headers = {"Content-Disposition": 'attachment; filename="consulates.csv"'}
    content = table.written(*await store.everything(session))
    return Response(content, media_type=f"{CSV}; charset=utf-8", headers=headers)


async def _given(request: Request) -> Any:
    """Stands for what the route itself hands over."""


@uploads.post(
    "/import", summary="Import a table of consulates", response_model=ConsulateImportOut,
    openapi_extra={"requestBody": _FILE},
)  # fmt: skip
async def take_in(
    runtime: Annotated[Runtime, Depends(_given)], caller: Administrator, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Enter and change posts by a file, each as a new version: all of it, or nothing."""
    done = await table.taken_in(runtime.database, caller, upload.chunks, really=True)
    return TakenIn(done, "/v1/consular/consulates")


@uploads.post(
    "/import/check", summary="Check a table of consulates, and change nothing", response_model=ConsulateImportOut,
    openapi_extra={"requestBody": _FILE},
)  # fmt: skip
async def check(
    runtime: Annotated[Runtime, Depends(_given)], caller: Administrator, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Say what an import of this file would do, and everything that is wrong with it, by line."""
    done = await table.taken_in(runtime.database, caller, upload.chunks, really=False)
    return TakenIn(done, "/v1/consular/consulates")


@consulates.post("", status_code=201, summary="Register an embassy or consulate")
async def register(response: Response, session: Session, caller: Administrator, body: ConsulateIn) -> ConsulateOut:
    """Enter a post that the directory does not have."""
    made = await service.register(session, caller, body)
    response.headers["Location"] = f"/v1/consular/consulates/{made.id}"
    return etags.shown(response, made)


@consulates.get("/{consulate_id}", summary="Read an embassy or consulate")
async def show(response: Response, session: Session, caller: Reader, consulate_id: Slug) -> ConsulateOut:
    return etags.shown(response, await service.show(session, caller, consulate_id))


@consulates.patch("/{consulate_id}", summary="Change an embassy or consulate")
async def change(
    response: Response,
    session: Session,
    caller: Administrator,
    consulate_id: Slug,
    if_match: etags.IfMatch,
    body: ConsulatePatch,
) -> ConsulateOut:
    """Let a new version count: what was, stays in the history. Notices are routed by it from now on."""
    return etags.shown(response, await service.change(session, caller, consulate_id, if_match, body))


@consulates.get("/{consulate_id}/history", summary="Read how an embassy or consulate has changed")
async def history(session: Session, caller: Reader, consulate_id: Slug) -> ConsulateHistory:
    """Return every version that this installation has made, with who, when and why, oldest first."""
    rows = await service.history(session, caller, consulate_id)
    return ConsulateHistory(items=[ConsulateVersionOut.of(row) for row in rows])
