"""HTTP of the directory."""

from typing import Annotated

from fastapi import Query

from services.referral.agencies import service, store
from services.referral.agencies.rules import Kind, Service
from services.referral.agencies.schemas import AgencyOut
from shared.auth import Allow, Caller
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Slug, State

routes = router("/v1/referral/agencies", "agencies")
Reader = Annotated[Caller, Allow("referral:read")]


@routes.get("", summary="List the bodies of the route")
async def index(
    caller: Reader,
    paging: Pages,
    kind: Kind | None = None,
    state: Annotated[State | None, Query(description="who acts in this state, federal bodies included")] = None,
    service: Service | None = None,
) -> Page[AgencyOut]:
    found = [
        agency
        for agency in store.readable(caller).values()
        if (paging.after is None or agency.id > paging.after)
        and (kind is None or agency.kind is kind)
        and (state is None or agency.covers(state))
        and (service is None or service in agency.services)
    ]
    return paging.page(found[: paging.limit + 1], AgencyOut.of)


@routes.get("/{agency_id}", summary="Read a body of the route")
async def show(caller: Reader, agency_id: Slug) -> AgencyOut:
    return AgencyOut.of(service.find(caller, agency_id))
