"""Who stands: revoked tokens, suspended clients and agencies, and the gateway's keys that count now.

The gateway says it, everybody else asks every few seconds. Who has not heard it for 30 s refuses
the gateway's tokens: a suspension that nobody could learn of would be none.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared import clock, jwt, telemetry
from shared.errors import Refusal

PATH = "/internal/gateway/standing"
SCOPE = "standing:read"
OLDEST = timedelta(seconds=30)
_OLDEST, _LEEWAY = OLDEST.total_seconds(), jwt.LEEWAY.total_seconds()
_JITTER = 0.2
_AGAIN_SECONDS = 1.0

NotBefore = Mapping[str, int | None]
"""Subject → second since 1970 before which its tokens were issued in vain. None: all of them were."""


class PublicKey(BaseModel):
    """A key that verifies access tokens (RFC 7517)."""

    model_config = ConfigDict(strict=True)

    kty: Literal["EC"] = "EC"
    crv: Literal["P-256"] = "P-256"
    x: str
    y: str
    kid: str
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


class Feed(BaseModel):
    """What the gateway answers at `PATH`."""

    model_config = ConfigDict(strict=True)  # more fields than these may come with a newer gateway

    at: str
    keys: list[PublicKey]
    tokens: list[str]
    clients: dict[str, int | None]
    agencies: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands, as the gateway said it once. Equal ones refuse the same."""

    keys: tuple[Mapping[str, Any], ...] = ()
    tokens: frozenset[str] = frozenset()
    clients: NotBefore = field(default_factory=dict)
    agencies: NotBefore = field(default_factory=dict)

    @classmethod
    def of(cls, feed: Feed) -> "Standing":
        """Return what a feed says."""
        keys = tuple(sorted((key.model_dump() for key in feed.keys), key=lambda key: str(key["kid"])))
        return cls(keys, frozenset(feed.tokens), feed.clients, feed.agencies)

    def must_stand(self, claims: Mapping[str, Any]) -> None:
        """Raise BadToken when the token of these verified claims counts no more."""
        if self.tokens and digest_of(claims["jti"]) in self.tokens:
            raise jwt.BadToken("revoked")
        for subjects, name in ((self.clients, "client_id"), (self.agencies, "agency")):
            if claims[name] in subjects:
                since = subjects[claims[name]]
                if since is None or claims["iat"] < since:
                    raise jwt.BadToken(f"suspended {name}")


def digest_of(jti: str) -> str:
    """Return what stands for a token in the feed: its id's SHA-256 in hex, since ids are not for reading."""
    return hashlib.sha256(jti.encode()).hexdigest()


class Register:
    """What one process knows of who stands."""

    follows = True
    """Whether it must be told again and again."""

    def __init__(self) -> None:
        self.standing: Standing | None = None
        self._asked_at = 0.0

    def take(self, standing: Standing, asked_at: datetime) -> bool:
        """Take what was asked for at `asked_at`. Returns whether anything has changed."""
        changed = standing != self.standing
        self.standing, self._asked_at = standing, asked_at.timestamp()
        return changed

    def current(self, now: float | None = None) -> Standing:
        """Return who stands. Raises Refusal (`standing_unknown`) when that is not known or was known too long ago."""
        if self.standing is None:
            raise _unknown()
        # A clock that was set back must not make old knowledge young.
        if not -_LEEWAY <= (now or clock.timestamp()) - self._asked_at <= _OLDEST:
            raise _unknown()
        return self.standing


def _unknown() -> Refusal:
    telemetry.note(standing="unknown")
    return Refusal(code="standing_unknown", retry_after=5)


class Follower:
    """Asks again and again who stands. Without anything to ask, it has nothing to do."""

    def __init__(self, ask: Callable[[], Awaitable[None]] | None, every: timedelta) -> None:
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, whatever came of it."""
        self._ask = ask
        self._every = every.total_seconds()
        self._failing = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run in the background as long as the block does."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()

    async def run(self) -> None:
        """Ask at once, then after each pause. Jittered: processes that began together do not ask together."""
        if self._ask is None:
            self.tried.set()
        while self._ask is not None:
            await self._attempt(self._ask)
            self.tried.set()
            wait = min(self._every, _AGAIN_SECONDS) if self._failing else self._every
            await asyncio.sleep(wait * (1 - _JITTER + 2 * _JITTER * secrets.randbelow(1001) / 1000))

    async def _attempt(self, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except Exception as error:  # what is known holds until it is too old
            if not self._failing:
                telemetry.say("warning", "standing_unreachable", error=type(error).__name__)
            self._failing = True
        else:
            if self._failing:
                telemetry.say("info", "standing_reached_again")
            self._failing = False
