"""What may pass the door, either way: by list, so that what nobody thought of stays outside. Pure."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from shared.errors import Invalid, Refusal, Unauthenticated

Headers = Iterable[tuple[bytes, bytes]]

HEAD = "ruta.gateway.head"
"""Where the door writes down in the scope what it found in a request's headers."""
READS = frozenset({"GET", "HEAD"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = frozenset({
    b"authorization", b"dpop", b"accept", b"accept-language", b"content-type", b"idempotency-key",
    b"if-match", b"if-none-match", b"user-agent",
})  # fmt: skip
ANSWER_HEADERS = frozenset({
    b"content-type", b"content-length", b"cache-control", b"etag", b"location", b"retry-after", b"www-authenticate",
    b"idempotent-replayed", b"content-disposition", b"vary", b"allow", b"deprecation", b"sunset", b"link",
})  # fmt: skip
_SEVERAL = frozenset({b"accept", b"accept-language", b"if-match", b"if-none-match"})  # lists, by RFC 9110
_PRINTED = bytes([0x09, *range(0x20, 0x7F)])
_QUERY = re.compile(rb"[!\"$-~]*")
# A port is part of a host's name; the usual one goes without saying.
_HOST = re.compile(rb"[a-z0-9.:\[\]-]{1,255}")


def refusal(headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Refusal | None:
    """Return why a request goes nowhere, whatever it asks for."""
    named = dict(headers)
    if len(named) < len(headers) and [name for name, _ in headers].count(b"authorization") > 1:
        return Unauthenticated("Send exactly one Authorization header.")
    if query and b"access_token" in {unquote_to_bytes(pair.partition(b"=")[0]).lower() for pair in query.split(b"&")}:
        return Unauthenticated("Send the token in the Authorization header, never in the address: that gets logged.")
    if query and not _QUERY.fullmatch(query):
        return Invalid("The query holds characters that have no place there.")
    coded = b"transfer-encoding" in named
    if coded and [value.strip().lower() for name, value in headers if name == b"transfer-encoding"] != [b"chunked"]:
        return Invalid("The only transfer encoding is chunked.")
    if b"upgrade" in named and (coded or b"content-length" in named):
        return Invalid("A request with a body cannot change the protocol.")
    return None


def hosts(names: Iterable[str]) -> frozenset[bytes]:
    """Return names of this server as `Head.host` writes them. What is no name at all is nobody's."""
    return frozenset(_plain(name.encode("latin-1", "replace")) for name in names) - {b""}


def _plain(host: bytes) -> bytes:
    name = host.lower()
    if not _HOST.fullmatch(name):
        return b""
    for usual in (b":443", b":80"):
        name = name.removesuffix(usual)
    return name


def request_headers(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return what a service gets to see. Raises Invalid when a single one comes twice."""
    named = dict(headers)
    kept = [pair for pair in headers if pair[0] in REQUEST_HEADERS and not pair[1].translate(None, _PRINTED)]
    if len(named) < len(headers):
        names = [name for name, _ in kept if name not in _SEVERAL]
        if len(set(names)) < len(names):
            raise Invalid("A header that stands alone comes twice.")
    if b"connection" not in named:
        return kept
    taken = {each.strip().lower() for name, value in headers if name == b"connection" for each in value.split(b",")}
    return [pair for pair in kept if pair[0] not in taken]


class Passed(NamedTuple):
    """What of a request's headers goes on to a service."""

    pairs: list[tuple[bytes, bytes]]
    lines: bytes
    """The same as lines of a head, each with its end."""
    names: frozenset[bytes]


class Head:
    """What the headers of a request say, worked out when it is first asked for."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.headers = headers
        self.refusal = refusal(headers, b"")
        """Why such a request goes nowhere, whatever it asks for. With a query there may be more to say."""
        self.names = frozenset(name for name, _ in headers)

    @cached_property
    def host(self) -> bytes | None:
        """The one Host, as `hosts` writes it."""
        return next((_plain(value) for name, value in self.headers if name == b"host"), None)

    @cached_property
    def passed(self) -> Passed:
        """What goes on. Raises Invalid when a single one comes twice."""
        pairs = request_headers(self.headers)
        return Passed(pairs, lines(pairs), frozenset(name for name, _ in pairs))


_remembered = lru_cache(1024)(Head)


def head(method: str, headers: Sequence[tuple[bytes, bytes]]) -> Head:
    """Return what the headers of a request say. A client's next one without a key of its own has the same."""
    return (_remembered if method in READS else Head)(tuple(headers))


def lines(headers: Headers) -> bytes:
    """Return headers as lines of a head, each with its end."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])


def answer_headers(headers: Headers, status: int) -> list[tuple[bytes, bytes]]:
    """Return what the client gets to see of an answer. Names are in small letters."""
    kept = [pair for pair in headers if pair[0] in ANSWER_HEADERS and (pair[0] != b"location" or _is_local(pair[1]))]
    if status in (204, 304):
        kept = [pair for pair in kept if pair[0] != b"content-length"]
    return kept


def _is_local(location: bytes) -> bool:
    """Whether it is a path: a full one would name a host of the inner network."""
    return location[:1] == b"/" and location[1:2] not in (b"/", b"\\")
