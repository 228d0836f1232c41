"""What receivers send and see of their endpoints, the keys of them, and what is wrong with them."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared import clock
from shared.delivery import rules as delivery
from shared.delivery.endpoints import rules
from shared.delivery.endpoints.rules import Party
from shared.delivery.models import Alarm, Endpoint
from shared.delivery.rules import AlarmKind, Breaker, Channel, EndpointState, Standing
from shared.delivery.signing import Scheme, SigningKey
from shared.openapi.given import Given
from shared.shapes import In, Out

_PLAIN = re.compile(r"[!$-;=?-\[\]_a-z~]+")
"""Printable ASCII without what parsers disagree about: spaces, quotes, backslash, other brackets, fragments."""

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def _web_address(url: str) -> str:
    """Return a URL with scheme and host in small letters. One that two parsers might read differently is refused."""
    if not _PLAIN.fullmatch(url):
        raise ValueError("not a plain web address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            IPv6Address(host)
    except ValueError:
        raise ValueError("not a web address") from None
    named = len(host) <= 253 and "%" not in host and (":" in host or _HOST.fullmatch(host))
    plain = f"[{host}]" if ":" in host else host
    whole = parts.netloc.lower() in (plain, f"{plain}:{port}")  # no user, no empty port, nothing before a bracket
    if parts.scheme not in ("https", "http") or not (named and whole) or port == 0:
        raise ValueError("not a plain web address")
    start = len(parts.scheme) + len("://") + len(parts.netloc)
    return url[:start].lower() + url[start:]


Url = Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_address)]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,40}\.[a-z_]{2,40}$")]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=50)]
Cap = Annotated[int, Field(ge=1, le=8, description="how many events may be on their way to it at once")]
Ceiling = Annotated[
    int,
    Field(
        ge=int(delivery.SHORTEST_CEILING / timedelta(seconds=1)),
        le=int(delivery.LONGEST_CEILING / timedelta(seconds=1)),
        description="seconds: the longest wait before an event is sent again",
    ),
]
Heartbeat = Annotated[
    int, Field(ge=300, le=86400, description="seconds without an event after which a heartbeat is sent; null for none")
]


class EndpointIn(In):
    """Where the caller wants its events, or that it reads them; which ones (all, if left out); how they are signed."""

    channel: Channel = Channel.WEBHOOK
    url: Url | None = Field(default=None, examples=["https://hooks.example.org/ruta"])
    event_types: EventTypes | None = None
    cap: Cap = 4
    retry_ceiling: Ceiling | None = None
    mutual_tls: bool = False
    heartbeat_seconds: Heartbeat | None = None
    schemes: list[Scheme] = Field(default=[Scheme.HMAC], min_length=1, max_length=len(Scheme))

    @model_validator(mode="after")
    def _each_scheme_once(self) -> Self:
        if len(set(self.schemes)) != len(self.schemes):
            raise ValueError("a scheme is repeated")
        return self


class EndpointPatch(In):
    """A change. Fields that are left out stay as they are; another address must be proven anew."""

    url: Annotated[Url | None, Given()] = None
    event_types: EventTypes | None = Field(default=None, description="null for all")
    cap: Annotated[Cap | None, Given()] = None
    retry_ceiling: Ceiling | None = None
    mutual_tls: Annotated[bool | None, Given()] = None
    heartbeat_seconds: Heartbeat | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None}
        if not self.model_fields_set or empty - {"event_types", "retry_ceiling", "heartbeat_seconds"}:
            raise ValueError("nothing to change, or nothing in the place of something needed")
        return self


class ProofOut(Out):
    """How far an endpoint is from proving its address."""

    attempts: int
    last_outcome: str | None
    next_at: datetime | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> "ProofOut | None":
        """Show the proof of an endpoint that has yet to bring it."""
        if endpoint.state is not EndpointState.PENDING:
            return None
        return cls(attempts=endpoint.proof_attempts, last_outcome=endpoint.proof_outcome, next_at=endpoint.proof_due_at)


class OpenAlarm(Out):
    """What about an endpoint needs a person now."""

    kind: AlarmKind
    raised_at: datetime


class EndpointOut(Out):
    """An endpoint, how it fares, and what the reader may do with it."""

    id: str
    owner: str
    channel: Channel
    url: str | None
    event_types: list[str] | None
    state: EndpointState
    cap: int
    retry_ceiling: int | None
    mutual_tls: bool
    client_certificate: str | None = Field(description="PEM, for mutual TLS: by this the receiver knows us")
    heartbeat_seconds: int | None
    breaker: Breaker
    failures: int
    next_probe_at: datetime | None
    last_outcome: str | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    delivered: int
    proof: ProofOut | None
    alarms: list[OpenAlarm]
    created_at: datetime
    allowed_actions: list[str]

    @classmethod
    def of(
        cls, endpoint: Endpoint, parties: Collection[Party], alarms: Sequence[Alarm], certificate: str | None
    ) -> "EndpointOut":
        """Show an endpoint to somebody who is `parties` to it."""
        hold = endpoint.hold_until
        return cls(
            **endpoint.model_dump(include=_COLUMNS),
            url=endpoint.url or None,
            client_certificate=certificate if endpoint.mutual_tls else None,
            breaker=delivery.breaker(Standing(endpoint.failures, endpoint.pace, hold)),
            next_probe_at=hold if hold is not None and hold > clock.now() else None,
            proof=ProofOut.of(endpoint),
            alarms=[OpenAlarm.model_validate(alarm) for alarm in alarms],
            allowed_actions=rules.allowed(endpoint.state, parties),
        )


_COLUMNS = {
    "id", "owner", "channel", "event_types", "state", "cap", "retry_ceiling", "mutual_tls", "heartbeat_seconds",
    "failures", "last_outcome", "last_attempt_at", "last_success_at", "delivered", "created_at",
}  # fmt: skip


class KeyIn(In):
    """Another key of a scheme; the older ones go on signing beside it for a while."""

    scheme: Scheme
    overlap_hours: Annotated[int, Field(ge=0, le=int(delivery.LONGEST_OVERLAP / timedelta(hours=1)))] = 24


class KeyOut(Out):
    """A key that signs, without what it is made of."""

    id: str
    scheme: Scheme
    created_at: datetime
    expires_at: datetime | None


class KeyCreated(KeyOut):
    """A new key. What verifies is shown this once: the shared secret, or the public key."""

    key: str

    @classmethod
    def of(cls, key: SigningKey) -> "KeyCreated":
        """Show a key to its receiver."""
        return cls(id=key.id, scheme=key.scheme, created_at=key.created_at, expires_at=key.expires_at, key=key.shown)


class EndpointCreated(EndpointOut):
    """A new endpoint, with the keys that sign its events. They are shown this once."""

    keys: list[KeyCreated]
    secret: str = Field(description="the one to take where one is enough: the v1 secret, else the v1a public key")


class EndpointTested(Out):
    """The test event that is on its way."""

    event_id: str
    delivery_id: str


class AlarmOut(Out):
    """What about an endpoint needed a person, and whether it still does."""

    id: str
    endpoint_id: str
    kind: AlarmKind
    delivery_id: str | None
    raised_at: datetime
    cleared_at: datetime | None
