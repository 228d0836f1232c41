"""Turns the credentials of a request into a Caller: the only place where a token is believed."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.types import Scope

from shared import clock, jwt, telemetry
from shared.auth import ACCESS_LIFE, ACCESS_TYPE, SERVICE_KIND, SERVICE_LIFE, SERVICE_TYPE, Caller
from shared.errors import Unauthenticated
from shared.settings import Settings
from shared.trust import dpop
from shared.trust.standing import Register, Standing

SERVICES = ("intake", "referral", "consular")
ACCESS_CLAIMS = frozenset({"sub", "client_id", "jti", "scope", "agency", "agency_kind", "role"})
_OPTIONAL = ("office", "state", "country")
_THUMBPRINT = 43
_REFETCH = timedelta(seconds=30)
_CACHED = 4096
_ALGORITHMS = f'DPoP algs="{dpop.ALGORITHMS}"'
BARE = f'Bearer realm="ruta", {_ALGORITHMS}'
_CHALLENGES = {"bearer": f'Bearer realm="ruta", error="invalid_token", {_ALGORITHMS}'}
_CHALLENGES["dpop"] = f'{_ALGORITHMS}, error="invalid_token"'
_BAD_PROOF = f'{_ALGORITHMS}, error="invalid_dpop_proof"'


class Trust:
    """Whose signatures count: issuer → key id → key."""

    def __init__(self, issuers: Mapping[str, Mapping[str, Any]]) -> None:
        self._keys = {issuer: _keys(jwks["keys"]) for issuer, jwks in issuers.items()}
        self._retired: set[tuple[str, str]] = set()

    @classmethod
    def read(cls, file: Path) -> "Trust":
        """Read the file that `RUTA_TRUST_FILE` names."""
        return cls(json.loads(file.read_text())["issuers"])

    def key(self, issuer: str, kid: str) -> jwt.Key | None:
        return self._keys.get(issuer, {}).get(kid)

    def replace(self, issuer: str, keys: Mapping[str, jwt.Key]) -> bool:
        """Take these keys, and no others, as the issuer's. Returns whether that retired any."""
        had = self._keys.get(issuer, {})
        self._retired |= {(issuer, kid) for kid in had.keys() - keys.keys()}
        self._retired -= {(issuer, kid) for kid in keys}
        self._keys[issuer] = dict(keys)
        return not had.keys() <= keys.keys()

    def add(self, issuer: str, keys: Mapping[str, jwt.Key]) -> None:
        """Take these keys too, but for retired ones: whoever serves them may be behind."""
        new = {kid: key for kid, key in keys.items() if (issuer, kid) not in self._retired}
        self._keys[issuer] = {**new, **self._keys.get(issuer, {})}


def _keys(jwks: Any) -> dict[str, jwt.Key]:
    return {key["kid"]: jwt.public_key(key) for key in jwks}


class _Known(NamedTuple):
    """A token that was verified: whose it is, until when, and which key must prove it is his."""

    caller: Caller
    expires: float
    thumbprint: str | None


class Verifier:
    """Authenticates requests, and remembers the tokens that it has verified."""

    def __init__(
        self,
        settings: Settings,
        trust: Trust,
        register: Register,
        fetch: Callable[[str], Awaitable[Mapping[str, Any]]] | None = None,
    ) -> None:
        self.settings = settings
        self.trust = trust
        self.register = register
        self.used = dpop.Used()
        public = urlsplit(settings.issuer)
        self.origin = f"{public.scheme}://{public.netloc}"
        """Where clients see us: what their proofs name, whatever host the request reached us by."""
        self._fetch = fetch
        self._fetched_at = clock.now() - _REFETCH
        self._fetching = asyncio.Lock()
        self._seen: OrderedDict[bytes, _Known] = OrderedDict()

    def take(self, standing: Standing, asked_at: datetime) -> None:
        """Let this count from now on: its keys, and whom it refuses, tokens verified before included."""
        keys = _keys(standing.keys)  # before anything changes: a feed with a broken key changes nothing
        lost = self.trust.replace(self.settings.issuer, keys)
        if self.register.take(standing, asked_at) or lost:
            self._seen.clear()

    async def caller(self, scope: Scope) -> Caller:
        """Authenticate an ASGI request by its headers, method and path.

        Raises Unauthenticated, or Refusal (`standing_unknown`) when nobody can say whether the token still counts.
        """
        credentials = _credentials(scope)
        try:
            known = self._remembered(credentials) or await self._verify(credentials)
            if known.thumbprint is not None:
                self._must_prove(scope, _split(credentials)[1], known)
        except dpop.BadProof as error:
            telemetry.note(token_refused=str(error))
            raise Unauthenticated(challenge=_BAD_PROOF) from None
        except jwt.BadToken as error:
            telemetry.note(token_refused=str(error)[:80])
            raise Unauthenticated(challenge=_CHALLENGES[_split(credentials)[0]]) from None
        return known.caller

    def _must_prove(self, scope: Scope, token: str, known: _Known) -> None:
        """Check the proof of this one request. Nothing of it is remembered but that it was used."""
        proofs = [value for name, value in scope["headers"] if name == b"dpop"]
        path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        proof = dpop.read(proofs, method=scope["method"], address=self.origin + path, token=token)
        if proof.thumbprint != known.thumbprint:
            raise dpop.BadProof("another key")
        self.used.must_be_new(known.caller.client_id, proof)

    def _remembered(self, credentials: bytes) -> _Known | None:
        known = self._seen.get(credentials)
        if known is None:
            return None
        now = clock.timestamp()
        if known.expires <= now:
            return None
        if not known.caller.is_service:
            self.register.current(now)  # refuses when it is too old; what it says was heeded when it came
        return known

    async def _verify(self, credentials: bytes) -> _Known:
        scheme, token = _split(credentials)
        if scheme not in _CHALLENGES or not token.isascii() or len(token) > jwt.MAX_LENGTH:
            raise Unauthenticated(challenge=_CHALLENGES.get(scheme, BARE))
        issuer, key = await self._key(jwt.unverified_key_id(token))
        known = self._client(token, key) if issuer == self.settings.issuer else self._service(token, key, issuer)
        if (known.thumbprint is not None) != (scheme == "dpop"):
            raise jwt.BadToken("a bound token needs a proof, and no other takes one")
        self._seen[credentials] = known
        if len(self._seen) > _CACHED:
            self._seen.popitem(last=False)
        return known

    async def _key(self, kid: str) -> tuple[str, jwt.Key]:
        issuers = (self.settings.issuer, *(f"urn:ruta:{name}" for name in SERVICES))
        for issuer in issuers:
            if (key := self.trust.key(issuer, kid)) is not None:
                return issuer, key
        await self._refresh()
        if (key := self.trust.key(self.settings.issuer, kid)) is None:
            self.register.current()  # a key may be new to who has not heard of the gateway for long
            raise jwt.BadToken("unknown key")
        return self.settings.issuer, key

    def _client(self, token: str, key: jwt.Key) -> _Known:
        claims = jwt.verify(
            token, key, typ=ACCESS_TYPE, issuer=self.settings.issuer, audience=self.settings.audience,
            longest=ACCESS_LIFE, required=ACCESS_CLAIMS,
        )  # fmt: skip
        caller = caller_of(claims)
        self.register.current().must_stand(claims)
        return _Known(caller, claims["exp"], _thumbprint(claims))

    def _service(self, token: str, key: jwt.Key, issuer: str) -> _Known:
        claims = jwt.verify(
            token, key, typ=SERVICE_TYPE, issuer=issuer, audience=f"urn:ruta:{self.settings.service}",
            longest=SERVICE_LIFE, required=frozenset({"jti", "scope"}),
        )  # fmt: skip
        if not isinstance(claims["jti"], str) or not isinstance(claims["scope"], str):
            raise jwt.BadToken("claims")
        scopes = frozenset(claims["scope"].split())
        return _Known(Caller(issuer, issuer, SERVICE_KIND, "service", scopes), claims["exp"], None)

    async def _refresh(self) -> None:
        """Ask for keys that are new to us, at most every 30 s and once at a time."""
        async with self._fetching:
            if self._fetch is None or not self.settings.jwks_url or clock.now() - self._fetched_at < _REFETCH:
                return
            self._fetched_at = clock.now()
            try:
                self.trust.add(self.settings.issuer, _keys((await self._fetch(self.settings.jwks_url))["keys"]))
            except Exception as error:  # the keys that we have hold
                telemetry.say("warning", "jwks_unreachable", error=type(error).__name__)


def _credentials(scope: Scope) -> bytes:
    """Return the one Authorization of a request. Raises Unauthenticated."""
    given: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        raise Unauthenticated(challenge=_CHALLENGES.get(_split(given[0])[0], BARE) if given else BARE)
    return given[0]


def _split(credentials: bytes) -> tuple[str, str]:
    """Return the scheme in small letters, or nothing where it is none, and what follows it."""
    scheme, _, token = credentials.partition(b" ")
    return scheme.lower().decode("latin-1") if len(scheme) <= 6 else "", token.decode("latin-1")


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Return who calls by the verified claims of an access token. Raises BadToken when they do not fit together."""
    texts = [claims[name] for name in ACCESS_CLAIMS] + [claims.get(name, "") for name in _OPTIONAL]
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


def _thumbprint(claims: Mapping[str, Any]) -> str | None:
    """Return the key that a token is bound to, if it is. Another kind of binding is one that we cannot check."""
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or bound.keys() != {"jkt"}:
        raise jwt.BadToken("cnf")
    if not isinstance(bound["jkt"], str) or len(bound["jkt"]) != _THUMBPRINT:
        raise jwt.BadToken("cnf")
    return str(bound["jkt"])
