"""Sends one parcel. The only user of aiohttp among the services: httpx costs 20 times as much here.

No redirects, no cookies, no decompression, no proxy but our own, TLS 1.2 or newer, one total deadline, at most 2 KiB
of the answer, and no byte of the message after a permit has ended. What goes wrong becomes an outcome, never an error.
"""

import asyncio
import contextlib
import functools
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.payload import BytesPayload
from yarl import URL

from shared import clock, telemetry
from shared.delivery import rules
from shared.delivery.egress import LookUps, NoWay, Proxy, is_public, may_name, open_socket, vetted_socket
from shared.delivery.parcels import Parcel, Result
from shared.delivery.rules import Outcome

AGENT = "Ruta-Webhooks/0.5.0"
"""Not taken from `shared.app`, which stands above; a test keeps the versions one."""
_ANSWER_BYTES = 2048
_ANSWER_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
_A_MOMENT = 0.01
"""Why a connection was closed, such as a TLS alert, is heard just after the fact that it was."""
_CONNECTIONS = 256
"""Open at once in one pool: more than a worker has under way, so that no receiver waits for another."""
_CONNECTIONS_OF_ONE = 16
"""Open at once to one host and port, whose slowness then costs others nothing."""

_PLAIN_URL = re.compile(r"https?://[!-~]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT = re.compile(r"[ -~]*")
_FRAMING = frozenset("host connection content-length transfer-encoding te trailer upgrade expect".split())
_OWN_HEADERS = {"user-agent": AGENT, "accept-encoding": "identity"}
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})

_until: ContextVar[float | None] = ContextVar("permit_until", default=None)
"""Until when the permit of the present send holds, by the event loop's clock."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a receiver says when it is asked whether it wants our events; `outcome` is that of the question."""

    granted: bool
    outcome: Outcome


class Sender:
    """Pools of connections: to receivers outside, to those that ask who we are, and to sister services.

    `proxy` is the way to all outside (never to sisters); it must refuse private addresses itself, for
    it alone learns where a name leads. `certificate` is the pair of files for mutual TLS. `trusted_ca`
    counts beside the machine's own authorities, outside only. `resolver` replaces the system's resolver
    outside: a seam for tests. Raises OSError, ssl.SSLError or ValueError if one of them cannot be used.
    """

    def __init__(
        self,
        *,
        timeout: float,
        allow_loopback: bool,
        proxy: str | None = None,
        certificate: tuple[Path, Path] | None = None,
        trusted_ca: Path | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        way, tls = Proxy.parse(proxy) if proxy else None, _tls(trusted_ca)
        known = _tls(trusted_ca, certificate) if certificate else None
        connect = min(timeout, _CONNECT_SECONDS)
        exactly = 2 * timeout  # times from here on would be rounded up
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=connect, ceil_threshold=exactly)
        self._vetted = not allow_loopback
        self._names = [_Names(resolver, vetted=self._vetted), _Names()]
        make = vetted_socket if self._vetted else open_socket
        self._inside = self._session(_Connector(_tls(), self._names[1], open_socket))
        self._outside = self._session(_Connector(tls, self._names[0], make, way))
        self._mutual = self._session(_Connector(known, self._names[0], make, way)) if known else None

    def _session(self, connector: "_Connector") -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type", "User-Agent"),
            read_bufsize=_ANSWER_BYTES,
        )

    async def send(self, parcel: Parcel) -> Result:
        """Try once. Never raises: every failure is a result."""
        started = time.monotonic()
        answer = await self._exchange(
            "POST", parcel.url, parcel.headers, parcel.body,
            internal=parcel.internal, mutual_tls=parcel.mutual_tls, until=parcel.permit.until,
        )  # fmt: skip
        milliseconds = int((time.monotonic() - started) * 1000)
        return Result(answer.outcome, answer.status, milliseconds, answer.wait, answer.beginning)

    async def ask_consent(self, url: str, origin: str, *, mutual_tls: bool) -> Consent:
        """Ask a receiver whether events from `origin` are welcome (CloudEvents webhooks, 4.1). Never raises."""
        asked = {"webhook-request-origin": origin}
        answer = await self._exchange("OPTIONS", url, asked, None, internal=False, mutual_tls=mutual_tls, until=None)
        welcome = any(each.strip().lower() in ("*", origin.lower()) for each in answer.welcome)
        return Consent(welcome and answer.outcome is Outcome.DELIVERED, answer.outcome)

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._outside, self._mutual, self._inside):
            if session is not None:
                await session.close()
        for names in self._names:
            await names.close()

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        internal: bool,
        mutual_tls: bool,
        until: float | None,
    ) -> "_Answer":
        answer = _Answer()
        _until.set(until)
        try:
            target = _target(url, vetted=self._vetted and not internal)
            session = self._inside if internal else self._pool(target, mutual_tls)
            async with session.request(
                method, target, headers=_plain(headers), data=None if body is None else _Body(body),
                allow_redirects=False,
            ) as response:  # fmt: skip
                answer.take_head(response)
                answer.beginning = await _beginning(response)
        except Exception as error:
            if answer.status is None:
                answer.outcome = _why(error)
        return answer

    def _pool(self, target: URL, mutual_tls: bool) -> aiohttp.ClientSession:
        if not mutual_tls:
            return self._outside
        if self._mutual is None or target.scheme != "https":
            raise NoWay(Outcome.TLS_FAILED)
        return self._mutual


# -- the message -----------------------------------------------------------------------------------


class _Body(BytesPayload):
    """The body, which looks at the permit once more: aiohttp writes the head only together with it."""

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        _must_be_permitted()
        try:
            await super().write_with_length(writer, content_length)
        except ConnectionResetError:
            await asyncio.sleep(_A_MOMENT)
            raise


def _must_be_permitted() -> None:
    until = _until.get()
    if until is not None and asyncio.get_running_loop().time() >= until:
        raise NoWay(Outcome.PERMIT_EXPIRED)


def _target(url: str, *, vetted: bool) -> URL:
    """Read an endpoint's URL, once more as strictly as when it was registered, and change no byte. Raises NoWay."""
    try:
        target = URL(url, encoded=True)
        host, port, authority = target.raw_host, target.port, target.raw_authority
    except ValueError:
        raise NoWay(Outcome.FORBIDDEN_ADDRESS) from None
    plain = _PLAIN_URL.fullmatch(url) and host and port and "@" not in authority
    if not plain or (vetted and not (target.scheme == "https" and may_name(host or ""))):
        raise NoWay(Outcome.FORBIDDEN_ADDRESS)
    return target


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they are sent. Raises NoWay where one could be read as more than one."""
    for name, value in headers.items():
        if not (_TOKEN.fullmatch(name) and _TEXT.fullmatch(value)) or name.lower() in _FRAMING:
            raise NoWay(Outcome.REFUSED)  # it is the message that is wrong, whoever receives it
    return {name.lower(): value for name, value in headers.items()} | _OWN_HEADERS


# -- the connection --------------------------------------------------------------------------------


class _Connector(aiohttp.TCPConnector):
    """Makes connections by our own way, and hands them out only while the permit holds."""

    def __init__(self, tls: ssl.SSLContext, names: AbstractResolver, make: Any, way: Proxy | None = None) -> None:
        super().__init__(
            ssl=tls, resolver=names, socket_factory=make, keepalive_timeout=4,
            limit=_CONNECTIONS, limit_per_host=_CONNECTIONS_OF_ONE,
        )  # fmt: skip
        self._tls = tls
        self._way = way

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's)
    ) -> aiohttp.connector.Connection:
        _must_be_permitted()
        permit = asyncio.timeout_at(_until.get())
        try:
            async with permit:
                connection = await super().connect(req, traces, timeout)
        except TimeoutError:
            if permit.expired():
                raise NoWay(Outcome.PERMIT_EXPIRED) from None
            raise
        protocol = connection.protocol
        if protocol is None or protocol.should_close:  # it hung up, or what it said unasked would pass for an answer
            try:
                await asyncio.sleep(_A_MOMENT)
                raise (None if protocol is None else protocol.exception()) or NoWay(Outcome.UNREACHABLE)
            finally:
                connection.close()
        return connection

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's)
    ) -> ResponseHandler:
        if self._way is None:
            return await super()._create_connection(req, traces, timeout)
        loop = asyncio.get_running_loop()
        host, port = req.url.raw_host or "", req.url.port or 0
        made = await self._way.tunnel(host, port, (timeout.connect or _CONNECT_SECONDS) / 2)
        tls, name = (self._tls, host) if req.is_ssl() else (None, None)
        protocol = functools.partial(ResponseHandler, loop=loop)
        try:
            return (await loop.create_connection(protocol, sock=made, ssl=tls, server_hostname=name))[1]
        except BaseException:
            made.close()
            raise


class _Names(AbstractResolver):
    """Keeps of a name's addresses those that may be dialled."""

    def __init__(self, inner: AbstractResolver | None = None, *, vetted: bool = False) -> None:
        self._system = LookUps()
        self._look_up = inner.resolve if inner else self._ask_system
        self._vetted = vetted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._look_up(host, port, family)
        kept = [each for each in found if not self._vetted or is_public(each["host"])]
        if not kept:
            raise NoWay(Outcome.FORBIDDEN_ADDRESS if found else Outcome.UNREACHABLE)
        return kept

    async def _ask_system(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=protocol, flags=numeric)
            for kind, _, protocol, _, where in await self._system.ask(host, port, family)
        ]

    async def close(self) -> None:
        self._system.close()


@functools.cache  # it takes a tenth of a second
def _tls(trusted_ca: Path | None = None, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if trusted_ca is not None:
        context.load_verify_locations(trusted_ca)
    if certificate is not None:
        context.load_cert_chain(*certificate, password="")  # a key that wants one must fail, not ask the terminal
    return context


# -- the answer ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Answer:
    outcome: Outcome = Outcome.UNREACHABLE
    status: int | None = None
    wait: timedelta | None = None
    welcome: tuple[str, ...] = ()
    beginning: bytes = b""

    def take_head(self, response: aiohttp.ClientResponse) -> None:
        self.status, self.outcome = response.status, rules.classify(response.status)
        self.welcome = tuple(response.headers.getall("webhook-allowed-origin", ()))
        self.wait = rules.retry_after(response.headers.get("retry-after"), clock.now())


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read the first bytes of the body. Whatever happens to it, the status has decided already."""
    kept = bytearray()
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_ANSWER_SECONDS):
            while len(kept) < _ANSWER_BYTES and (piece := await response.content.read(_ANSWER_BYTES - len(kept))):
                kept += piece
    return bytes(kept)


def _why(error: Exception) -> Outcome:
    """Say why there was no answer, by the error and those that it was raised from."""
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    for each in causes:
        if isinstance(each, NoWay):
            return each.outcome
        if isinstance(each, socket.gaierror):
            return Outcome.UNKNOWN_NAME if each.errno in _NO_SUCH_NAME else Outcome.UNREACHABLE
        if isinstance(each, ssl.SSLError) or str(getattr(each, "strerror", "")).startswith("[SSL:"):
            return Outcome.TLS_FAILED  # aiohttp may keep no more of it than the words
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if not isinstance(error, aiohttp.ClientError | OSError):
        telemetry.failed(error)  # a fault of ours
    return Outcome.UNREACHABLE
