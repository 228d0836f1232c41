"""What a client is. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

ID = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
SCOPE = re.compile(r"[a-z][a-z-]{1,31}:[a-z][a-z-]{1,31}")
SCOPES_LENGTH = 1500
"""How long all scopes of a client may be together: they travel in every token."""
CONSULATE = "CONSULATE"
SERVICE = "SERVICE"
"""The kind by which services know each other. No client ever has it."""
SECRET_LENGTH = 32


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
    if not all(isinstance(key.get(name), str) and key[name] for name in ("kid", "x", "y")):
        raise ValueError("A JWK needs the texts kid, x and y.")
    return {name: key[name] for name in ("kty", "crv", "x", "y", "kid")}


def check_country(agency_kind: str, country: str | None) -> None:
    """Raise ValueError unless consulates, and only they, have a country."""
    if (agency_kind == CONSULATE) != (country is not None):
        raise ValueError("A consulate's client has exactly one country; no other client has any.")


RESERVED = frozenset({"gateway", "intake", "referral", "consular", "system", "ruta"})
"""Ids of agencies that Ruta itself acts under."""


def check_agency(agency: str) -> None:
    """Raise ValueError for an id that is Ruta's own."""
    if agency in RESERVED:
        raise ValueError("This id is reserved for Ruta itself.")


def check_scopes(agency_kind: str, scopes: Iterable[str]) -> None:
    """Raise ValueError when a consulate asks for more than its own notices (the guard: Two worlds)."""
    if agency_kind == CONSULATE and any(not scope.startswith("consular:") for scope in scopes):
        raise ValueError("A consulate's client has consular scopes only.")
