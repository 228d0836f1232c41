"""What may pass the door, either way: by list, so that what nobody thought of stays outside. Pure."""

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from shared.errors import Invalid, Refusal, Unauthenticated

Headers = Iterable[tuple[bytes, bytes]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = frozenset({
    b"authorization", b"accept", b"accept-language", b"content-type", b"idempotency-key",
    b"if-match", b"if-none-match", b"user-agent",
})  # fmt: skip
ANSWER_HEADERS = frozenset({
    b"content-type", b"content-length", b"cache-control", b"etag", b"location", b"retry-after", b"www-authenticate",
    b"idempotent-replayed", b"allow", b"deprecation", b"sunset", b"link",
})  # fmt: skip
_SEVERAL = frozenset({b"accept", b"accept-language", b"if-match", b"if-none-match"})  # lists, by RFC 9110
_VALUE = re.compile(rb"[\t -~]*")
_QUERY = re.compile(rb"[!\"$-~]*")


def refusal(headers: Headers, query: bytes) -> Refusal | None:
    """Return why a request goes nowhere, whatever it asks for."""
    found = list(headers)
    names = [name for name, _ in found]
    if names.count(b"authorization") > 1:
        return Unauthenticated("Send exactly one Authorization header.")
    if b"access_token" in {unquote_to_bytes(pair.partition(b"=")[0]).lower() for pair in query.split(b"&")}:
        return Unauthenticated("Send the token in the Authorization header, never in the address: that gets logged.")
    if not _QUERY.fullmatch(query):
        return Invalid("The query holds characters that have no place there.")
    encodings = [value.strip().lower() for name, value in found if name == b"transfer-encoding"]
    if encodings not in ([], [b"chunked"]):
        return Invalid("The only transfer encoding is chunked.")
    if b"upgrade" in names and (encodings or b"content-length" in names):
        return Invalid("A request with a body cannot change the protocol.")
    return None


def request_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return what a service gets to see. Raises Invalid when a single one comes twice."""
    found = list(headers)
    named = {name.strip().lower() for key, value in found if key == b"connection" for name in value.split(b",")}
    kept = [
        (name, value)
        for name, value in found
        if name in REQUEST_HEADERS and name not in named and _VALUE.fullmatch(value)
    ]
    single = [name for name, _ in kept if name not in _SEVERAL]
    if len(set(single)) != len(single):
        raise Invalid("A header that stands alone comes twice.")
    return kept


def answer_headers(headers: Headers, status: int) -> list[tuple[bytes, bytes]]:
    """Return what the client gets to see of an answer."""
    kept = []
    for given, value in headers:
        name = given.lower()
        if name not in ANSWER_HEADERS or (name == b"content-length" and status in (204, 304)):
            continue
        if name == b"location" and not _is_local(value):
            continue  # it would name a host of the inner network
        kept.append((name, value))
    return kept


def _is_local(location: bytes) -> bool:
    return location[:1] == b"/" and location[1:2] not in (b"/", b"\\")
