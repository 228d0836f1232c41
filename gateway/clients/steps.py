"""What gives rights: register, change, add a key, lift a suspension. Checked first, written afterwards.

The same check runs when a change is proposed and again when it is approved, so that an approval
never writes what has become wrong meanwhile.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import rules, service, store
from gateway.clients.models import Client, Suspension
from gateway.clients.rules import Action, Party, Subject
from gateway.clients.schemas import ClientIn, ClientPatch, Jwk
from shared import clock, etags, jwt
from shared.errors import Conflict, Fault, Invalid, NotFound

Payload = Mapping[str, Any]
_JWK: TypeAdapter[dict[str, Any]] = TypeAdapter(Jwk)


@dataclass(frozen=True, slots=True)
class Step:
    """An action that may be done now, and is not done yet."""

    resource: str
    resource_id: str
    party: Party
    takes_two: bool
    write: Callable[[str], Client | Suspension]
    """Does it. Takes the id of the administrator's client who is the last to say yes."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the audit says of it."""


async def check(session: AsyncSession, action: Action, subject: str, payload: Payload) -> Step:
    """Return the action, ready to be done. Raises NotFound, Conflict, Stale, or pydantic's ValidationError."""
    return await _CHECKS[action](session, subject, payload)


async def _register(session: AsyncSession, subject: str, payload: Payload) -> Step:
    new = ClientIn.model_validate(payload)
    if await store.find(session, new.id) is not None:
        raise Conflict("A client of this id is registered already.")
    for other in await store.of_agency(session, new.agency):
        if (other.agency_kind, other.country) != (new.agency_kind, new.country):
            raise Conflict("The other clients of this agency are of another kind or country.")
    for key in new.keys:
        await _never_seen(session, key)

    def write(_: str) -> Client:
        client = service.made(new)
        session.add(client)
        return client

    party = Party(new.id, new.agency, new.person)
    details = {"scopes": new.scopes, "kids": [key["kid"] for key in new.keys]}
    return Step("client", new.id, party, rules.takes_two(new.agency_kind, new.scopes), write, details)


async def _change(session: AsyncSession, subject: str, payload: Payload) -> Step:
    client = await standing_client(session, subject)
    etags.must_match(payload["if_match"], client.version)
    fields = {name: value for name, value in payload.items() if name != "if_match"}
    patch = ClientPatch.model_validate(fields)
    scopes = patch.scopes or client.scopes
    try:
        rules.check_scopes(client.agency_kind, scopes)
        rules.check_person(client.agency_kind, scopes, client.person)
    except ValueError as error:
        raise Invalid(str(error), faults=[Fault("/scopes", "not_acceptable")]) from None

    def write(_: str) -> Client:
        for name, value in patch.model_dump(mode="json", include=patch.model_fields_set).items():
            setattr(client, name, value)
        client.version += 1
        return client

    two = rules.takes_two(client.agency_kind, [*client.scopes, *scopes])
    details = {"fields": sorted(fields), "scopes": scopes}
    return Step("client", client.id, party_of(client), two, write, details)


async def _add_key(session: AsyncSession, subject: str, payload: Payload) -> Step:
    client = await standing_client(session, subject)
    key = _JWK.validate_python(payload["key"])
    if any(old["kid"] == key["kid"] for old in client.jwks["keys"]):
        raise Conflict("The client has a key of this kid.")
    if len(rules.usable_keys(client, clock.now())) >= rules.KEYS:
        raise Conflict(f"The client has {rules.KEYS} keys that count: remove one first.")
    await _never_seen(session, key)

    def write(_: str) -> Client:
        client.jwks = rules.with_key(client, key, clock.now())
        client.version += 1
        return client

    two = rules.takes_two(client.agency_kind, client.scopes)
    return Step("client", client.id, party_of(client), two, write, {"kid": key["kid"]})


async def _lift(session: AsyncSession, subject: str, _: Payload) -> Step:
    suspension = await suspension_of(session, subject)
    if suspension.lifted_at is not None:
        raise Conflict("This suspension is lifted already.")
    if suspension.kind is Subject.AGENCY:
        concerned = await store.of_agency(session, suspension.subject)
        party = Party(None, suspension.subject, None)
    else:
        concerned = [await client_of(session, suspension.subject)]
        party = party_of(concerned[0])

    def write(administrator: str) -> Suspension:
        suspension.lifted_at, suspension.lifted_by = clock.now(), administrator
        return suspension

    two = any(rules.takes_two(client.agency_kind, client.scopes) for client in concerned)
    details = {"kind": suspension.kind, "subject": suspension.subject}
    return Step("suspension", suspension.id, party, two, write, details)


_CHECKS: dict[Action, Callable[[AsyncSession, str, Payload], Awaitable[Step]]] = {
    Action.REGISTER: _register,
    Action.CHANGE: _change,
    Action.ADD_KEY: _add_key,
    Action.LIFT: _lift,
}


async def client_of(session: AsyncSession, client_id: str) -> Client:
    """Return a client, disabled ones too. Raises NotFound."""
    client = await store.find(session, client_id)
    if client is None:
        raise NotFound
    return client


async def suspension_of(session: AsyncSession, suspension_id: str) -> Suspension:
    """Return a suspension, lifted ones too. Raises NotFound."""
    suspension = await store.find_suspension(session, suspension_id)
    if suspension is None:
        raise NotFound
    return suspension


async def standing_client(session: AsyncSession, client_id: str) -> Client:
    """Return a client that is not disabled. Raises NotFound or Conflict."""
    client = await client_of(session, client_id)
    if client.disabled_at is not None:
        raise Conflict("This client is disabled, for ever: register another one.")
    return client


def party_of(client: Client) -> Party:
    """Return whom a change of this client concerns."""
    return Party(client.id, client.agency, client.person)


async def _never_seen(session: AsyncSession, key: Mapping[str, Any]) -> None:
    """Raise Conflict when any client has or had this key: whoever holds it would be both, or outlive its end."""
    mark = jwt.thumbprint(key)
    if any(mark in rules.thumbprints(client.jwks) for client in await store.everyone(session)):
        raise Conflict("This key is, or was, registered already: make a fresh one for each client and each time.")
