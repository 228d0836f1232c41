"""HTTP of duty contacts."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.referral.agencies.rules import Kind
from services.referral.duty import service
from services.referral.duty.rules import DutyRole
from services.referral.duty.schemas import OnDutyList, RosterIn, RosterOut
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router
from shared.shapes import Slug, State

rosters = router("/v1/referral/agencies", "agencies")
duty = router("/v1/referral/duty", "agencies")

Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]


@rosters.get("/{agency_id}/contacts", summary="Read whom to call at a body", name="read")
async def read(request: Request, response: Response, session: Session, caller: Reader, agency_id: Slug) -> RosterOut:
    """Return the duty contacts of a body, for whoever acts in its territory, and whether somebody answers now."""
    found = await service.roster(session, request.app.state.runtime.vault, caller, agency_id)
    etags.show(response, found.version)
    return found


@rosters.put("/{agency_id}/contacts", summary="Say whom to call at a body", name="put")
async def put(
    request: Request, response: Response, session: Session, caller: Writer, agency_id: Slug, if_match: etags.IfMatch,
    body: RosterIn,
) -> RosterOut:  # fmt: skip
    """Replace the duty contacts: as the body, or as one that it belongs to. The first ones are made from "v0"."""
    done = await service.write(session, request.app.state.runtime.vault, caller, agency_id, if_match, body)
    etags.show(response, done.version)
    return done


@duty.get("", summary="See who answers now")
async def now(
    request: Request,
    session: Session,
    caller: Reader,
    state: Annotated[State, Query(description="for which state", examples=["MX-CHP"])],
    kind: Kind | None = None,
    role: Annotated[DutyRole | None, Query(description="what the contact is for")] = None,
) -> OnDutyList:
    """List the contacts on duty of the bodies that act in a state, the state's own first."""
    return await service.on_duty(session, request.app.state.runtime.vault, caller, state, kind, role)
