"""Sends one parcel. The only user of aiohttp among the services: httpx costs 20 times as much here.

No redirects, no proxies from the environment, no decompression, one total deadline, at most 2 KiB
of the answer, TLS 1.2 or newer, and no first byte after a permit has ended.
"""

import asyncio
import ssl
import time
from contextvars import ContextVar
from typing import Any

import aiohttp

from shared.delivery import rules
from shared.delivery.egress import ForbiddenAddress, open_socket, vetted_socket
from shared.delivery.rules import Outcome
from shared.delivery.service import Parcel, Result

_ANSWER_BYTES = 2048


class PermitExpired(Exception):
    """The connection was ready only after the permit had ended."""


_until: ContextVar[float | None] = ContextVar("permit_until", default=None)
"""Until when the permit of the present send holds, by the event loop's clock."""


class _GatedConnector(aiohttp.TCPConnector):
    """Hands a connection out only while the permit holds, and closes it otherwise: no byte is sent."""

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        connection = await super().connect(*args, **kwargs)
        until = _until.get()
        if until is not None and asyncio.get_running_loop().time() >= until:
            connection.close()
            raise PermitExpired
        return connection


class Sender:
    """Two pools of connections: one for receivers outside, vetted; one for sister services."""

    def __init__(self, *, timeout: float, allow_loopback: bool) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 5))
        self._outside = self._session(open_socket if allow_loopback else vetted_socket)
        self._inside = self._session(open_socket)

    def _session(self, socket_factory: Any) -> aiohttp.ClientSession:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return aiohttp.ClientSession(
            connector=_GatedConnector(limit=200, ssl=context, socket_factory=socket_factory, keepalive_timeout=4),
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, parcel: Parcel) -> Result:
        """Try once. Never raises: every failure is a result."""
        started = time.monotonic()
        status, wait = None, None
        _until.set(parcel.permit.until)
        try:
            session = self._inside if parcel.internal else self._outside
            async with session.post(
                parcel.url, data=parcel.body, headers=parcel.headers, allow_redirects=False
            ) as answer:
                status, wait = answer.status, rules.retry_after(answer.headers.get("retry-after"))
                outcome = rules.classify(status)
                await _read_a_little(answer)
        except PermitExpired:
            outcome = Outcome.PERMIT_EXPIRED
        except TimeoutError:
            outcome = Outcome.TIMEOUT
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome = Outcome.FORBIDDEN_ADDRESS if _forbidden(error) else Outcome.UNREACHABLE
        return Result(outcome, status, int((time.monotonic() - started) * 1000), wait)

    async def close(self) -> None:
        """Close every connection."""
        await self._outside.close()
        await self._inside.close()


async def _read_a_little(answer: aiohttp.ClientResponse) -> None:
    """Let a short answer end so that the connection can be used again. The status has decided already."""
    try:
        async with asyncio.timeout(1):
            await answer.content.readexactly(_ANSWER_BYTES)
        answer.close()
    except asyncio.IncompleteReadError:
        return
    except (aiohttp.ClientError, TimeoutError):
        answer.close()


def _forbidden(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddress) or isinstance(getattr(cause, "os_error", None), ForbiddenAddress):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
