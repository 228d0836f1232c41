"""HTTP of uploads."""

from typing import Annotated, Any

from fastapi import Depends, Request

from services.intake.bulk import service, store
from services.intake.bulk.rules import COLUMNS, NEEDED
from services.intake.bulk.schemas import BulkErrorOut, BulkLoadOut
from shared.auth import Allow, Caller
from shared.bulk.route import CSV, NDJSON, TakenIn, Upload, upload_router
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.runtime import Runtime
from shared.shapes import Id

uploads = upload_router("/v1/intake/encounters", "encounters")
loads = router("/v1/intake/bulk-loads", "encounters")

Reader = Annotated[Caller, Allow("intake:read", "INM")]
Writer = Annotated[Caller, Allow("intake:write", "INM")]

_ENCOUNTER = (
    '{"external_id":"CHP-2026-004711","occurred_at":"2026-11-20T15:04:05Z","place":{"state":"MX-CHP"},'
    '"adult":{"tie":"NOBODY"},"child":{"given_names":"Ficticia","birth_date":"2012-03-05","sex":"F",'
    '"nationalities":["HND"],"languages":["spa"]}}\n'
)
_TABLE = (
    "external_id,occurred_at,state,tie,given_names,birth_date,sex,nationalities,languages\n"
    "CHP-2026-004711,2026-11-20T15:04:05Z,MX-CHP,NOBODY,Ficticia,2012-03-05,F,HND,spa\n"
)
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        NDJSON: {"schema": {"type": "string", "description": "one EncounterIn a line, each with an external_id"},
                 "example": _ENCOUNTER},
        CSV: {
            "schema": {
                "type": "string",
                "description": f"RFC 4180, UTF-8, with a header. Columns: {', '.join(COLUMNS)}. Needed: "
                f"{', '.join(sorted(NEEDED))}. `|` parts several values; an empty cell leaves its field out.",
            },
            "example": _TABLE,
        },
    },
}  # fmt: skip


async def _given(request: Request) -> Any:
    """Stands for what the route itself hands over."""


@uploads.post(
    "/bulk", status_code=201, response_model=BulkLoadOut, summary="Record many encounters",
    openapi_extra={"requestBody": _BODY},
)  # fmt: skip
async def load(
    runtime: Annotated[Runtime, Depends(_given)], caller: Writer, upload: Annotated[Upload, Depends(_given)]
) -> TakenIn:
    """Record a file of encounters, one a line, up to a gibibyte.

    Each line has an `external_id` of yours: a line whose id is there already changes nothing, so an upload that
    broke off is sent again whole, with the same Idempotency-Key. A line that is refused leaves the others alone.
    """
    done = await service.load(runtime, caller, upload)
    return TakenIn(done, f"/v1/intake/bulk-loads/{done.id}")


@loads.get("/{load_id}", summary="Read how far an upload is")
async def show(session: Session, caller: Reader, load_id: Id) -> BulkLoadOut:
    """Return what became of the lines so far. What is counted is committed."""
    return await service.show(session, await service.get(session, caller, load_id))


@loads.get("/{load_id}/errors", summary="List the faults of an upload")
async def errors(session: Session, caller: Reader, paging: Pages, load_id: Id) -> Page[BulkErrorOut]:
    """List which lines were refused and why, by line; at most 10,000 faults. No value is repeated."""
    found = await service.get(session, caller, load_id)
    rows = (await session.exec(store.errors(found, paging))).all()
    return paging.page(rows, BulkErrorOut.model_validate)
