"""What a client is, how long its keys count, and what takes two administrators. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from shared.errors import IllegalMove
from shared.jwt import thumbprint

ID = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
RESERVED_IDS = frozenset({"me", "system"})
"""What a client calls itself in an address, and who acts where nobody does: no client's id."""
KID = re.compile(r"[!-~]{1,128}")
SCOPE = re.compile(r"[a-z][a-z-]{1,31}:[a-z][a-z-]{1,31}")
SCOPES_LENGTH = 1500
"""How long all scopes of a client may be together: they travel in every token."""
ADMIN = "gateway:admin"
"""The scope of administrators. Only clients of the operator have it."""
OPERATOR = "OPERATOR"
CONSULATE = "CONSULATE"
ABROAD = (CONSULATE, "CHILD_PROTECTION_ABROAD")
"""The kinds of agency that serve a foreign state."""
SERVICE = "SERVICE"
"""The kind by which services know each other. No client ever has it."""
SECRET_LENGTH = 32
KEYS = 2
"""How many keys of a client may count at one time: the old one and the new one while they are changed."""
KEY_LIFE = timedelta(days=180)
KEY_WARNING = timedelta(days=30)
CHANGE_LIFE = timedelta(days=7)
"""How long a proposed change waits for the second administrator."""
STANDING_MEMORY = timedelta(minutes=10)
"""How long a lifted suspension stays in the feed: twice the life of a token that was issued before it."""


class Reason(StrEnum):
    """Why an administrator acts. Codes, not prose: prose would sooner or later name a person."""

    NEW_PARTNER = "new_partner"
    AGREEMENT_CHANGED = "agreement_changed"
    AGREEMENT_ENDED = "agreement_ended"
    KEY_ROTATION = "key_rotation"
    KEY_COMPROMISED = "key_compromised"
    MISUSE = "misuse"
    INCIDENT = "incident"
    INCIDENT_CLOSED = "incident_closed"
    STAFF_CHANGED = "staff_changed"
    CORRECTION = "correction"


class Subject(StrEnum):
    """What can be suspended."""

    CLIENT = "client"
    AGENCY = "agency"


class Action(StrEnum):
    """What gives rights, and so may need a second administrator."""

    REGISTER = "register"
    CHANGE = "change"
    ADD_KEY = "add_key"
    LIFT = "lift"


class State(StrEnum):
    """Where a proposed change is. Only a pending one waits for anybody: the second administrator."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Decision(StrEnum):
    """What becomes of a pending change."""

    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"


TRANSITIONS = {
    (State.PENDING, Decision.APPROVE): State.APPLIED,
    (State.PENDING, Decision.REJECT): State.REJECTED,
    (State.PENDING, Decision.EXPIRE): State.EXPIRED,
}


def decided(state: State, decision: Decision) -> State:
    """Return where a change goes. Raises IllegalMove."""
    if (state, decision) not in TRANSITIONS:
        raise IllegalMove(f"A change that is {state} cannot take this step.", allowed_actions=[])
    return TRANSITIONS[state, decision]


def state_at(state: State, proposed_at: datetime, now: datetime) -> State:
    """Return the state of a change as it counts: one that nobody decided in time has expired by itself."""
    return State.EXPIRED if state is State.PENDING and now >= proposed_at + CHANGE_LIFE else state


def takes_two(agency_kind: str, scopes: Iterable[str]) -> bool:
    """Whether giving rights to such a client takes two: bodies of foreign states, the operator, administrators."""
    return agency_kind in (*ABROAD, OPERATOR) or ADMIN in scopes


# -- keys ----------------------------------------------------------------------------------------------


class Keyed(Protocol):
    """A client, as far as its keys go."""

    jwks: dict[str, Any]
    created_at: datetime


def expiry(client: Keyed, key: Mapping[str, Any]) -> datetime:
    """Return when a key ceases to count. One that 0.2.0 registered counts from its client's registration."""
    given = key.get("expires_at")
    return datetime.fromisoformat(given) if isinstance(given, str) else client.created_at + KEY_LIFE


def usable_keys(client: Keyed, now: datetime) -> list[dict[str, Any]]:
    """Return the keys whose signatures count now, as JWKs."""
    return [key for key in client.jwks["keys"] if expiry(client, key) > now]


def expiring_keys(client: Keyed, now: datetime) -> list[str]:
    """Return the ids of the keys that count now and will not in thirty days."""
    return [key["kid"] for key in usable_keys(client, now) if expiry(client, key) <= now + KEY_WARNING]


def thumbprints(jwks: Mapping[str, Any]) -> set[str]:
    """Return every key that a client has or had."""
    return {thumbprint(key) for key in jwks["keys"]} | set(jwks.get("former", ()))


def registered(keys: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return keys as they are kept: each with its life."""
    life = {"registered_at": now.isoformat(), "expires_at": (now + KEY_LIFE).isoformat()}
    return [{**key, **life} for key in keys]


def with_key(client: Keyed, key: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a client's keys with one more. What has expired meanwhile is remembered as former."""
    kept = usable_keys(client, now)
    gone = [thumbprint(old) for old in client.jwks["keys"] if old not in kept]
    return {"keys": kept + registered([key], now), "former": [*client.jwks.get("former", ()), *gone]}


def without_key(client: Keyed, kid: str) -> dict[str, Any]:
    """Return a client's keys without one, which is remembered as former. Raises KeyError when there is none."""
    gone = [thumbprint(key) for key in client.jwks["keys"] if key["kid"] == kid]
    if not gone:
        raise KeyError(kid)
    kept = [key for key in client.jwks["keys"] if key["kid"] != kid]
    return {"keys": kept, "former": [*client.jwks.get("former", ()), *gone]}


def digest_of(secret: str) -> bytes:
    """Return what is kept of a sandbox secret.

    One SHA-256, not scrypt: secrets are 256 random bits, so there is nothing to guess, and a slow
    digest would let anybody keep the token endpoint busy.
    """
    return hashlib.sha256(secret.encode()).digest()


def public_part(key: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a JWK that are kept. Raises ValueError when it is private or unnamed."""
    if "d" in key:
        raise ValueError("This is a private key: register its public half alone.")
    if key.get("kty") != "EC" or key.get("crv") != "P-256":
        raise ValueError("Only EC P-256 keys sign client assertions (ES256).")
    if not all(isinstance(key.get(name), str) and KID.fullmatch(key[name]) for name in ("kid", "x", "y")):
        raise ValueError("A JWK needs the texts kid, x and y.")
    return {name: key[name] for name in ("kty", "crv", "x", "y", "kid")}


# -- who may have what ---------------------------------------------------------------------------------


def check_country(agency_kind: str, country: str | None) -> None:
    """Raise ValueError unless consulates, and only they, have a country."""
    if (agency_kind == CONSULATE) != (country is not None):
        raise ValueError("A consulate's client has exactly one country; no other client has any.")


RESERVED = frozenset({"gateway", "intake", "referral", "consular", "system", "ruta"})
"""Ids of agencies that Ruta itself acts under."""
CONSULATE_ID = "con-"
"""How the ids of consulates begin. Services go by the agency's id: under another kind it would pass the second pair
of eyes by."""


def check_agency(agency: str, agency_kind: str) -> None:
    """Raise ValueError for an id that is Ruta's own, or a consulate's under another kind."""
    if agency in RESERVED:
        raise ValueError("This id is reserved for Ruta itself.")
    if agency.startswith(CONSULATE_ID) and agency_kind != CONSULATE:
        raise ValueError("Ids that begin like this are consulates'.")


def check_scopes(agency_kind: str, scopes: Iterable[str]) -> None:
    """Raise ValueError when a body of a foreign state asks for more than what is sent to it (the guard: Two worlds),
    or anybody but the operator for administration."""
    if agency_kind == CONSULATE and any(not scope.startswith("consular:") for scope in scopes):
        raise ValueError("A consulate's client has consular scopes only.")
    if agency_kind in ABROAD and any(scope.startswith("intake:") for scope in scopes):
        raise ValueError("A client of a body of a foreign state has nothing to do with intake.")
    if agency_kind != OPERATOR and any(scope.startswith("gateway:") for scope in scopes):
        raise ValueError("Only the operator's clients administer the gateway.")


def check_person(agency_kind: str, scopes: Iterable[str], person: str | None) -> None:
    """Raise ValueError unless every administrator, and nobody but the operator's people, is named as a person."""
    if ADMIN in scopes and person is None:
        raise ValueError("An administrator's client names its person: register it anew with one.")
    if person is not None and agency_kind != OPERATOR:
        raise ValueError("Only the operator's clients name a person.")


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a change concerns: one client, or with `client_id` None every client of an agency."""

    client_id: str | None
    agency: str
    person: str | None

    def is_also(self, other: "Party") -> bool:
        """Whether both are one person, as far as is known: one client, or one staff number of one agency."""
        if self.client_id is None or other.client_id is None:
            return self.agency == other.agency
        return self.client_id == other.client_id or (self.agency, self.person) == (other.agency, other.person)
