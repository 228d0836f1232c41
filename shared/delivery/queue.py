"""The queue between the database and the wire: claim, open, withhold, complete. Many rows at a time.

A delivery is leased by a token. Without a gate it is claimed and opened in one transaction; with
one it is leased first, and opened only under a permit: until then nothing about it has a number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids, jsons, telemetry
from shared.crypto import Vault
from shared.delivery import metrics, rules, signing, store
from shared.delivery.account import Account
from shared.delivery.bulk import Row
from shared.delivery.keys import SERVICE, keys_of
from shared.delivery.parcels import Leased, Parcel, Permit, Result, Verdict
from shared.delivery.rules import Chain, DeliveryState, EndpointState

ASKED = 16
"""How many deliveries of one endpoint are asked about at once.

They take no room of it until their gate has opened: what is withheld must not slow what is sent,
or its receiver could tell by the time that there is something (the guard: Two worlds).
"""

_OPEN = Permit(Verdict.OPEN)


@dataclass(slots=True)
class Claimed:
    """What one claim found: parcels to send, and deliveries whose gate must be asked."""

    parcels: list[Parcel] = field(default_factory=list)
    asked: list[Leased] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.parcels) + len(self.asked)


class Queue:
    """The queue of one service's database. Every method works in the transaction that it is given."""

    def __init__(
        self, vault: Vault, lease: timedelta, *, gated: bool, chains: Mapping[str, Chain] | None = None
    ) -> None:
        self.vault = vault
        self.lease = lease
        self.gated = None if gated else False
        self.chains = chains or {}

    async def any_due(self, session: AsyncSession) -> bool:
        """Whether a claim would find something."""
        return await store.any_due(session, clock.now(), self.gated)

    # -- claim -------------------------------------------------------------------------------------

    async def claim(self, session: AsyncSession, limit: int) -> Claimed:
        """Lease what is due, a few for each endpoint, the least recently served endpoint first.

        A lease ends by itself: its due time has been pushed to its end. With several workers,
        PostgreSQL skips the endpoints that another one is busy with.
        """
        now = clock.now()
        lanes = {lane["id"]: lane for lane in await store.lanes(session, now, limit, self.gated)}
        if not lanes:
            return Claimed()
        flying = await store.in_flight(session, list(lanes), now)
        free = {key: room(lane, flying.get(key, 0)) for key, lane in lanes.items()}
        rooms, to_ask = _share(free, limit), dict[str, int]()
        picks = await store.due(session, rooms, now, gated=False)
        if self.gated is None:
            to_ask = _share(dict.fromkeys(lanes, ASKED), limit - len(picks))
        asked = await store.due(session, to_ask, now, gated=True)
        await self._note_expired(session, [*picks, *asked])
        claimed = Claimed(await self._open(session, lanes, picks, _OPEN), await self._lease(session, asked, now))
        # Also where nothing may be taken: else such endpoints would stay the first to be looked at. But whom the
        # limit cut off has had no turn, and is the first of the next one.
        looked_at = [key for key in lanes if key in rooms or key in to_ask or free[key] <= 0]
        await store.change_endpoints(session, [{"id": key, "served_at": now} for key in looked_at])
        return claimed

    async def _lease(self, session: AsyncSession, asked: Sequence[Row], now: datetime) -> list[Leased]:
        leased = [Leased(row["id"], row["endpoint_id"], ids.opaque("lse"), row["gate"]) for row in asked]
        changes = [
            {"id": each.delivery_id, "token": each.token, "due_at": now + self.lease, "sending": False}
            for each in leased
        ]
        await store.change_deliveries(session, changes)
        return leased

    async def _note_expired(self, session: AsyncSession, picks: Sequence[Row]) -> None:
        """A row that still has a token was leased by a worker that did not come back."""
        expired = [row["id"] for row in picks if row["token"] is not None]
        if expired:
            metrics.EXPIRED.inc(len(expired))
            await store.lose_attempts(session, expired)

    # -- open --------------------------------------------------------------------------------------

    async def open(self, session: AsyncSession, leased: Leased, permit: Permit) -> Parcel | None:
        """Open what a gate has permitted.

        Returns None when another worker has taken the lease over meanwhile, or when the endpoint has
        no room: then it is asked for another permit when there is.
        """
        now = clock.now()
        lane = (await store.lock_lanes(session, [leased.endpoint_id]))[leased.endpoint_id]
        held = await store.leased(session, leased.delivery_id, leased.token)
        if held is None:
            return None
        flying = await store.in_flight(session, [leased.endpoint_id], now)
        if not _may_send(lane, now) or room(lane, flying.get(leased.endpoint_id, 0)) <= 0:
            await self._give_back(session, leased.delivery_id, now)
            return None
        (parcel,) = await self._open(session, {leased.endpoint_id: lane}, [held], permit)
        return parcel

    async def _open(
        self, session: AsyncSession, lanes: Mapping[str, Row], picks: Sequence[Row], permit: Permit
    ) -> list[Parcel]:
        """Fix numbers, place and body at the first send, and write attempts down before they start."""
        if not picks:
            return []
        now = clock.now()
        given = await numbers(session, [row for row in picks if row["sequence"] is None])
        places = {key: lane["position"] for key, lane in lanes.items()}
        changes, attempts, parcels = [], [], []
        for row in picks:
            lane = lanes[row["endpoint_id"]]
            change = _again(row, now) if _has_place(row) else self._first(row, lane, given, places, now)
            change |= {"token": ids.opaque("lse"), "due_at": now + self.lease, "attempts": row["attempts"] + 1}
            attempt = {"id": ids.new("att"), "delivery_id": row["id"], "started_at": now}
            changes.append(change)
            attempts.append(attempt)
            parcels.append(self._parcel(row, lane, change, attempt["id"], permit))
        await store.change_deliveries(session, changes)
        await store.add_attempts(session, attempts)
        moved = [{"id": key, "position": place} for key, place in places.items() if place != lanes[key]["position"]]
        await store.change_endpoints(session, moved)
        return parcels

    def _first(
        self, row: Row, lane: Row, numbers: Mapping[str, int], places: dict[str, int], now: datetime
    ) -> dict[str, Any]:
        key = lane["id"]
        places[key] += 1
        sequence = row["sequence"] or numbers[row["id"]]
        chain = self.chains.get(row["type"]) if row["origin"] == "live" else None
        return _change(
            row,
            sequence=sequence,
            position=places[key],
            body=row["body"] or body(row, key, lane["epoch"], sequence),
            first_sent_at=now,
            next_step_at=now + chain[0].after if chain else None,
        )

    def _parcel(self, row: Row, lane: Row, change: Row, attempt_id: str, permit: Permit) -> Parcel:
        keys = keys_of(self.vault, lane)
        signed = signing.headers(row["event_id"], change["body"], keys)
        return Parcel(
            delivery_id=row["id"],
            endpoint_id=lane["id"],
            token=change["token"],
            attempt_id=attempt_id,
            url=lane["url"],
            internal=lane["owner"].startswith(SERVICE),
            mutual_tls=lane["mutual_tls"],
            headers={**signed, "content-type": "application/json"},
            body=change["body"],
            permit=permit,
            event_type=row["type"],
            owed_since=row["created_at"] if row["attempts"] == 0 and row["origin"] == "live" else None,
        )

    # -- give back ---------------------------------------------------------------------------------

    async def withhold(self, session: AsyncSession, leased: Leased, verdict: Verdict) -> None:
        """Give a lease back because the gate waits, or end the delivery because the gate is closed."""
        await store.lock_lanes(session, [leased.endpoint_id])
        if await store.leased(session, leased.delivery_id, leased.token) is None:
            return
        if verdict is Verdict.CLOSED:
            change = {"id": leased.delivery_id, "token": None, "state": DeliveryState.CANCELLED, "next_step_at": None}
            await store.change_deliveries(session, [change])
        else:
            await self._give_back(session, leased.delivery_id, clock.now() + rules.GATE_WAIT)

    async def release(self, session: AsyncSession, leases: Iterable[Leased]) -> None:
        """Give leases back at once: this worker stops before their gates have answered."""
        for leased in leases:
            await store.lock_lanes(session, [leased.endpoint_id])
            if await store.leased(session, leased.delivery_id, leased.token) is not None:
                await self._give_back(session, leased.delivery_id, clock.now())

    async def _give_back(self, session: AsyncSession, delivery_id: str, due_at: datetime) -> None:
        await store.change_deliveries(session, [{"id": delivery_id, "token": None, "sending": False, "due_at": due_at}])

    # -- complete ----------------------------------------------------------------------------------

    async def complete(self, session: AsyncSession, returned: Sequence[tuple[Parcel, Result]]) -> None:
        """Record how attempts ended. A lease that was lost changes nothing but the attempt's own row."""
        now = clock.now()
        lanes = await store.lock_lanes(session, sorted({parcel.endpoint_id for parcel, _ in returned}))
        held = await store.holders(session, [parcel.delivery_id for parcel, _ in returned])
        await store.close_attempts(
            session,
            [
                {"id": parcel.attempt_id, "outcome": result.outcome.value, "status": result.status,
                 "milliseconds": result.milliseconds}
                for parcel, result in returned
            ],
        )  # fmt: skip
        account = Account(lanes, now)
        for parcel, result in returned:
            row = held[parcel.delivery_id]
            if row["token"] == parcel.token:
                account.add(parcel, result, row)
            else:
                telemetry.say("warning", "stale_lease", delivery=parcel.delivery_id)
        await account.write(session)


def room(lane: Row, flying: int) -> int:
    """Return how many more deliveries may be on their way to an endpoint."""
    return int(min(lane["cap"], lane["pace"])) - flying


def _may_send(lane: Row, now: datetime) -> bool:
    return lane["state"] is EndpointState.ACTIVE and (lane["hold_until"] is None or lane["hold_until"] <= now)


def _share(rooms: Mapping[str, int], limit: int) -> dict[str, int]:
    """Cut rooms so that together they are at most `limit`, first come first served."""
    shared: dict[str, int] = {}
    for key, most in rooms.items():
        take = min(most, limit)
        if take > 0:
            shared[key] = take
            limit -= take
    return shared


def _change(row: Row, **values: Any) -> dict[str, Any]:
    return {"id": row["id"], "sending": True, **values}


def _has_place(row: Row) -> bool:
    """Whether an event has been opened for this receiver. What 0.1.0 opened has a body and no place in the feed yet."""
    return row["body"] is not None and (row["position"] is not None or row["origin"] != "live")


def _again(row: Row, now: datetime) -> dict[str, Any]:
    kept = ("sequence", "position", "body", "next_step_at")
    return _change(row, first_sent_at=row["first_sent_at"] or now, **{name: row[name] for name in kept})


async def numbers(session: AsyncSession, rows: Sequence[Row]) -> dict[str, int]:
    """Give each of these locked rows, in their order, its receiver's next number for the case."""
    pairs = [(row["endpoint_id"], row["case_key"]) for row in rows]
    last, given = await store.counters(session, pairs), {}
    for row, pair in zip(rows, pairs, strict=True):
        given[row["id"]] = last[pair] = last.get(pair, 0) + 1
    await store.count(session, [{"endpoint_id": pair[0], "case_key": pair[1], "n": n} for pair, n in last.items()])
    return given


def body(row: Row, audience: str, epoch: int, sequence: int) -> bytes:
    """Return the exact bytes of an event for one receiver."""
    return jsons.canonical(
        {
            "id": row["event_id"],
            "type": row["type"],
            "version": row["version"],
            "time": row["occurred_at"].isoformat(timespec="seconds"),
            "audience": audience,
            "epoch": epoch,
            "sequence": sequence,
            "data": row["data"],
        }
    )
