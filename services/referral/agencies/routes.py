"""HTTP of the directory."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from services.referral.agencies import rules, service, store, table
from services.referral.agencies.rules import Kind, Service
from services.referral.agencies.schemas import (
    AgencyHistory,
    AgencyIn,
    AgencyOut,
    AgencyPatch,
    AgencyVersion,
    DirectoryCode,
    DirectoryCodes,
    ImportOut,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.bulk.route import CSV, TakenIn, Upload, upload_router
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.runtime import Runtime
from shared.shapes import Slug, State

routes = router("/v1/referral/agencies", "agencies")
uploads = upload_router("/v1/referral/agencies", "agencies")

Reader = Annotated[Caller, Allow("referral:read")]
Registrar = Annotated[Caller, Allow("referral:write", rules.OPERATOR, Kind.DIF)]
Administrator = Annotated[Caller, Allow("referral:write", rules.OPERATOR)]

_ROW = (
    "cas-tam-ejemplo-02,CAS,CAS Ejemplo (ficticio),Example shelter (fictitious),MX-TAM,MX-TAM,SHELTER,dif-tam,,"
    "Registro estatal de CAS (ficticio),false,,\r\n"
)
_TABLE = ",".join(table.COLUMNS) + "\r\n" + _ROW
_FILE: dict[str, Any] = {
    "required": True,
    "content": {
        CSV: {
            "schema": {
                "type": "string",
                "description": f"RFC 4180, UTF-8, with a header. Columns: {', '.join(table.COLUMNS)}. `;` parts "
                "several values; an empty cell leaves its field out. Bodies that it does not name stay as they are.",
            },
            "example": _TABLE,
        }
    },
}
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "the directory", "content": {CSV: {"schema": {"type": "string"}, "example": _TABLE}}}
}


@routes.get("", summary="List the bodies of the route")
async def index(
    caller: Reader,
    paging: Pages,
    kind: Kind | None = None,
    state: Annotated[State | None, Query(description="who acts in this state, federal bodies included")] = None,
    service: Service | None = None,
) -> Page[AgencyOut]:
    """List the bodies in force today, by id."""
    found = [
        agency
        for agency in store.readable(caller).values()
        if (paging.after is None or agency.id > paging.after)
        and (kind is None or agency.kind is kind)
        and (state is None or agency.covers(state))
        and (service is None or service in agency.services)
    ]
    return paging.page(found[: paging.limit + 1], lambda agency: _show(caller, agency))


def _show(caller: Caller, agency: rules.Agency) -> AgencyOut:
    return AgencyOut.of(agency, service.allowed(caller, agency))


@routes.get("/codes", summary="Read the codes of the directory")
async def codes(_: Reader) -> DirectoryCodes:
    """Return the kinds of body and the services, in Spanish and English, and what HSDS exports call a service."""
    return DirectoryCodes(
        kinds=[
            DirectoryCode(code=kind.value, text_en=text.en, text_es=text.es, open_eligibility=None)
            for kind, text in rules.KINDS.items()
        ],
        services=[
            DirectoryCode(
                code=each.value, text_en=coded.text.en, text_es=coded.text.es, open_eligibility=coded.open_eligibility
            )
            for each, coded in rules.SERVICES.items()
        ],
    )


@routes.get("/export", summary="Export the directory as a table", response_class=Response, responses=_EXPORT)
async def export(session: Session, _: Annotated[Caller, Allow("referral:read", rules.OPERATOR)]) -> Response:
    """Return every body, former ones too, as `import` takes it."""
    content = table.written((await store.fresh(session)).values())
    headers = {"Content-Disposition": 'attachment; filename="agencies.csv"'}
    return Response(content, media_type=f"{CSV}; charset=utf-8", headers=headers)


async def _given(request: Request) -> Any:
    """Stands for what the route itself hands over."""


@uploads.post(
    "/import", summary="Import a table of bodies", response_model=ImportOut, openapi_extra={"requestBody": _FILE}
)
async def take_in(
    runtime: Annotated[Runtime, Depends(_given)], caller: Administrator, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Enter and change bodies by a file: all of it, or nothing. The marks `verified` are kept as the file has them."""
    done = await table.taken_in(runtime.database, caller, upload.chunks, really=True)
    return TakenIn(done, "/v1/referral/agencies")


@uploads.post(
    "/import/check", summary="Check a table of bodies, and change nothing", response_model=ImportOut,
    openapi_extra={"requestBody": _FILE},
)  # fmt: skip
async def check(
    runtime: Annotated[Runtime, Depends(_given)], caller: Administrator, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Say what an import of this file would do, and everything that is wrong with it, by line."""
    done = await table.taken_in(runtime.database, caller, upload.chunks, really=False)
    return TakenIn(done, "/v1/referral/agencies")


@routes.post("", status_code=201, summary="Register a body")
async def register(response: Response, session: Session, caller: Registrar, body: AgencyIn) -> AgencyOut:
    """Enter a body: a state's DIF its CAS and municipal DIF, the national system those of all, and civil society."""
    made = await service.register(session, caller, body)
    response.headers["Location"] = f"/v1/referral/agencies/{made.id}"
    etags.show(response, made.version)
    return _show(caller, made)


@routes.get("/{agency_id}", summary="Read a body of the route")
async def show(response: Response, session: Session, caller: Reader, agency_id: Slug) -> AgencyOut:
    """Return a body, a former one too: cases of its time name it."""
    found = await service.look_up(session, caller, agency_id)
    etags.show(response, found.version)
    return _show(caller, found)


@routes.patch("/{agency_id}", summary="Change a body")
async def change(
    response: Response, session: Session, caller: Registrar, agency_id: Slug, if_match: etags.IfMatch, body: AgencyPatch
) -> AgencyOut:
    """Change what the directory says of a body, or from when until when it serves."""
    changed = await service.change(session, caller, agency_id, if_match, body)
    etags.show(response, changed.version)
    return _show(caller, changed)


@routes.get("/{agency_id}/history", summary="Read how a body has changed")
async def history(session: Session, caller: Reader, agency_id: Slug) -> AgencyHistory:
    """Return what this installation has made of a body, oldest first."""
    rows = await service.history(session, caller, agency_id)
    return AgencyHistory(items=[AgencyVersion.of(row) for row in rows])
