"""The administrator's end of the API: proves who he is by his own key, asks, and reads the answer."""

import http.client
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from shared import ids, jsons, jwt

_TIMEOUT = 30
_ASSERTION = "client-authentication+jwt"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Refused(Exception):
    """What the gateway, or the way to it, said no to. The message is for the administrator."""


class Answer:
    """What the gateway answered: the content and the version of it."""

    def __init__(self, status: int, content: Mapping[str, Any], etag: str | None) -> None:
        self.status = status
        self.content = content
        self.etag = etag


class Gateway:
    """A running gateway, as one administrator sees it."""

    def __init__(self, url: str, client_id: str, key_file: Path) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.hostname is None or parts.scheme not in ("https", "http") or parts.path:
            raise Refused("--url is the gateway's address, such as https://ruta.example.mx")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise Refused("--url must begin with https: who listens on the way could do what you may.")
        self._parts = parts
        self._signer = jwt.Signer(key_file.read_bytes(), client_id)
        self._token: str | None = None

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = "", if_match: str = ""
    ) -> Answer:
        """Ask for `path` below /v1/gateway. A POST has a key, so that it can be repeated. Raises Refused."""
        headers = {"Authorization": f"Bearer {self._token or self._get_token()}", "Accept": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = key = key or ids.opaque("idk")
        if if_match:
            headers["If-Match"] = if_match
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = jsons.canonical(body)
        try:
            return self._exchange(method, f"/v1/gateway{path}", content, headers)
        except OSError as error:
            again = f" It may have been done all the same: repeat the command with --repeat {key}" if key else ""
            raise Refused(f"No answer from {self.url}: {error}.{again}") from None

    def list(self, path: str, **filters: str | None) -> list[dict[str, Any]]:
        """Return every item of a list, all pages."""
        query = {name: value for name, value in filters.items() if value is not None}
        items: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", f"{path}?{urlencode(query)}" if query else path).content
            items += page["items"]
            if page["next"] is None:
                return items
            query["cursor"] = page["next"]

    def _get_token(self) -> str:
        issuer = self._issuer()
        claims = {"sub": self._signer.issuer, "aud": issuer, "jti": ids.opaque("jti")}
        assertion = self._signer.sign(claims, typ=_ASSERTION, life=timedelta(seconds=60))
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._reached("POST", "/oauth/token", urlencode(form).encode(), headers)
        self._token = str(answer.content["access_token"])
        return self._token

    def _issuer(self) -> str:
        """Return whom the proof is made out to. It must be whom we speak to (RFC 8414, 3.3)."""
        metadata = self._reached("GET", "/.well-known/oauth-authorization-server", None, {})
        issuer = str(metadata.content["issuer"])
        if issuer.rstrip("/") != self.url:
            raise Refused(f"This gateway calls itself {issuer}: give that as --url.")
        return issuer

    def _reached(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            return self._exchange(method, path, content, headers)
        except OSError as error:
            raise Refused(f"No answer from {self.url}: {error}.") from None

    def _exchange(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        host, port = str(self._parts.hostname), self._parts.port
        line: http.client.HTTPConnection
        if self._parts.scheme == "https":
            line = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
        else:
            line = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        try:
            line.request(method, path, content, dict(headers))
            response = line.getresponse()
            value = jsons.loads(response.read())
        except http.client.HTTPException as error:  # the answer ended before it was whole
            raise ConnectionError(type(error).__name__) from None
        except jsons.BadJson:
            raise Refused(f"{self.url} does not answer like a gateway.") from None
        finally:
            line.close()
        if not isinstance(value, dict):
            raise Refused(f"{self.url} does not answer like a gateway.")
        if response.status >= 300:
            raise Refused(_readable(response.status, value))
        return Answer(response.status, value, response.headers.get("ETag"))


def _readable(status: int, problem: Mapping[str, Any]) -> str:
    """Return a problem document, or an OAuth refusal, as a person reads it."""
    if "error" in problem:
        return f"No token ({problem['error']}): {problem.get('error_description', '')}"
    lines = [f"{problem.get('title', 'Refused')} ({status}): {problem.get('detail', '')}"]
    lines += [f"  {fault['pointer'] or '/'}: {fault['reason']}" for fault in problem.get("errors", ())]
    lines += [f"  {name}: {problem[name]}" for name in ("fix", "current", "request_id") if problem.get(name)]
    return "\n".join(lines)


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")
