"""A partner system as its programmers would write it: a token, a key for every POST, patience."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from sandbox.secrets import SECRET

RETRIED = frozenset({502, 503, 504})
PATIENCE = 75.0
"""Seconds: what a killed worker held is free again after a lease of 30, and another one may fall with it."""

T = TypeVar("T")


class Refused(Exception):
    """The answer was a problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')} {problem.get('errors', '')}")
        self.status = status
        self.problem = problem


@dataclass
class Partner:
    """One client of the gateway. Repeats what got no clear answer, with the same Idempotency-Key."""

    gateway: str
    client_id: str
    patience: float = PATIENCE
    _token: str = ""
    _expires: float = 0.0
    _http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=15, trust_env=False))

    async def get(self, path: str, **query: str | int) -> Any:
        """GET and return the JSON. Raises Refused."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> Any:
        """POST once, however often it takes, and return the JSON. Raises Refused."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self._call("POST", path, json=dict(body) if body is not None else None, headers=headers)

    async def put(self, path: str, body: Mapping[str, Any], etag: str) -> Any:
        """PUT in the place of what `etag` names, and return the JSON. Raises Refused."""
        return await self._call("PUT", path, {"If-Match": etag}, json=dict(body))

    async def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """GET a whole list."""
        page = await self.get(path, **query)
        found: list[dict[str, Any]] = page["items"]
        while page["next"]:
            page = await self.get(path, cursor=page["next"], **query)
            found += page["items"]
        return found

    async def feed(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """GET a feed from its beginning to what is newest."""
        found: list[dict[str, Any]] = []
        page = await self.get(path, **query)
        while page["items"]:
            found += page["items"]
            page = await self.get(path, after=page["next"], **query)
        return found

    async def _call(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> Any:
        deadline = time.monotonic() + self.patience
        while True:
            answer = await self._try(method, path, headers or {}, rest)
            if answer is not None and answer.status_code not in RETRIED:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path}: {answer.status_code if answer is not None else 'no answer'}")
            await asyncio.sleep(0.1)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.json())
        return answer.json()

    async def _try(
        self, method: str, path: str, headers: dict[str, str], rest: dict[str, Any]
    ) -> httpx.Response | None:
        try:
            bearer = {"Authorization": f"Bearer {await self.token()}"}
            return await self._http.request(method, self.gateway + path, headers=headers | bearer, **rest)
        except httpx.HTTPError:
            return None

    async def token(self) -> str:
        """Return an access token, a fresh one when the old one is about to end."""
        if time.monotonic() > self._expires:
            answer = await self._http.post(
                f"{self.gateway}/oauth/token", auth=(self.client_id, SECRET), data={"grant_type": "client_credentials"}
            )
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
            self._expires = time.monotonic() + answer.json()["expires_in"] - 30
        return self._token

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def until(look: Callable[[], Awaitable[T | None]], seconds: float = PATIENCE) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while True:
        if (found := await look()) is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing to see within {seconds} s")
        await asyncio.sleep(0.05)
