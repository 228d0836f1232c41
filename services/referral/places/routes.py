"""HTTP of shelters."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.referral.agencies.rules import Kind
from services.referral.places import service, store
from services.referral.places.schemas import (
    CapacityIn,
    CapacityOut,
    CertificationIn,
    CertificationOut,
    Children,
    FreePlaces,
    LocationIn,
    LocationOut,
    needs_of,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Slug, State

bodies = router("/v1/referral/agencies", "agencies")
free = router("/v1/referral/free-places", "agencies")

Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
Seeker = Annotated[Caller, Allow("referral:read", *store.SEEKERS)]
Keeper = Annotated[Caller, Allow("referral:write", Kind.CAS, Kind.CSO, Kind.DIF, Kind.MUNICIPAL_DIF)]
Certifier = Annotated[Caller, Allow("referral:write", Kind.PP)]


@free.get("", summary="Look for a place where children can sleep together")
async def search(
    request: Request,
    session: Session,
    caller: Seeker,
    state: Annotated[State, Query(description="where the children are", examples=["MX-CHP"])],
    children: Annotated[
        Children, Query(description="sex and age of each child: F14 is a girl of 14", examples=["F14,M6"])
    ],
    limit: Annotated[int, Query(ge=1, le=100, description="how many centres at most")] = 20,
) -> FreePlaces:
    """List the certified centres that have room for all of them: of the state first, then of its neighbours.

    A centre whose figure is too old is listed after the others of its distance, says so, and counts no place as free.
    """
    fresh = service.fresh_for(request.app.state.runtime)
    return await service.free_places(session, caller, state, needs_of(children), limit, fresh)


@bodies.get("/{cas_id}/certification", summary="Read whether a centre is certified", name="read")
async def read_certification(response: Response, session: Session, caller: Reader, cas_id: Slug) -> CertificationOut:
    """Return the certificate of a centre: the register of centres is public (LGDNNA 112)."""
    found = await service.certificate(session, caller, cas_id)
    etags.show(response, found.version)
    return found


@bodies.put("/{cas_id}/certification", summary="Certify a centre, or suspend it", name="put")
async def put_certification(
    response: Response,
    session: Session,
    caller: Certifier,
    cas_id: Slug,
    if_match: etags.IfMatch,
    body: CertificationIn,
) -> CertificationOut:
    """Record, renew, suspend or restore a certificate, as the Procuraduría (R11). The first one is made from "v0"."""
    done = await service.certify(session, caller, cas_id, if_match, body)
    etags.show(response, done.version)
    return done


@bodies.get("/{cas_id}/capacity", summary="Read what room a centre has", name="read")
async def read_capacity(
    request: Request, response: Response, session: Session, caller: Seeker, cas_id: Slug
) -> CapacityOut:
    """Return the places of a centre and how old the figure is. If that is too old, no place counts as free."""
    found = await service.capacity(session, caller, cas_id, service.fresh_for(request.app.state.runtime))
    etags.show(response, found.version)
    return found


@bodies.put("/{cas_id}/capacity", summary="Say what room a centre has", name="put")
async def put_capacity(
    request: Request, response: Response, session: Session, caller: Keeper, cas_id: Slug, if_match: etags.IfMatch,
    body: CapacityIn,
) -> CapacityOut:  # fmt: skip
    """Replace the centre's figure by a later one: as the centre, or as a body that it belongs to."""
    fresh = service.fresh_for(request.app.state.runtime)
    done = await service.say_capacity(session, caller, cas_id, if_match, body, fresh)
    etags.show(response, done.version)
    return done


@bodies.get("/{agency_id}/location", summary="Read where a body is", name="read")
@audited_read
async def read_location(
    request: Request, response: Response, session: Session, caller: Reader, agency_id: Slug
) -> LocationOut:
    """Return an address. R31 withholds a shelter's from INM's enforcement, and from whoever does not place children."""
    found = await service.location(session, request.app.state.runtime.vault, caller, agency_id)
    etags.show(response, found.version)
    return found


@bodies.put("/{agency_id}/location", summary="Say where a body is", name="put")
async def put_location(
    request: Request, response: Response, session: Session, caller: Writer, agency_id: Slug, if_match: etags.IfMatch,
    body: LocationIn,
) -> LocationOut:  # fmt: skip
    """Replace a body's address: as the body, or as one that it belongs to."""
    done = await service.locate(session, request.app.state.runtime.vault, caller, agency_id, if_match, body)
    etags.show(response, done.version)
    return done
