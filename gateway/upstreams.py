"""The whole routing table: three rows. And what a path may take: one row, until there are bulk routes."""

import re
from typing import NamedTuple

UPSTREAMS = {"/v1/intake/": "intake", "/v1/referral/": "referral", "/v1/consular/": "consular"}
SERVICES = tuple(UPSTREAMS.values())
_BY_PREFIX = {prefix.encode(): name for prefix, name in UPSTREAMS.items()}

# Ids, slugs, codes and names of resources need no more than this. What is not in it (an escape, an
# empty or dotted segment, a semicolon, a backslash) could read otherwise further in, so it is nowhere.
_SEGMENT = rb"(?!\.\.?(?:/|$))[A-Za-z0-9._~:@-]+"
_PATH = re.compile(rb"(/v1/[a-z]{1,32}/)%b(?:/%b)*" % (_SEGMENT, _SEGMENT))


class Allowance(NamedTuple):
    """What an exchange may take."""

    seconds: float
    """From the request's head to the answer's end, whoever is slow: the client, the service, the client again."""
    request_bytes: int
    """Of a body, where it is more than RUTA_BODY_LIMIT."""
    answer_bytes: int


STANDARD = Allowance(seconds=10.0, request_bytes=0, answer_bytes=64 * 1024 * 1024)
ALLOWANCES: tuple[tuple[re.Pattern[bytes], Allowance], ...] = (
    (
        re.compile(rb"/v1/intake/encounters/bulk"),
        Allowance(seconds=3600.0, request_bytes=1 << 30, answer_bytes=1 << 20),
    ),
)
"""Paths that may take more than STANDARD: long uploads and downloads. The first that matches a whole path counts."""


def allowance(raw_path: bytes) -> Allowance:
    """Return what a path may take."""
    for pattern, more in ALLOWANCES:
        if pattern.fullmatch(raw_path):
            return more
    return STANDARD


def longer(raw_path: bytes) -> int:
    """Return how long a request's body may be beyond the general limit, in bytes in all."""
    return allowance(raw_path).request_bytes


def service_of(raw_path: bytes) -> str | None:
    """Return the service that a path as it was sent belongs to, or None when it is nobody's."""
    found = _PATH.fullmatch(raw_path)
    return _BY_PREFIX.get(found[1]) if found else None
