"""Use cases of endpoints: register, change, pause, resume, prove anew, test, remove; rotate and revoke keys."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.delivery import egress, keys, service, signing
from shared.delivery import store as engine
from shared.delivery.chains import TEST
from shared.delivery.endpoints import rules, store
from shared.delivery.endpoints.rules import Action, Party
from shared.delivery.endpoints.schemas import AlarmOut, EndpointIn, EndpointOut, EndpointPatch, EndpointTested, KeyIn
from shared.delivery.models import Alarm, Endpoint
from shared.delivery.rules import AlarmKind, Channel, EndpointState
from shared.delivery.signing import Scheme, SigningKey
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from shared.runtime import Runtime
from shared.settings import Settings

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_PORTS = (None, 443, 8443)
_FEEDS_HAVE_NO = ("url", "mutual_tls", "heartbeat_seconds")


def parties(caller: Caller, endpoint: Endpoint) -> set[Party]:
    """Return what the caller is to an endpoint."""
    found = {Party.OPERATOR} if caller.agency_kind == engine.OPERATOR else set()
    return found | {Party.OWNER} if endpoint.owner == caller.agency else found


async def find(session: AsyncSession, caller: Caller, endpoint_id: str, *, lock: bool = False) -> Endpoint:
    """Return an endpoint that the caller may know of, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, endpoint_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def show(
    session: AsyncSession, settings: Settings, caller: Caller, endpoints: Sequence[Endpoint]
) -> list[EndpointOut]:
    """Show endpoints to the caller."""
    alarms = await store.open_alarms(session, [endpoint.id for endpoint in endpoints])
    certificate = client_certificate(settings) if any(each.mutual_tls for each in endpoints) else None
    return [EndpointOut.of(each, parties(caller, each), alarms[each.id], certificate) for each in endpoints]


def client_certificate(settings: Settings) -> str | None:
    """Return the certificates, and nothing else, of the file by which this installation makes itself known."""
    if settings.webhook_certificate_file is None:
        return None
    return "".join(_CERTIFICATE.findall(settings.webhook_certificate_file.read_text()))


# -- register, change, remove ----------------------------------------------------------------------


async def register(
    session: AsyncSession, runtime: Runtime, caller: Caller, body: EndpointIn
) -> tuple[Endpoint, list[SigningKey]]:
    """Make an endpoint of the caller's. Returns it and its keys, which are shown this once.

    It takes over what the caller's removed endpoints are still owed.
    """
    if caller.agency_kind == engine.OPERATOR:
        raise Forbidden("Operators look after the endpoints of others, and have none.")
    _must_fit(runtime.settings, body.channel, body)
    if body.channel is Channel.WEBHOOK and body.url is None:
        raise Invalid("A webhook needs an address.", faults=[Fault("/url", "missing")])
    await store.alone(session, caller.agency)
    if await store.count(session, caller.agency) >= rules.MOST_ENDPOINTS:
        raise Conflict(f"An owner has at most {rules.MOST_ENDPOINTS} endpoints: remove one first.")
    now = clock.now()
    made_keys = [signing.new_key(scheme) for scheme in body.schemes]
    columns = body.model_dump(exclude={"url", "schemes"})
    endpoint = service.new_endpoint(
        runtime.vault, ids.new("whe"), caller.agency, made_keys, url=body.url or "",
        heartbeat_at=_next_beat(body.heartbeat_seconds, now), **columns,
    )  # fmt: skip
    if endpoint.channel is Channel.WEBHOOK:
        endpoint.state = EndpointState.PENDING
        _to_be_proven(endpoint, now)
    session.add(endpoint)
    await session.flush()
    await store.adopt(session, endpoint, now)
    audit.wrote(session, caller, "register", "endpoint", endpoint.id, channel=endpoint.channel.value)
    return endpoint, made_keys


async def change(
    session: AsyncSession, settings: Settings, caller: Caller, endpoint_id: str, if_match: str, body: EndpointPatch
) -> Endpoint:
    """Change an endpoint. Another address, or another way to know us by, must be proven anew."""
    endpoint = await _step(session, caller, endpoint_id, Action.CHANGE, if_match)
    _must_fit(settings, endpoint.channel, body)
    changes = body.model_dump(exclude_unset=True)
    now = clock.now()
    if any(name in changes and changes[name] != getattr(endpoint, name) for name in ("url", "mutual_tls")):
        endpoint.state = rules.move(endpoint.state, Action.MOVE, {Party.SYSTEM}, proven=False)
        _to_be_proven(endpoint, now)
    if "heartbeat_seconds" in changes:
        endpoint.heartbeat_at = _next_beat(body.heartbeat_seconds, now)
    endpoint.sqlmodel_update(changes)
    audit.wrote(session, caller, Action.CHANGE.value, "endpoint", endpoint.id, fields=sorted(changes))
    return endpoint


async def remove(session: AsyncSession, vault: Vault, caller: Caller, endpoint_id: str) -> None:
    """Take an endpoint away and destroy its keys. What it is owed waits for another endpoint of its owner."""
    endpoint = await _step(session, caller, endpoint_id, Action.REMOVE)
    endpoint.sqlmodel_update(keys.sealed(vault, endpoint.id, []))
    _forget_proof(endpoint)
    endpoint.heartbeat_at, endpoint.hold_until, endpoint.failures = None, None, 0
    await engine.clear_alarms(session, [endpoint.id], [kind.value for kind in AlarmKind], clock.now())
    audit.wrote(session, caller, Action.REMOVE.value, "endpoint", endpoint.id)


def _must_fit(settings: Settings, channel: Channel, body: EndpointIn | EndpointPatch) -> None:
    """Refuse early what could never work. Raises Invalid."""
    if channel is Channel.PULL and (idle := [name for name in _FEEDS_HAVE_NO if getattr(body, name)]):
        raise Invalid(
            "A feed is read: nothing is sent to it.", faults=[Fault(f"/{name}", "webhook_only") for name in idle]
        )
    if body.mutual_tls and settings.webhook_certificate_file is None:
        raise Invalid(
            "This installation has no certificate to make itself known by.",
            faults=[Fault("/mutual_tls", "no_client_certificate")],
        )
    if body.url is not None and not settings.allow_loopback_webhooks:
        _must_be_outside(body.url)


def _must_be_outside(url: str) -> None:
    """Refuse early what the sender would refuse at every attempt. Raises Invalid."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Invalid("Webhooks go out over https only.", faults=[Fault("/url", "not_https")])
    if parts.port not in _PORTS:
        raise Invalid("Webhooks go out to the ports 443 and 8443 only.", faults=[Fault("/url", "not_a_web_port")])
    if not egress.may_name(parts.hostname or ""):
        raise Invalid("Webhooks go out to public addresses only.", faults=[Fault("/url", "not_public")])


def _next_beat(seconds: int | None, now: datetime) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


# -- steps -----------------------------------------------------------------------------------------


async def pause(session: AsyncSession, caller: Caller, endpoint_id: str) -> Endpoint:
    """Send nothing more. What is owed is kept."""
    endpoint = await _step(session, caller, endpoint_id, Action.PAUSE)
    audit.wrote(session, caller, Action.PAUSE.value, "endpoint", endpoint.id)
    return endpoint


async def resume(session: AsyncSession, caller: Caller, endpoint_id: str) -> Endpoint:
    """Send again what is owed, in order; first to be proven again where the address was not, or answered 410."""
    endpoint = await _step(session, caller, endpoint_id, Action.RESUME)
    if endpoint.state is EndpointState.PENDING:
        _to_be_proven(endpoint, clock.now())
    else:
        await comes_back(session, endpoint)
    audit.wrote(session, caller, Action.RESUME.value, "endpoint", endpoint.id, state=endpoint.state.value)
    return endpoint


async def verify(session: AsyncSession, caller: Caller, endpoint_id: str) -> Endpoint:
    """Put the address to the proof now, not when its turn would come."""
    endpoint = await _step(session, caller, endpoint_id, Action.VERIFY)
    endpoint.proof_due_at = clock.now()
    audit.wrote(session, caller, Action.VERIFY.value, "endpoint", endpoint.id)
    return endpoint


async def test(session: AsyncSession, caller: Caller, endpoint_id: str) -> EndpointTested:
    """Owe an event that means nothing, in a case of its own."""
    endpoint = await _step(session, caller, endpoint_id, Action.TEST)
    case = f"test:{endpoint.id}"
    fact = await service.publish_to(session, TEST, [endpoint], case=case, subject=endpoint.id, data={}, origin="live")
    audit.wrote(session, caller, Action.TEST.value, "endpoint", endpoint.id)
    return EndpointTested(event_id=fact.id, delivery_id=await store.delivery_of(session, fact.id, endpoint.id))


async def _step(
    session: AsyncSession, caller: Caller, endpoint_id: str, action: Action, if_match: str | None = None
) -> Endpoint:
    """Lock an endpoint and take a step with it. Raises NotFound, Forbidden, Stale or IllegalMove."""
    endpoint = await find(session, caller, endpoint_id, lock=True)
    proven = endpoint.proof_challenge is None
    after = rules.move(endpoint.state, action, parties(caller, endpoint), proven=proven)
    if if_match is not None:
        etags.must_match(if_match, endpoint.version)
    endpoint.state = after
    endpoint.version += 1
    return endpoint


# -- the proof of an address -----------------------------------------------------------------------


def _to_be_proven(endpoint: Endpoint, now: datetime) -> None:
    """Ask for a proof that nobody can have seen before, at once.

    `served_at` stands still until something is sent: meanwhile it says since when the proof is awaited.
    """
    endpoint.proof_challenge = ids.token()
    endpoint.proof_due_at = endpoint.served_at = now
    endpoint.proof_attempts, endpoint.proof_outcome = 0, None


def _forget_proof(endpoint: Endpoint) -> None:
    endpoint.proof_challenge, endpoint.proof_due_at = None, None
    endpoint.proof_attempts, endpoint.proof_outcome = 0, None


async def proven(session: AsyncSession, endpoint: Endpoint) -> None:
    """Let events flow to an endpoint, locked, whose receiver has proven that the address is its own."""
    endpoint.state = rules.move(endpoint.state, Action.PROVE, {Party.SYSTEM}, proven=True)
    _forget_proof(endpoint)
    await comes_back(session, endpoint)
    await engine.clear_alarms(session, [endpoint.id], [AlarmKind.UNPROVEN.value], clock.now())


async def comes_back(session: AsyncSession, endpoint: Endpoint) -> None:
    """Owe at once, and send one at a time at first: what has piled up must not fall upon the receiver."""
    now = clock.now()
    endpoint.hold_until, endpoint.failures, endpoint.pace = None, 0, 1
    await engine.unpark(session, endpoint.id, now)
    await engine.hurry(session, endpoint.id, now)


# -- keys ------------------------------------------------------------------------------------------


def keys_of(vault: Vault, endpoint: Endpoint) -> list[SigningKey]:
    """Return the keys that sign now, the newest first."""
    now = clock.now()
    return [key for key in keys.keys_of(vault, endpoint.model_dump()) if key.signs(now)]


async def rotate(session: AsyncSession, vault: Vault, caller: Caller, endpoint_id: str, body: KeyIn) -> SigningKey:
    """Add a key. The older ones of its scheme go on signing beside it until the overlap ends."""
    endpoint = await _step(session, caller, endpoint_id, Action.ROTATE)
    now = clock.now()
    end = now + timedelta(hours=body.overlap_hours)
    older = [_until(key, end) if key.scheme is body.scheme else key for key in keys_of(vault, endpoint)]
    kept = [key for key in older if key.signs(now)]
    if len(kept) >= rules.MOST_KEYS:
        raise Conflict(f"At most {rules.MOST_KEYS} keys sign at a time: revoke one, or choose a shorter overlap.")
    made = signing.new_key(body.scheme)
    endpoint.sqlmodel_update(keys.sealed(vault, endpoint.id, [made, *kept]))
    audit.wrote(session, caller, Action.ROTATE.value, "endpoint", endpoint.id, key=made.id, scheme=made.scheme.value)
    return made


def _until(key: SigningKey, end: datetime) -> SigningKey:
    expires_at = end if key.expires_at is None else min(key.expires_at, end)
    return SigningKey(key.id, key.scheme, key.key, key.created_at, expires_at)


async def revoke(session: AsyncSession, vault: Vault, caller: Caller, endpoint_id: str, key_id: str) -> None:
    """Destroy a key at once. Raises NotFound, or Conflict when no key would be left that goes on signing."""
    endpoint = await _step(session, caller, endpoint_id, Action.REVOKE)
    known = keys_of(vault, endpoint)
    kept = [key for key in known if key.id != key_id]
    if len(kept) == len(known):
        raise NotFound
    if all(key.expires_at is not None for key in kept):
        raise Conflict("This is the last key that goes on signing: make another one first.")
    endpoint.sqlmodel_update(keys.sealed(vault, endpoint.id, kept))
    audit.wrote(session, caller, Action.REVOKE.value, "endpoint", endpoint.id, key=key_id)


def secret_of(made: Sequence[SigningKey]) -> str:
    """Return what verifies, for a receiver that wants one key only."""
    return min(made, key=lambda key: list(Scheme).index(key.scheme)).shown


# -- alarms ----------------------------------------------------------------------------------------


async def show_alarms(session: AsyncSession, alarms: Sequence[Alarm]) -> list[AlarmOut]:
    """Show alarms. Which delivery behind a gate one is about is not told."""
    about = [alarm.delivery_id for alarm in alarms if alarm.delivery_id is not None]
    gated = await store.gated(session, about)
    shown = [AlarmOut.model_validate(alarm) for alarm in alarms]
    return [each.model_copy(update={"delivery_id": None}) if each.delivery_id in gated else each for each in shown]


async def clear(session: AsyncSession, caller: Caller, alarm_id: str) -> Alarm:
    """Say that a person has seen to it. Once is enough."""
    alarm = await store.alarm(session, caller, alarm_id)
    if alarm is None:
        raise NotFound
    if alarm.cleared_at is None:
        alarm.cleared_at = clock.now()
        audit.wrote(session, caller, "clear", "endpoint", alarm.endpoint_id, alarm=alarm.kind.value)
    return alarm
