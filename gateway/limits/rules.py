"""Which limits there are, what answers say of them, and whose a request is before anybody has proved it. Pure.

Headers by draft-ietf-httpapi-ratelimit-headers-10.
"""

import base64
import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from gateway.tokens.rules import claimed_subject

Headers = list[tuple[bytes, bytes]]

_SETTING = re.compile(r"([a-z-]+)=([1-9][0-9]{0,8})/([1-9][0-9]{0,4})")


class Policy(NamedTuple):
    """So many requests of one key in any so many seconds."""

    name: str
    quota: int
    seconds: int


# Generous: they stop floods and loops gone wild, not work. Tokens live five minutes, so the last three are wide too.
DEFAULTS = (
    Policy("client", 6000, 60),  # every request of one client
    Policy("write", 3000, 60),  # of these, those that change something
    Policy("agency", 30000, 60),  # of all clients of one agency; what is left of it is never told
    Policy("token-address", 1200, 60),  # at the token endpoints, from one address
    Policy("token-client", 600, 60),  # in one client's name from one address
    # In one client's name from anywhere: above what one address may, so that one stranger locks nobody out.
    Policy("token-name", 6000, 60),
)


class Standing(NamedTuple):
    """How one key stands with one policy after a request. `wait` is 0 when the request may pass."""

    policy: Policy
    left: int
    reset: int
    """Seconds until the present window ends."""
    wait: int
    """Seconds until the next request would pass."""


def table(setting: str) -> dict[str, Policy]:
    """Return every policy by name. `setting` changes some: `client=6000/60 write=3000/60`. Raises ValueError."""
    policies = {policy.name: policy for policy in DEFAULTS}
    for word in setting.replace(",", " ").split():
        found = _SETTING.fullmatch(word)
        if found is None or found[1] not in policies:
            raise ValueError(f"RUTA_LIMITS: {word} is not <name>=<requests>/<seconds> of {', '.join(policies)}.")
        policies[found[1]] = Policy(found[1], int(found[2]), int(found[3]))
    return policies


def policy_header(policies: Iterable[Policy]) -> bytes:
    """Return the value of `RateLimit-Policy`."""
    return ", ".join(f'"{each.name}";q={each.quota};w={each.seconds}' for each in policies).encode()


def standing_header(standings: Sequence[Standing]) -> bytes:
    """Return the value of `RateLimit`."""
    return ", ".join([f'"{each[0].name}";r={each[1]};t={each[3] or each[2]}' for each in standings]).encode()


def address(peer: str, headers: Iterable[tuple[bytes, bytes]], hops: int) -> str:
    """Return where a request came from: the peer, or what the outermost of `hops` trusted proxies saw.

    Of IPv6 the /64, which is what one household or office has.
    """
    if hops:
        told = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        seen = ",".join(told).split(",")
        if told and len(seen) >= hops:
            peer = seen[-hops].strip()
    try:
        found = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown"  # all that no proxy of ours has written share one count
    if found.version == 6:
        found = found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)).network_address
    return str(found)


def claimed_client(authorization: bytes | None, body: bytes) -> str | None:
    """Return in whose name a token request speaks. Nothing is verified by this."""
    try:
        if authorization is not None:
            user = base64.b64decode(authorization.partition(b" ")[2]).decode().partition(":")[0]
            return unquote_plus(user)[:64] or None
        form = dict(parse_qsl(body.decode("ascii"), max_num_fields=32))
        if "client_assertion" in form:
            return (claimed_subject(form["client_assertion"]) or "")[:64] or None
        return form.get("client_id", "")[:64] or None
    except ValueError:
        return None
