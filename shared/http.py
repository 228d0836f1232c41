"""Calls from one service to another. The only module that imports httpx."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from shared import auth, jsons, telemetry
from shared.errors import Unavailable
from shared.jwt import Signer
from shared.settings import Settings


@cache
def _tls() -> ssl.SSLContext:
    """Read the machine's certificates once: it takes a tenth of a second."""
    return ssl.create_default_context()


class Peers:
    """The sister services, called with a token that this service signs for each of them."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self.settings = settings
        self.signer = signer
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(verify=_tls()),
            timeout=httpx.Timeout(3, connect=1),
            trust_env=False,
            follow_redirects=False,
        )

    async def fetch(self, url: str) -> Mapping[str, Any]:
        """Get a public JSON object, such as a JWK set."""
        answer = await self._client.get(url)
        answer.raise_for_status()
        return _object(answer)

    async def call(
        self, service: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, scope: str
    ) -> tuple[int, Mapping[str, Any]]:
        """Call a route of a sister service. Raises Unavailable when no JSON answer came in time."""
        headers = {"Authorization": f"Bearer {auth.service_token(self.signer, service, scope)}"}
        if (request_id := telemetry.request_id()) is not None:
            headers["X-Request-Id"] = request_id
        try:
            answer = await self._client.request(
                method, self.settings.peer_url(service) + path, json=body, headers=headers
            )
            return answer.status_code, _object(answer)
        except (httpx.HTTPError, jsons.BadJson):
            raise Unavailable(f"The {service} service does not answer.") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    value = jsons.loads(answer.content)
    if not isinstance(value, dict):
        raise jsons.BadJson("not an object")
    return value
