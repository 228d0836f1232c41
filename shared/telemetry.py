"""What a process says of itself: one JSON line per request, metrics, and nothing about a child."""

import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock, ids
from shared.edge import heads
from shared.edge.counts import Counts, Kind
from shared.edge.lines import Lines
from shared.errors import Refusal

_counts = Counts()
REGISTRY.register(_counts)
_REQUEST_ID = re.compile(rb"req_[0-9a-f]{32}")

_request: ContextVar[dict[str, Any] | None] = ContextVar("request", default=None)
_log = logging.getLogger("ruta")
_encode = json.JSONEncoder(default=str).encode
_quote = json.encoder.encode_basestring_ascii


def request_id() -> str | None:
    """Return the id of the request that is being answered, if any."""
    current = _request.get()
    return current["request_id"] if current else None


def note(**facts: str | int | None) -> None:
    """Add ids and codes to this request's log line. Never a name, a date or a text of a person."""
    current = _request.get()
    if current is not None:
        current.update(facts)


def failed(error: BaseException) -> None:
    """Log an unforeseen error: its type and where it arose, not its message, which may quote values."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    say("error", "failed", error=type(error).__name__, where=where, request_id=request_id())


def passed_on() -> bytes:
    """Return the header lines that tell the next service of this request: its id, and its trace (W3C Trace Context).

    The trace starts here: its id is that of the request.
    """
    own = (request_id() or "").encode()
    return b"x-request-id: %b\r\ntraceparent: 00-%b-%b-00\r\n" % (own, own[4:], own[20:])


def say(level: str, event: str, /, **facts: Any) -> None:
    """Write one JSON line to standard output."""
    own = {"at": clock.now().isoformat(), "level": level, "event": event}
    _write(logging.getLevelNamesMapping()[level.upper()], _encode(own | facts | own))


_lines: Lines | None = None


def _write(level: int, line: object) -> None:
    if _lines is None:
        _log.log(level, str(line))
    else:
        _lines.take(level, line)  # past logging's record of each line, which costs as much as the line


def configure() -> None:
    """Send our lines, and only ours, to standard output."""
    global _lines  # one process has one standard output
    _lines = Lines()
    _log.handlers = [_lines]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def metrics() -> tuple[bytes, str]:
    """Return the metrics of this process in the Prometheus text format, and its media type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


class Edge:
    """The one ASGI layer around an app: request id, limits, answer headers, log line, metrics.

    `longer` says for which paths a body may be longer than `body_limit`, and how long.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        body_limit: int,
        refuse: Callable[[Refusal], ASGIApp],
        trust_id: bool,
        longer: Callable[[bytes], int] | None = None,
    ) -> None:
        self.app = app
        self.service = service
        self.body_limit = body_limit
        self.refuse = refuse
        self.trust_id = trust_id
        self.longer = longer
        self._kinds: dict[tuple[str, str, int], tuple[Kind, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            if _lines is not None:
                _lines.flush()  # the end of the lifespan
            return
        named = dict(scope["headers"])
        own_id = (self.trust_id and _trusted(named)) or ids.new("req")
        facts: dict[str, Any] = {"request_id": own_id}
        token = _request.set(facts)
        started = time.perf_counter()
        answered, status = False, 500

        async def sending(message: Message) -> None:
            nonlocal answered, status
            if message["type"] != "http.response.body":
                answered, status = True, message["status"]
                message = {**message, "headers": _answer_headers(message["headers"], own_id)}
            await send(message)

        try:
            limit = 0
            has_body = scope[heads.HAS_BODY] = heads.has_body(scope["method"], named)
            if has_body:
                limit = max(self.body_limit, self.longer(scope["raw_path"]) if self.longer else 0)
                receive = _Counted(receive, limit)
            refusal = heads.refusal(scope["headers"], named, limit)
            app = self.app if refusal is None else self.refuse(refusal)
            await app(scope, receive, sending)
        except Exception as error:
            if not answered:  # else the app has answered it and raises it again for the server's log only
                failed(error)
                await self.refuse(Refusal())(scope, receive, sending)
        finally:
            self._report(scope, facts, status, time.perf_counter() - started)
            _request.reset(token)

    def _report(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        route = scope.get("route_template") or getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        kind = self._kinds.get((method, route, status))
        if kind is None:
            kind = self._kinds[method, route, status] = self._kind(method, route, status)
        counts, words = kind
        counts.count(seconds)
        if words:
            _write(logging.INFO, _Answered(clock.timestamp(), facts, words, seconds))

    def _kind(self, method: str, route: str, status: int) -> tuple[Kind, str]:
        """Return what all requests of one kind share; finding it anew would cost more than counting and writing."""
        own = {
            "level": "info", "event": "request", "service": self.service, "method": method, "route": route,
            "status": status,
        }  # fmt: skip
        words = "" if route in _QUIET else _encode(own)[1:-1]
        return _counts.kind(self.service, method, route, str(status)), words


class _Answered(NamedTuple):
    """What the line of a request will say. Lines are made many at once: that costs a third."""

    at: float
    facts: dict[str, Any]
    words: str
    seconds: float

    def __str__(self) -> str:
        own_id = self.facts["request_id"]
        noted = "".join([
            f'"{name}": {_quote(value) if isinstance(value, str) else _encode(value)}, '
            for name, value in self.facts.items()
            if name not in _OWN
        ])  # fmt: skip
        second = int(self.at)
        at = f"{_second(second)}.{int((self.at - second) * 1_000_000):06d}+00:00"
        return (
            f'{{"at": "{at}", "request_id": {_quote(own_id)}, "trace": {_quote(own_id[4:])}, {noted}{self.words}, '
            f'"ms": {self.seconds * 1000:.1f}}}'
        )


@lru_cache(1)
def _second(at: int) -> str:
    """Return a second since 1970 as text without its zone: many lines say the same."""
    return datetime.fromtimestamp(at, UTC).isoformat()[:19]


def _trusted(named: Mapping[bytes, bytes]) -> str | None:
    """Return the id that a sister has given to a request, if it is one."""
    given = named.get(b"x-request-id", b"")
    return bytes(given).decode() if _REQUEST_ID.fullmatch(given) else None


def _answer_headers(headers: list[tuple[bytes, bytes]], own_id: str) -> list[tuple[bytes, bytes]]:
    named = dict(headers)
    kept = [pair for pair in headers if pair[0] != b"x-request-id"] if b"x-request-id" in named else list(headers)
    kept += (b"x-request-id", own_id.encode()), _NO_SNIFFING
    if b"cache-control" not in named:
        kept.append(_NO_STORE)
    return kept


_NO_SNIFFING, _NO_STORE = (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OWN = frozenset({"request_id", "trace", "at", "level", "event", "service", "method", "route", "status", "ms"})
_QUIET = frozenset({"/livez", "/readyz", "/metrics", "/internal/gateway/standing"})


class _Counted:
    """A `receive` that refuses a body once it grows past the limit, before it is kept."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive = receive
        self.left = limit

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.left -= len(message.get("body", b""))
            if self.left < 0:
                raise Refusal(code="too_large")
        return message
