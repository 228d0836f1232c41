"""What a request's head may be, and what it says of its body."""

from itertools import chain

from starlette.types import Scope

from shared.errors import Refusal

HAS_BODY = "ruta.has_body"
"""Where the edge writes down in the scope whether a body may come."""
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024


def has_body(scope: Scope) -> bool:
    """Whether a body may come."""
    named = dict(scope["headers"])
    return scope["method"] not in ("GET", "HEAD") or b"content-length" in named or b"transfer-encoding" in named


def refusal(headers: list[tuple[bytes, bytes]], limit: int) -> Refusal | None:
    """Return why a request with this head is not looked at. `limit`: of its body, in bytes."""
    if len(headers) > MAX_HEADERS or sum(map(len, chain.from_iterable(headers))) > MAX_HEADER_BYTES:
        return Refusal(code="headers_too_large")
    names = [name for name, _ in headers]
    if names.count(b"host") != 1:
        return Refusal(code="bad_host")
    if b"content-length" in names:
        length = headers[names.index(b"content-length")][1]
        if not (length.isdigit() and int(length[:20]) <= limit):
            return Refusal(code="too_large")
    return None
