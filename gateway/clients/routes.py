"""HTTP of the administration: clients, suspensions, changes that wait. And what a client sees of itself."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from gateway.clients import administration, changes, rules, steps, store
from gateway.clients.models import Change, Client, Suspension
from gateway.clients.rules import Action
from gateway.clients.rules import State as ChangeState
from gateway.clients.schemas import (
    ChangeOut,
    ClientChange,
    ClientId,
    ClientOut,
    ClientRegistration,
    KeyIn,
    KeyRemoval,
    OwnClientOut,
    SuspensionIn,
    SuspensionOut,
    Why,
)
from gateway.clients.steps import Payload
from shared import etags
from shared.auth import Allow, Caller, Guard
from shared.db import Session
from shared.errors import Forbidden
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id, Slug

clients = router("/v1/gateway/clients", "clients")
suspensions = router("/v1/gateway/suspensions", "suspensions")
waiting = router("/v1/gateway/changes", "changes")
routers: list[APIRouter] = [clients, suspensions, waiting]

Administrator = Annotated[Caller, Allow(rules.ADMIN, rules.OPERATOR)]


class _AnyClient(Guard):
    """What needs no scope: a client may always see itself."""

    def check(self, caller: Caller) -> None:
        """Raise Forbidden for services, which are nobody's clients."""
        if caller.is_service:
            raise Forbidden("Services have routes of their own.")


AnyClient = Annotated[Caller, Depends(_AnyClient("", ()))]
_WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": ChangeOut, "description": "It takes a second administrator, and waits for one"}
}
_WHY = {"reason", "reference"}


# -- clients -------------------------------------------------------------------------------------------


@clients.get("", summary="List the clients")
async def index(
    session: Session,
    _: Administrator,
    paging: Pages,
    agency: Slug | None = None,
    agency_kind: Annotated[str | None, Query(pattern=r"^[A-Z][A-Z_]{1,31}$", examples=["DIF"])] = None,
) -> Page[ClientOut]:
    """By id, disabled ones too. `keys_expiring` names the keys that need to be replaced within 30 days."""
    rows = await store.clients(session, paging, agency=agency, agency_kind=agency_kind)
    suspended = await store.suspended(session)
    return paging.page(rows, lambda row: ClientOut.of(row, suspended))


@clients.get("/me", summary="Read what the gateway knows of you")
async def me(session: Session, caller: AnyClient) -> OwnClientOut:
    """For every client: its scopes, and until when its keys count."""
    return OwnClientOut.own(await steps.client_of(session, caller.client_id))


@clients.get("/{client_id}", summary="Read a client")
async def show(response: Response, session: Session, _: Administrator, client_id: ClientId) -> ClientOut:
    return await _client(response, session, await steps.client_of(session, client_id))


@clients.post("", status_code=201, summary="Register a client", response_model=ClientOut, responses=_WAITS)
async def register(response: Response, session: Session, caller: Administrator, body: ClientRegistration) -> Any:
    """A client of a consulate or of the operator waits for a second administrator; others are registered at once."""
    payload = body.model_dump(mode="json", exclude=_WHY)
    return await _ask(response, session, caller, Action.REGISTER, body.id, payload, body)


@clients.patch("/{client_id}", summary="Change a client", response_model=ClientOut, responses=_WAITS)
async def change(
    response: Response,
    session: Session,
    caller: Administrator,
    client_id: ClientId,
    if_match: etags.IfMatch,
    body: ClientChange,
) -> Any:
    """Its agency, country and person never change: register another client for these."""
    payload = body.model_dump(mode="json", exclude_unset=True, exclude=_WHY) | {"if_match": if_match}
    return await _ask(response, session, caller, Action.CHANGE, client_id, payload, body)


@clients.post(
    "/{client_id}/keys",
    name="add",
    status_code=201,
    summary="Add a key to a client",
    response_model=ClientOut,
    responses=_WAITS,
)
async def add_key(response: Response, session: Session, caller: Administrator, client_id: ClientId, body: KeyIn) -> Any:
    """It counts for 180 days, beside the one before. At most two count at one time."""
    payload = body.model_dump(mode="json", exclude=_WHY)
    return await _ask(response, session, caller, Action.ADD_KEY, client_id, payload, body)


@clients.post("/{client_id}/keys/remove", name="remove", summary="Remove a key of a client, at once")
async def remove_key(
    response: Response, session: Session, caller: Administrator, client_id: ClientId, body: KeyRemoval
) -> ClientOut:
    """It never counts again, for no client."""
    return await _client(response, session, await administration.remove_key(session, caller, client_id, body))


@clients.post("/{client_id}/disable", summary="Disable a client, at once and for ever")
async def disable(
    response: Response, session: Session, caller: Administrator, client_id: ClientId, body: Why
) -> ClientOut:
    """It gets no more tokens, and those that it has stop counting. To stop it for a while, suspend it."""
    return await _client(response, session, await administration.disable(session, caller, client_id, body))


# -- suspensions ---------------------------------------------------------------------------------------


@suspensions.get("", name="index", summary="List the suspensions")
async def suspension_index(
    session: Session,
    _: Administrator,
    paging: Pages,
    subject: Annotated[
        str | None, Query(pattern=f"^{rules.ID.pattern}$", description="a client's or agency's id")
    ] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="true: those that stop somebody now")] = None,
) -> Page[SuspensionOut]:
    """Newest first."""
    rows = await store.listed_suspensions(session, paging, subject=subject, is_open=is_open)
    return paging.page(rows, SuspensionOut.of)


@suspensions.post("", status_code=201, summary="Suspend a client or an agency, at once")
async def suspend(response: Response, session: Session, caller: Administrator, body: SuspensionIn) -> SuspensionOut:
    """One administrator is enough. What it covers gets no more tokens; those that it has stop counting within 30 s."""
    made = await administration.suspend(session, caller, body)
    response.headers["Location"] = f"/v1/gateway/suspensions/{made.id}"
    return SuspensionOut.of(made)


@suspensions.get("/{suspension_id}", name="show", summary="Read a suspension")
async def show_suspension(session: Session, _: Administrator, suspension_id: Id) -> SuspensionOut:
    return SuspensionOut.of(await steps.suspension_of(session, suspension_id))


@suspensions.post("/{suspension_id}/lift", summary="Lift a suspension", response_model=SuspensionOut, responses=_WAITS)
async def lift(response: Response, session: Session, caller: Administrator, suspension_id: Id, body: Why) -> Any:
    """Tokens from before stay refused. For consulates and the operator it waits for a second administrator."""
    suspension = await steps.suspension_of(session, suspension_id)
    payload = {"kind": suspension.kind.value, "subject": suspension.subject}
    return await _ask(response, session, caller, Action.LIFT, suspension_id, payload, body)


# -- changes -------------------------------------------------------------------------------------------


@waiting.get("", name="index", summary="List what waits, or waited, for a second administrator")
async def change_index(
    session: Session, caller: Administrator, paging: Pages, state: ChangeState | None = None
) -> Page[ChangeOut]:
    """Newest first."""
    rows = await store.changes(session, paging, state)
    return paging.page(rows, lambda row: ChangeOut.of(row, caller.client_id))


@waiting.get("/{change_id}", name="show", summary="Read a change")
async def show_change(session: Session, caller: Administrator, change_id: Id) -> ChangeOut:
    return ChangeOut.of(await changes.find(session, change_id), caller.client_id)


@waiting.post("/{change_id}/approve", summary="Approve a change: it is done now")
async def approve(session: Session, caller: Administrator, change_id: Id) -> ChangeOut:
    """By another person than the one who proposed it, and than the one whom it concerns. It is checked again first."""
    return ChangeOut.of(await changes.approve(session, caller, change_id), caller.client_id)


@waiting.post("/{change_id}/reject", summary="Reject a change, or take back your own")
async def reject(session: Session, caller: Administrator, change_id: Id, body: Why) -> ChangeOut:
    return ChangeOut.of(await changes.reject(session, caller, change_id, body), caller.client_id)


# -- answers -------------------------------------------------------------------------------------------


async def _client(response: Response, session: Session, client: Client) -> ClientOut:
    etags.show(response, client.version)
    return ClientOut.of(client, await store.suspended(session))


async def _ask(
    response: Response, session: Session, caller: Caller, action: Action, subject: str, payload: Payload, why: Why
) -> Any:
    """Answer what was done, or 202 with the change that waits."""
    outcome = await changes.ask(session, caller, action, subject, payload, why)
    if isinstance(outcome, Change):
        location = {"Location": f"/v1/gateway/changes/{outcome.id}"}
        return JSONResponse(ChangeOut.of(outcome, caller.client_id).model_dump(mode="json"), 202, location)
    if isinstance(outcome, Suspension):
        return SuspensionOut.of(outcome)
    response.headers["Location"] = f"/v1/gateway/clients/{outcome.id}"
    return await _client(response, session, outcome)
