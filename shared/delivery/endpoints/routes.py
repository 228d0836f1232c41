"""HTTP of endpoints, of their keys and of their alarms, for whichever service mounts it."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.delivery.endpoints import service, store
from shared.delivery.endpoints.schemas import (
    AlarmOut,
    EndpointCreated,
    EndpointIn,
    EndpointOut,
    EndpointPatch,
    EndpointTested,
    KeyCreated,
    KeyIn,
    KeyOut,
)
from shared.delivery.models import Alarm, Endpoint
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id


def endpoints(name: str, kinds: tuple[str, ...] = ()) -> APIRouter:
    """Return the router of a service's endpoints. Agencies of these kinds may register: of all, when there are none."""
    made = router(f"/v1/{name}/endpoints", "endpoints")
    _add_registering(made, name, kinds)
    _add_reading(made, name)
    _add_changing(made, name)
    _add_steps(made, name)
    _add_keys(made, name)
    return made


async def _shown(
    request: Request, response: Response, session: Session, caller: Caller, endpoint: Endpoint
) -> EndpointOut:
    etags.show(response, endpoint.version)
    (shown,) = await service.show(session, request.app.state.runtime.settings, caller, [endpoint])
    return shown


def _add_registering(made: APIRouter, name: str, kinds: tuple[str, ...]) -> None:
    @made.post("", status_code=201, summary="Register an endpoint")
    async def register(
        request: Request,
        response: Response,
        session: Session,
        caller: Annotated[Caller, Allow(f"{name}:write", *kinds)],
        body: EndpointIn,
    ) -> EndpointCreated:
        """Make an endpoint. Its keys are shown this once; events flow when it has proven its address."""
        endpoint, keys = await service.register(session, request.app.state.runtime, caller, body)
        response.headers["Location"] = f"/v1/{name}/endpoints/{endpoint.id}"
        shown = await _shown(request, response, session, caller, endpoint)
        created = [KeyCreated.of(key) for key in keys]
        return EndpointCreated(**dict(shown), keys=created, secret=service.secret_of(keys))


def _add_reading(made: APIRouter, name: str) -> None:
    Reader = Annotated[Caller, Allow(f"{name}:read")]

    @made.get("", summary="List your endpoints")
    async def index(request: Request, session: Session, caller: Reader, paging: Pages) -> Page[EndpointOut]:
        rows = (await session.exec(paging.apply(store.readable(caller), Endpoint.id))).all()
        shown = await service.show(session, request.app.state.runtime.settings, caller, rows)
        by_id = {each.id: each for each in shown}
        return paging.page(rows, lambda row: by_id[row.id])

    @made.get("/{endpoint_id}", summary="Read an endpoint")
    async def read(
        request: Request, response: Response, session: Session, caller: Reader, endpoint_id: Id
    ) -> EndpointOut:
        return await _shown(request, response, session, caller, await service.find(session, caller, endpoint_id))


def _add_changing(made: APIRouter, name: str) -> None:
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.patch("/{endpoint_id}", summary="Change an endpoint")
    async def change(
        request: Request,
        response: Response,
        session: Session,
        caller: Writer,
        endpoint_id: Id,
        if_match: etags.IfMatch,
        body: EndpointPatch,
    ) -> EndpointOut:
        """Change fields of it. Another address must be proven anew; what is owed waits meanwhile."""
        settings = request.app.state.runtime.settings
        endpoint = await service.change(session, settings, caller, endpoint_id, if_match, body)
        return await _shown(request, response, session, caller, endpoint)

    @made.delete("/{endpoint_id}", status_code=204, summary="Remove an endpoint")
    async def remove(request: Request, session: Session, caller: Writer, endpoint_id: Id) -> None:
        """Take it away, and destroy its keys. What it is owed waits for the next endpoint that you register."""
        await service.remove(session, request.app.state.runtime.vault, caller, endpoint_id)


def _add_steps(made: APIRouter, name: str) -> None:
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.post("/{endpoint_id}/pause", summary="Pause an endpoint: what is owed is kept")
    async def pause(
        request: Request, response: Response, session: Session, caller: Writer, endpoint_id: Id
    ) -> EndpointOut:
        return await _shown(request, response, session, caller, await service.pause(session, caller, endpoint_id))

    @made.post("/{endpoint_id}/resume", summary="Resume an endpoint: what is owed follows in order")
    async def resume(
        request: Request, response: Response, session: Session, caller: Writer, endpoint_id: Id
    ) -> EndpointOut:
        return await _shown(request, response, session, caller, await service.resume(session, caller, endpoint_id))

    @made.post("/{endpoint_id}/verify", summary="Prove the address of an endpoint now")
    async def verify(
        request: Request, response: Response, session: Session, caller: Writer, endpoint_id: Id
    ) -> EndpointOut:
        return await _shown(request, response, session, caller, await service.verify(session, caller, endpoint_id))

    @made.post("/{endpoint_id}/test", status_code=202, summary="Have a test event sent to an endpoint")
    async def test(session: Session, caller: Writer, endpoint_id: Id) -> EndpointTested:
        return await service.test(session, caller, endpoint_id)


def _add_keys(made: APIRouter, name: str) -> None:
    Reader = Annotated[Caller, Allow(f"{name}:read")]
    Writer = Annotated[Caller, Allow(f"{name}:write")]

    @made.get("/{endpoint_id}/keys", summary="List the keys that sign for an endpoint, without what they are made of")
    async def index(request: Request, session: Session, caller: Reader, endpoint_id: Id) -> Page[KeyOut]:
        endpoint = await service.find(session, caller, endpoint_id)
        keys = service.keys_of(request.app.state.runtime.vault, endpoint)
        return Page(items=[KeyOut.model_validate(key) for key in keys], next=None)

    @made.post("/{endpoint_id}/keys", status_code=201, summary="Add a key; the older ones of its scheme expire")
    async def rotate(request: Request, session: Session, caller: Writer, endpoint_id: Id, body: KeyIn) -> KeyCreated:
        """Make another key. It is shown this once, and signs at once, beside the older ones until they expire."""
        vault = request.app.state.runtime.vault
        return KeyCreated.of(await service.rotate(session, vault, caller, endpoint_id, body))

    @made.post("/{endpoint_id}/keys/{key_id}/revoke", status_code=204, summary="Revoke a key at once")
    async def revoke(request: Request, session: Session, caller: Writer, endpoint_id: Id, key_id: Id) -> None:
        await service.revoke(session, request.app.state.runtime.vault, caller, endpoint_id, key_id)


def alarms(name: str) -> APIRouter:
    """Return the router of what about a service's endpoints needs a person."""
    made = router(f"/v1/{name}/alarms", "alarms")

    @made.get("", summary="List the alarms about your endpoints")
    async def index(
        session: Session, caller: Annotated[Caller, Allow(f"{name}:read")], paging: Pages
    ) -> Page[AlarmOut]:
        rows = (await session.exec(paging.apply(store.readable_alarms(caller), Alarm.id))).all()
        by_id = {each.id: each for each in await service.show_alarms(session, rows)}
        return paging.page(rows, lambda row: by_id[row.id])

    @made.post("/{alarm_id}/clear", summary="Clear an alarm: a person has seen to it")
    async def clear(session: Session, caller: Annotated[Caller, Allow(f"{name}:write")], alarm_id: Id) -> AlarmOut:
        (shown,) = await service.show_alarms(session, [await service.clear(session, caller, alarm_id)])
        return shown

    return made
