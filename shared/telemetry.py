"""What a process says of itself: one JSON line per request, metrics, and nothing about a child."""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock, ids
from shared.errors import Refusal

REQUESTS = Counter("ruta_requests_total", "Requests answered", ["service", "method", "route", "status"])
SECONDS = Histogram(
    "ruta_request_seconds",
    "Time to answer",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
_REQUEST_ID = re.compile(rb"req_[0-9a-f]{32}")

_request: ContextVar[dict[str, Any] | None] = ContextVar("request", default=None)
_log = logging.getLogger("ruta")


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


def say(level: str, event: str, /, **facts: Any) -> None:
    """Write one JSON line to standard output."""
    own = {"at": clock.now().isoformat(), "level": level, "event": event}
    _log.log(logging.getLevelNamesMapping()[level.upper()], json.dumps(own | facts | own, default=str))


def configure() -> None:
    """Send our lines, and only ours, to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def metrics() -> tuple[bytes, str]:
    """Return the metrics of this process in the Prometheus text format, and its media type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


class Edge:
    """The one ASGI layer around an app: request id, limits, answer headers, log line, metrics."""

    def __init__(
        self, app: ASGIApp, *, service: str, body_limit: int, refuse: Callable[[Refusal], ASGIApp], trust_id: bool
    ) -> None:
        self.app = app
        self.service = service
        self.body_limit = body_limit
        self.refuse = refuse
        self.trust_id = trust_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        facts = {"request_id": self._request_id(scope)}
        token = _request.set(facts)
        started = time.perf_counter()
        answered, status = False, 500
        answer_headers = [
            (b"x-request-id", facts["request_id"].encode()),
            (b"x-content-type-options", b"nosniff"),
        ]

        async def sending(message: Message) -> None:
            nonlocal answered, status
            if message["type"] == "http.response.start":
                answered, status = True, message["status"]
                names = {name for name, _ in message["headers"]}
                own = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
                extra = [] if b"cache-control" in names else [(b"cache-control", b"no-store")]
                message = {**message, "headers": own + answer_headers + extra}
            await send(message)

        try:
            refusal = self._refusal(scope)
            app = self.app if refusal is None else self.refuse(refusal)
            await app(scope, _Counted(receive, self.body_limit), sending)
        except Exception as error:
            if not answered:  # else the app has answered it and raises it again for the server's log only
                failed(error)
                await self.refuse(Refusal())(scope, receive, sending)
        finally:
            self._report(scope, facts, status, time.perf_counter() - started)
            _request.reset(token)

    def _request_id(self, scope: Scope) -> str:
        if self.trust_id:
            given = dict(scope["headers"]).get(b"x-request-id", b"")
            if _REQUEST_ID.fullmatch(given):
                return bytes(given).decode()
        return ids.new("req")

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = scope["headers"]
        if len(headers) > MAX_HEADERS or sum(len(k) + len(v) for k, v in headers) > MAX_HEADER_BYTES:
            return Refusal(code="headers_too_large")
        if sum(name == b"host" for name, _ in headers) != 1:
            return Refusal(code="bad_host")
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if not length.isdigit() or int(length[:20]) > self.body_limit:
            return Refusal(code="too_large")
        return None

    def _report(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        route = scope.get("route_template") or getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        REQUESTS.labels(self.service, method, route, str(status)).inc()
        SECONDS.labels(self.service, method, route).observe(seconds)
        if route not in _QUIET:
            own = {"service": self.service, "method": method, "route": route, "status": status}
            say("info", "request", **{**facts, **own, "ms": round(seconds * 1000, 1)})


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


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
