"""What a request's head may be, and what it says of its body."""

from collections.abc import Mapping
from itertools import chain

from shared.errors import Refusal

Headers = list[tuple[bytes, bytes]]

HAS_BODY = "ruta.has_body"
"""Where the edge writes down in the scope whether a body may come."""
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
_READS = frozenset({"GET", "HEAD"})


def has_body(method: str, named: Mapping[bytes, bytes]) -> bool:
    """Whether a body may come. `named`: the headers by name."""
    return method not in _READS or b"content-length" in named or b"transfer-encoding" in named


def refusal(headers: Headers, named: Mapping[bytes, bytes], limit: int) -> Refusal | None:
    """Return why a request with this head is not looked at. `limit`: of its body, in bytes."""
    if len(headers) > MAX_HEADERS or len(b"".join(chain.from_iterable(headers))) > MAX_HEADER_BYTES:
        return Refusal(code="headers_too_large")
    if b"host" not in named or (len(named) < len(headers) and [name for name, _ in headers].count(b"host") != 1):
        return Refusal(code="bad_host")
    if b"content-length" in named:
        lengths = [value for name, value in headers if name == b"content-length"]
        if not all(length.isdigit() and int(length[:20]) <= limit for length in lengths):
            return Refusal(code="too_large")
    return None
