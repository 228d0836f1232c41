"""May this request pass? Asked once for each, after its client is known and before anything is done for it."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter

from gateway.hygiene import READS
from gateway.limits import rules
from gateway.limits.memory import Memory
from gateway.limits.rules import Headers, Policy, Standing
from shared.auth import Caller
from shared.errors import Refusal
from shared.settings import Settings

if TYPE_CHECKING:
    from gateway.limits.shared import Shared

LIMITED = Counter("ruta_gateway_limited_total", "Requests refused for their number", ["limit"])


class Limits:
    """Every limit of the gateway, counted in one store."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self.hops = settings.trusted_proxies
        table = rules.table(settings.limits)
        self._read = (table["client"],)
        self._write = (table["client"], table["write"])
        self._agency = table["agency"]
        self._token_address, self._token_client, self._token_name = (
            table[name] for name in ("token-address", "token-client", "token-name")
        )
        self._policies = {each: (b"ratelimit-policy", rules.policy_header(each)) for each in (self._read, self._write)}
        self._policy_of_reads = self._policies[self._read]
        self._memory = Memory(now)
        self._shared = _shared(settings.limits_uri, self._memory)

    async def admit(self, caller: Caller, method: str) -> tuple[Headers, Refusal | None]:
        """Count a request of a client. Returns what to say of its limits, and why it may not pass, if so.

        What is left to the agency is not said: that tells of its other clients.
        """
        if self._shared is None and method in READS:
            return self._admit_read(caller)
        own = self._read if method in READS else self._write
        client = caller.client_id
        standings = await self._count([(policy, client) for policy in own])
        refusal = _refusal(standings)
        if refusal is None:  # else a client that floods would use up what its agency has
            refusal = _refusal(await self._count([(self._agency, caller.agency)]))
        return [self._policies[own], (b"ratelimit", rules.standing_header(standings))], refusal

    def _admit_read(self, caller: Caller) -> tuple[Headers, Refusal | None]:
        """The same for what is asked most, in the fewest steps."""
        policy = self._read[0]
        left, reset, wait = self._memory.count(policy, caller.client_id)
        headers = [self._policy_of_reads, (b"ratelimit", b'"client";r=%d;t=%d' % (left, wait or reset))]
        if not wait:
            policy = self._agency
            wait = self._memory.count(policy, caller.agency)[2]
            if not wait:
                return headers, None
        LIMITED.labels(policy.name).inc()
        return headers, Refusal(code="rate_limited", retry_after=wait)

    async def admit_address(self, address: str) -> Refusal | None:
        """Count a request at a token endpoint. Returns why it may not pass, if so."""
        return _refusal(await self._count([(self._token_address, address)]))

    async def admit_claimed(self, client: str, address: str) -> Refusal | None:
        """Count a request at a token endpoint in this client's name. Returns why it may not pass, if so."""
        refusal = _refusal(await self._count([(self._token_client, f"{client} {address}")]))
        return refusal or _refusal(await self._count([(self._token_name, client)]))

    async def close(self) -> None:
        """Close the connections to the store."""
        if self._shared is not None:
            await self._shared.close()

    async def _count(self, pairs: Sequence[tuple[Policy, str]]) -> list[Standing]:
        if self._shared is not None:
            return await self._shared.hits(pairs)
        return [self._memory.hit(policy, key) for policy, key in pairs]


def _refusal(standings: Sequence[Standing]) -> Refusal | None:
    wait = 0
    for standing in standings:
        if standing.wait:
            LIMITED.labels(standing.policy.name).inc()
            wait = max(wait, standing.wait)
    return Refusal(code="rate_limited", retry_after=wait) if wait else None


def _shared(uri: str, memory: Memory) -> "Shared | None":
    if uri == "memory://":
        return None
    from gateway.limits.shared import Shared  # where it is used alone: the libraries cost 20 MB

    return Shared(uri, memory)
