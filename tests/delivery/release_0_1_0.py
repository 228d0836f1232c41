"""What 0.1.0 says to the database, as it was recorded from that release, and a worker that says it.

While an upgrade rolls out, its processes still run on the newer schema. Nothing here may ever be changed
to fit newer code.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids, jsons
from shared.crypto import Vault
from shared.db import Database, JsonColumn, UTCDateTime, run
from shared.delivery import signing
from shared.delivery.keys import of_secret
from shared.delivery.parcels import Parcel, Permit, Verdict
from shared.delivery.rules import Outcome

ENDPOINT = """INSERT INTO endpoint
    (id, owner, url, event_types, state, cap, secrets, served_at, failures, last_success_at, created_at, version)
    VALUES (:id, :owner, :url, :event_types, 'active', 4, :secrets, :now, 0, NULL, :now, 1)"""
COUNTER = """INSERT INTO event_counter (case_key, n) VALUES (:case_key, 1)
    ON CONFLICT (case_key) DO UPDATE SET n = event_counter.n + 1 RETURNING n"""
EVENT = """INSERT INTO event (id, type, version, case_key, case_seq, subject, occurred_at, data)
    VALUES (:id, 'memo.written', 1, :case_key, :case_seq, 'mem_1', :now, :data)"""
ENDPOINTS_OF = "SELECT endpoint.id FROM endpoint WHERE endpoint.owner = :owner ORDER BY endpoint.id"
DELIVERY = """INSERT INTO delivery (id, event_id, endpoint_id, case_key, case_seq, origin, state, gate, due_at, token,
        sending, attempts, sequence, body, created_at, delivered_at)
    VALUES (:id, :event_id, :endpoint_id, :case_key, :case_seq, 'live', 'pending', NULL, :now, NULL,
        FALSE, 0, NULL, NULL, :now, NULL)"""

LANES = """SELECT endpoint.id, endpoint.url, endpoint.cap, endpoint.failures FROM endpoint
    WHERE endpoint.state = 'active' AND (EXISTS (SELECT delivery.id FROM delivery
        WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending' AND delivery.due_at <= :now))
    ORDER BY endpoint.served_at LIMIT 64"""
SERVED = "UPDATE endpoint SET served_at = :now WHERE endpoint.id = :id"
IN_FLIGHT = """SELECT count(*) FROM delivery WHERE delivery.endpoint_id = :id AND delivery.state = 'pending'
    AND delivery.sending IS TRUE AND delivery.due_at > :now"""
DUE = """SELECT delivery.id FROM delivery
    WHERE delivery.endpoint_id = :id AND delivery.state = 'pending' AND delivery.due_at <= :now
    AND NOT (EXISTS (SELECT delivery_1.id FROM delivery AS delivery_1
        WHERE delivery_1.endpoint_id = delivery.endpoint_id AND delivery_1.case_key = delivery.case_key
        AND delivery_1.case_seq < delivery.case_seq AND delivery_1.state = 'pending'))
    AND delivery.gate IS NULL ORDER BY delivery.due_at, delivery.id LIMIT :room"""
LEASE = "UPDATE delivery SET due_at = :due_at, token = :token, sending = TRUE WHERE delivery.id = :id"
LEASED = """SELECT delivery.id, delivery.event_id, delivery.endpoint_id, delivery.case_key, delivery.attempts,
    delivery.sequence, delivery.body FROM delivery WHERE delivery.id = :id AND delivery.token = :token"""
LOCK = "SELECT endpoint.id, endpoint.url, endpoint.secrets FROM endpoint WHERE endpoint.id = :id"
FACT = "SELECT event.id, event.type, event.version, event.occurred_at, event.data FROM event WHERE event.id = :id"
NUMBER = """INSERT INTO lane_counter (endpoint_id, case_key, n) VALUES (:endpoint_id, :case_key, 1)
    ON CONFLICT (endpoint_id, case_key) DO UPDATE SET n = lane_counter.n + 1 RETURNING n"""
OPEN = "UPDATE delivery SET attempts = :attempts, sequence = :sequence, body = :body WHERE delivery.id = :id"
ATTEMPT = """INSERT INTO attempt (id, delivery_id, started_at, outcome, status, milliseconds)
    VALUES (:id, :delivery_id, :now, NULL, NULL, NULL)"""
CLOSE = "UPDATE attempt SET outcome = :outcome, status = NULL, milliseconds = 0 WHERE attempt.id = :id"
GIVE_BACK = "UPDATE delivery SET token = NULL, sending = FALSE WHERE delivery.id = :id"
DELIVERED = "UPDATE delivery SET state = 'delivered', delivered_at = :now WHERE delivery.id = :id"
SUCCEEDED = "UPDATE endpoint SET failures = 0, last_success_at = :now WHERE endpoint.id = :id"
AGAIN = "UPDATE delivery SET due_at = :due_at WHERE delivery.id = :id"
FAILED = "UPDATE endpoint SET failures = endpoint.failures + 1 WHERE endpoint.id = :id"

_TYPES = {"now": UTCDateTime(), "due_at": UTCDateTime(), "data": JsonColumn, "event_types": JsonColumn}
_FACT = {"occurred_at": UTCDateTime(), "data": JsonColumn}


async def say(session: AsyncSession, statement: str, lock: str = "", **values: Any) -> list[Any]:
    """Say one of the statements. `lock` is what PostgreSQL was told beside it."""
    words = statement if session.info["database"].is_sqlite else statement + lock
    told = text(words).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in values if name in _TYPES))
    result = await run(session, told.columns(**_FACT) if statement is FACT else told, values)
    return list(result.mappings()) if result.returns_rows else []


async def register(database: Database, vault: Vault, owner: str, url: str, secret: str) -> str:
    """Register an endpoint as 0.1.0 does. Returns its id."""
    made = ids.new("whe")
    secrets = vault.seal(json.dumps([secret]).encode(), "endpoint", made)
    async with database.work() as session:
        await say(session, ENDPOINT, id=made, owner=owner, url=url, event_types=None, secrets=secrets, now=clock.now())
    return made


async def publish(database: Database, case: str, owner: str) -> str:
    """Publish an event as 0.1.0 does. Returns its id."""
    now, event_id = clock.now(), ids.new("evt")
    async with database.work() as session:
        ((case_seq,),) = (tuple(row.values()) for row in await say(session, COUNTER, case_key=case))
        place = {"case_key": case, "case_seq": case_seq, "now": now}
        await say(session, EVENT, id=event_id, data={"n": 1}, **place)
        for row in await say(session, ENDPOINTS_OF, owner=owner):
            await say(session, DELIVERY, id=ids.new("dlv"), event_id=event_id, endpoint_id=row["id"], **place)
    return event_id


class Worker:
    """0.1.0's worker: claims, opens each in a transaction of its own, sends, records each by itself."""

    def __init__(self, database: Database, vault: Vault, sender: Any) -> None:
        self.database = database
        self.vault = vault
        self.sender = sender

    async def turn(self) -> int:
        """Deliver what is due. Returns how many were claimed."""
        claimed = await self.claim()
        for delivery_id, token in claimed:
            parcel = await self.open(delivery_id, token)
            if parcel is not None:
                await self.complete(parcel, (await self.sender.send(parcel)).outcome)
        return len(claimed)

    async def claim(self) -> list[tuple[str, str]]:
        """Lease what is due. Returns ids with their tokens."""
        now, claimed = clock.now(), []
        async with self.database.work() as session:
            for lane in await say(session, LANES, " FOR UPDATE SKIP LOCKED", now=now):
                await say(session, SERVED, id=lane["id"], now=now)
                ((flying,),) = (tuple(row.values()) for row in await say(session, IN_FLIGHT, id=lane["id"], now=now))
                room = max(0, (1 if lane["failures"] else lane["cap"]) - flying)
                for row in await say(session, DUE, " FOR UPDATE SKIP LOCKED", id=lane["id"], now=now, room=room):
                    token = ids.opaque("lse")
                    await say(session, LEASE, id=row["id"], token=token, due_at=now + timedelta(seconds=30))
                    claimed.append((row["id"], token))
        return claimed

    async def open(self, delivery_id: str, token: str) -> Parcel | None:
        """Fix number and body, and write the attempt down."""
        async with self.database.work() as session:
            held = next(iter(await say(session, LEASED, " FOR UPDATE", id=delivery_id, token=token)), None)
            if held is None:
                return None
            (lane,) = await say(session, LOCK, " FOR UPDATE", id=held["endpoint_id"])
            (fact,) = await say(session, FACT, id=held["event_id"])
            sequence, content = held["sequence"], held["body"]
            if sequence is None or content is None:
                pair = {"endpoint_id": lane["id"], "case_key": held["case_key"]}
                ((sequence,),) = (tuple(row.values()) for row in await say(session, NUMBER, **pair))
                content = _body(fact, lane["id"], sequence)
            attempts = held["attempts"] + 1
            await say(session, OPEN, id=delivery_id, attempts=attempts, sequence=sequence, body=content)
            attempt_id = ids.new("att")
            await say(session, ATTEMPT, id=attempt_id, delivery_id=delivery_id, now=clock.now())
        known = [of_secret(each) for each in json.loads(self.vault.open(lane["secrets"], "endpoint", lane["id"]))]
        headers = {**signing.headers(fact["id"], content, known), "content-type": "application/json"}
        return Parcel(
            delivery_id, lane["id"], token, attempt_id, lane["url"], False, False, headers, bytes(content),
            Permit(Verdict.OPEN),
        )  # fmt: skip

    async def complete(self, parcel: Parcel, outcome: Outcome) -> None:
        """Record how an attempt ended."""
        now = clock.now()
        async with self.database.work() as session:
            await say(session, CLOSE, id=parcel.attempt_id, outcome=outcome.value)
            lease = {"id": parcel.delivery_id, "token": parcel.token}
            if not await say(session, LEASED, " FOR UPDATE", **lease):
                return
            await say(session, GIVE_BACK, id=parcel.delivery_id)
            if outcome is Outcome.DELIVERED:
                await say(session, DELIVERED, id=parcel.delivery_id, now=now)
                await say(session, SUCCEEDED, id=parcel.endpoint_id, now=now)
            else:
                await say(session, AGAIN, id=parcel.delivery_id, due_at=now + timedelta(seconds=5))
                await say(session, FAILED, id=parcel.endpoint_id)


def _body(fact: Any, audience: str, sequence: int) -> bytes:
    happened: datetime = fact["occurred_at"]
    return jsons.canonical(
        {
            "id": fact["id"],
            "type": fact["type"],
            "version": fact["version"],
            "time": happened.isoformat(timespec="seconds"),
            "audience": audience,
            "sequence": sequence,
            "data": fact["data"],
        }
    )
