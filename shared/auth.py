"""Who calls. Deny by default: a route without `Allow(...)` is public and stands on a short list.

Partners' tokens are RFC 9068 access tokens by the gateway. Services prove themselves to each
other with tokens they sign themselves, at most 60 s long and for one target.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import Depends, Request

from shared import clock, ids, jwt, telemetry
from shared.errors import Forbidden, Unauthenticated
from shared.settings import Settings

ACCESS_TYPE = "at+jwt"
SERVICE_TYPE = "service+jwt"
SERVICE_KIND = "SERVICE"
ACCESS_LIFE = timedelta(minutes=5)
SERVICE_LIFE = timedelta(seconds=60)
_ACCESS_CLAIMS = frozenset({"sub", "client_id", "jti", "scope", "agency", "agency_kind", "role"})
_REFETCH = timedelta(seconds=30)
_KEYS_LIFE = timedelta(minutes=5)
"""How long fetched keys count unasked: a retired one is forgotten within it."""
_CACHED = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client, as its token says. Claims are ceilings, never sufficient."""

    client_id: str
    agency: str
    agency_kind: str
    role: str
    scopes: frozenset[str]
    office: str | None = None
    state: str | None = None
    country: str | None = None

    @property
    def is_service(self) -> bool:
        return self.agency_kind == SERVICE_KIND

    def must(self, scope: str) -> None:
        """Raise Forbidden unless the token carries `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")

    def must_be(self, *kinds: str) -> None:
        """Raise Forbidden unless the caller's agency is of one of these kinds."""
        if self.agency_kind not in kinds:
            raise Forbidden(f"Only these kinds of agency may do this: {', '.join(kinds)}.")


class Trust:
    """Whose signatures count: issuer → key id → key. The gateway's keys are also fetched."""

    def __init__(self, issuers: Mapping[str, Mapping[str, Any]]) -> None:
        self._keys = {issuer: _keys(jwks) for issuer, jwks in issuers.items()}

    @classmethod
    def read(cls, file: Path) -> "Trust":
        """Read the file that `RUTA_TRUST_FILE` names."""
        return cls(json.loads(file.read_text())["issuers"])

    def key(self, issuer: str, kid: str) -> jwt.Key | None:
        return self._keys.get(issuer, {}).get(kid)

    def replace(self, issuer: str, jwks: Mapping[str, Any]) -> None:
        """Take these keys, and no others, as the issuer's."""
        self._keys[issuer] = _keys(jwks)


def _keys(jwks: Mapping[str, Any]) -> dict[str, jwt.Key]:
    return {key["kid"]: jwt.public_key(key) for key in jwks["keys"]}


class Verifier:
    """Turns a bearer token into a Caller, and remembers what it has verified."""

    def __init__(
        self, settings: Settings, trust: Trust, fetch: Callable[[str], Awaitable[Mapping[str, Any]]] | None = None
    ) -> None:
        self.settings = settings
        self.trust = trust
        self._fetch = fetch
        self._fetched_at = clock.now() - _REFETCH
        self._fetching = asyncio.Lock()
        self._seen: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def caller(self, authorization: list[bytes]) -> Caller:
        """Authenticate by the Authorization headers of a request. Raises Unauthenticated."""
        if len(authorization) != 1 or not authorization[0][:7].lower() == b"bearer ":
            raise Unauthenticated
        if len(authorization[0]) > 7 + jwt.MAX_LENGTH:
            raise Unauthenticated
        digest = hashlib.sha256(authorization[0]).digest()
        if (known := self._seen.get(digest)) and known[1] > clock.now().timestamp():
            return known[0]
        try:
            token = authorization[0][7:].decode("ascii")
            caller, expires = await self._verify(token)
        except (jwt.BadToken, UnicodeDecodeError) as error:
            telemetry.note(token_refused=str(error)[:80])
            raise Unauthenticated from None
        self._seen[digest] = (caller, expires)
        if len(self._seen) > _CACHED:
            self._seen.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> tuple[Caller, float]:
        kid = jwt.unverified_key_id(token)
        if clock.now() - self._fetched_at >= _KEYS_LIFE:
            await self._refresh()
        for name in ("gateway", "intake", "referral", "consular"):
            issuer = self.settings.issuer if name == "gateway" else f"urn:ruta:{name}"
            if (key := self.trust.key(issuer, kid)) is not None:
                return self._accept(token, key, name, issuer)
        if await self._refresh() and (key := self.trust.key(self.settings.issuer, kid)) is not None:
            return self._accept(token, key, "gateway", self.settings.issuer)
        raise jwt.BadToken("unknown key")

    def _accept(self, token: str, key: jwt.Key, name: str, issuer: str) -> tuple[Caller, float]:
        if name == "gateway":
            claims = jwt.verify(
                token, key, typ=ACCESS_TYPE, issuer=issuer, audience=self.settings.audience,
                longest=ACCESS_LIFE, required=_ACCESS_CLAIMS,
            )  # fmt: skip
            return _client(claims), claims["exp"]
        claims = jwt.verify(
            token, key, typ=SERVICE_TYPE, issuer=issuer, audience=self.settings.issuer_name,
            longest=SERVICE_LIFE, required=frozenset({"jti", "scope"}),
        )  # fmt: skip
        scopes = frozenset(str(claims["scope"]).split())
        return Caller(issuer, issuer, SERVICE_KIND, "service", scopes), claims["exp"]

    async def _refresh(self) -> bool:
        """Fetch the gateway's keys anew, at most every 30 s and once at a time."""
        async with self._fetching:
            if self._fetch is None or not self.settings.jwks_url or clock.now() - self._fetched_at < _REFETCH:
                return bool(self._fetch)
            self._fetched_at = clock.now()
            try:
                self.trust.replace(self.settings.issuer, await self._fetch(self.settings.jwks_url))
            except Exception as error:  # the old keys hold while the gateway cannot be reached
                telemetry.say("warning", "jwks_unreachable", error=type(error).__name__)
                return False
            self._seen.clear()
            return True


def _client(claims: Mapping[str, Any]) -> Caller:
    texts = [claims[name] for name in _ACCESS_CLAIMS] + [
        claims.get(name, "") for name in ("office", "state", "country")
    ]
    if not all(isinstance(value, str) for value in texts) or claims["sub"] != claims["client_id"]:
        raise jwt.BadToken("claims")
    if claims["agency_kind"] == SERVICE_KIND:
        raise jwt.BadToken("services sign for themselves")
    return Caller(
        client_id=claims["client_id"],
        agency=claims["agency"],
        agency_kind=claims["agency_kind"],
        role=claims["role"],
        scopes=frozenset(claims["scope"].split()),
        office=claims.get("office"),
        state=claims.get("state"),
        country=claims.get("country"),
    )


def service_token(signer: jwt.Signer, target: str, scope: str) -> str:
    """Sign a token by which this service may do `scope` at `target`, once or for a minute."""
    claims = {"aud": f"urn:ruta:{target}", "scope": scope, "jti": ids.opaque("jti")}
    return signer.sign(claims, typ=SERVICE_TYPE, life=SERVICE_LIFE)


class Guard:
    """What a route asks of its caller: a scope and, where it is said, a kind of agency."""

    def __init__(self, scope: str, kinds: tuple[str, ...]) -> None:
        self.scope = scope
        self.kinds = kinds

    def check(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller meets it."""
        caller.must(self.scope)
        if self.kinds:
            caller.must_be(*self.kinds)
        elif caller.is_service:
            raise Forbidden("Services have routes of their own.")

    async def __call__(self, request: Request) -> Caller:
        caller: Caller = request.state.caller  # put there by shared.routing, before the body was read
        return caller


def Allow(scope: str, *kinds: str) -> Any:
    """Mark a parameter as the authenticated caller: `caller: Annotated[Caller, Allow("intake:read")]`."""
    return Depends(Guard(scope, kinds))
