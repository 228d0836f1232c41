"""Puts the addresses of webhooks to the proof: does it want our events, and can it read them?

First the consent of CloudEvents webhooks (OPTIONS), then a signed event with a challenge that the
receiver gives back. Until both have come, no event of anybody's leaves for that address.
"""

import asyncio
from datetime import timedelta
from secrets import SystemRandom

from shared import clock, ids, telemetry
from shared.crypto import Vault
from shared.db import Database
from shared.delivery import account, keys, queue, rules, signing
from shared.delivery.chains import CHALLENGE
from shared.delivery.endpoints import service, store
from shared.delivery.endpoints.rules import Proof, gives_back
from shared.delivery.models import Endpoint
from shared.delivery.parcels import Parcel, Permit, Verdict
from shared.delivery.rules import AlarmKind, Outcome
from shared.delivery.sender import Sender

_AT_ONCE = 20
_LEASE = timedelta(seconds=60)
_LONGEST = 20.0
"""Seconds for one proof, question and challenge together: a worker's loop must come round, and the lease must hold."""

_chance = SystemRandom()


class Prover:
    """Proves the addresses of one service's endpoints, any number of workers side by side."""

    def __init__(self, database: Database, vault: Vault, sender: Sender, origin: str) -> None:
        self.database = database
        self.vault = vault
        self.sender = sender
        self.origin = origin

    async def turn(self) -> int:
        """Put to the proof what is due. Returns how many endpoints were."""
        now = clock.now()
        async with self.database.work(write=False) as session:
            if not await store.any_unproven(session, now):
                return 0
        async with self.database.work() as session:
            taken = await store.unproven(session, now, _AT_ONCE)
            for endpoint in taken:
                endpoint.proof_due_at = now + _LEASE
        ends = await asyncio.gather(*(self._prove(endpoint) for endpoint in taken), return_exceptions=True)
        for error in filter(None, ends):
            telemetry.failed(error)  # the lease ends by itself: it is tried again
        return len(taken)

    async def _prove(self, endpoint: Endpoint) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                found = await self._ask(endpoint)
        except TimeoutError:
            found = Outcome.TIMEOUT
        telemetry.say("info", "proof", endpoint=endpoint.id, outcome=found.value)
        async with self.database.work() as session:
            current = await store.still(session, endpoint)
            if current is None:  # changed, paused, removed or proven meanwhile: this answer says nothing of it
                return
            if found is Proof.PROVEN:
                await service.proven(session, current)
                return
            _reschedule(current, found)
            if clock.now() - current.served_at >= rules.UNPROVEN_AFTER:
                await account.raise_alarm(session, current.id, AlarmKind.UNPROVEN)

    async def _ask(self, endpoint: Endpoint) -> Proof | Outcome:
        consent = await self.sender.ask_consent(endpoint.url, self.origin, mutual_tls=endpoint.mutual_tls)
        if not consent.granted:
            return Proof.NO_CONSENT if consent.outcome is Outcome.DELIVERED else consent.outcome
        assert endpoint.proof_challenge is not None
        result = await self.sender.send(self._parcel(endpoint, endpoint.proof_challenge))
        if result.outcome is not Outcome.DELIVERED:
            return result.outcome
        return Proof.PROVEN if gives_back(result.answer, endpoint.proof_challenge) else Proof.WRONG_ANSWER

    def _parcel(self, endpoint: Endpoint, challenge: str) -> Parcel:
        event_id = ids.new("evt")
        fact = {
            "event_id": event_id, "type": CHALLENGE, "version": 1, "occurred_at": clock.now(),
            "data": {"challenge": challenge},
        }  # fmt: skip
        body = queue.body(fact, endpoint.id, endpoint.epoch, 0)
        signed = signing.headers(event_id, body, keys.keys_of(self.vault, endpoint.model_dump()))
        return Parcel(
            delivery_id="",
            endpoint_id=endpoint.id,
            token="",
            attempt_id="",
            url=endpoint.url,
            internal=False,
            mutual_tls=endpoint.mutual_tls,
            headers={**signed, "content-type": "application/json"},
            body=body,
            permit=Permit(Verdict.OPEN),
            event_type=CHALLENGE,
        )


def _reschedule(endpoint: Endpoint, found: Proof | Outcome) -> None:
    """Try again later: soon at first, and hourly in the end, for ever."""
    now = clock.now()
    if found in rules.UNCHARGED:
        endpoint.proof_due_at = now + rules.GATE_WAIT
        return
    endpoint.proof_attempts += 1
    endpoint.proof_outcome = found.value
    endpoint.proof_due_at = rules.next_due(endpoint.proof_attempts, now, rules.SCHEDULE, chance=_chance.random())
