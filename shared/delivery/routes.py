"""HTTP of the webhook engine, mounted by the services that have receivers outside."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Request

from shared.auth import Allow, Caller
from shared.db import Session
from shared.delivery import egress, service, store
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import EndpointState
from shared.delivery.schemas import DeliveryOut, EndpointCreated, EndpointIn, EndpointOut, EventOut
from shared.errors import Fault, Invalid
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id


def routers(name: str) -> list[APIRouter]:
    """Return the routers `endpoints`, `deliveries` and `events` of a service."""
    return [_endpoints(name), _deliveries(name), _events(name)]


def _endpoints(name: str) -> APIRouter:
    made = router(f"/v1/{name}/endpoints", "endpoints")
    Reader = Annotated[Caller, Allow(f"{name}:read")]
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.post("", status_code=201, summary="Register an endpoint")
    async def register(request: Request, session: Session, caller: Writer, body: EndpointIn) -> EndpointCreated:
        runtime = request.app.state.runtime
        if not runtime.settings.allow_loopback_webhooks:
            _must_be_outside(body.url)
        endpoint, secret = await service.register(session, runtime.vault, caller, body)
        return EndpointCreated(**EndpointOut.model_validate(endpoint).model_dump(), secret=secret)

    @made.get("", summary="List your endpoints")
    async def index(session: Session, caller: Reader, paging: Pages) -> Page[EndpointOut]:
        rows = (await session.exec(paging.apply(store.readable(caller), Endpoint.id))).all()
        return paging.page(rows, EndpointOut.model_validate)

    @made.get("/{endpoint_id}", summary="Read an endpoint")
    async def show(session: Session, caller: Reader, endpoint_id: Id) -> EndpointOut:
        return EndpointOut.model_validate(await service.own_endpoint(session, caller, endpoint_id))

    @made.post("/{endpoint_id}/pause", summary="Pause an endpoint: what is owed is kept")
    async def pause(session: Session, caller: Writer, endpoint_id: Id) -> EndpointOut:
        endpoint = await service.own_endpoint(session, caller, endpoint_id)
        return EndpointOut.model_validate(await service.change_state(session, caller, endpoint, EndpointState.PAUSED))

    @made.post("/{endpoint_id}/resume", summary="Resume an endpoint: what is owed follows in order")
    async def resume(session: Session, caller: Writer, endpoint_id: Id) -> EndpointOut:
        endpoint = await service.own_endpoint(session, caller, endpoint_id)
        return EndpointOut.model_validate(await service.change_state(session, caller, endpoint, EndpointState.ACTIVE))

    return made


def _must_be_outside(url: str) -> None:
    """Refuse early what the sender would refuse at every attempt. Raises Invalid."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Invalid("Webhooks go out over https only.", faults=[Fault("/url", "not_https")])
    if parts.port not in (None, 443, 8443):
        raise Invalid("Webhooks go out to the ports 443 and 8443 only.", faults=[Fault("/url", "not_a_web_port")])
    if not egress.may_name(parts.hostname or ""):
        raise Invalid("Webhooks go out to public addresses only.", faults=[Fault("/url", "not_public")])


def _deliveries(name: str) -> APIRouter:
    made = router(f"/v1/{name}/deliveries", "deliveries")
    Reader = Annotated[Caller, Allow(f"{name}:read")]

    @made.get("", summary="List what was sent to you")
    async def index(session: Session, caller: Reader, paging: Pages) -> Page[DeliveryOut]:
        rows = (await session.exec(paging.apply(store.deliveries_readable(caller), Delivery.id))).all()
        return paging.page(rows, DeliveryOut.model_validate)

    return made


def _events(name: str) -> APIRouter:
    made = router(f"/v1/{name}/events", "events")
    Reader = Annotated[Caller, Allow(f"{name}:read")]

    @made.get("", summary="List the events that were sent to you")
    async def index(session: Session, caller: Reader, paging: Pages) -> Page[EventOut]:
        rows = (await session.exec(paging.apply(store.events_readable(caller), Event.id))).all()
        return paging.page(rows, EventOut.model_validate)

    return made
