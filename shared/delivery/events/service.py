"""Reading a feed and acknowledging it.

A feed holds what was first sent (webhook), or what its reader has been shown (pull). A pull endpoint's
read opens what is new: number, place and body are fixed then, under the endpoint's lock, as at the
first send of a webhook. What is open stays readable as it was, also when its gate closes afterwards:
nobody knows whether the answer arrived, and a consulate keeps what it was told.

What has a gate is opened only under a permit that holds at the moment of reading. Decisions:

- The gate is asked by the read itself, not ahead of it by the worker: a permit is for one send, now.
- No transaction is open meanwhile. 16 are asked at once, until 0.8 s have passed; no answer means
  wait. What was asked in vain goes behind the others for 2 s, so a slow one starves nobody.
- In a service that has a gate, a read that looks for new events is answered after 1 s, whatever it
  found and whether or not anything was asked about: its time tells nothing of what is withheld. Both
  figures are well below the 2 s of a permit, which must still hold when the answer leaves.
- What must be written about withheld events is written after the answer.
- Only what has room in this answer is opened: an event that waited in the feed for a second read
  would leave without anybody having asked for that moment.
- What is withheld takes no room. `limit`, cursors and places know nothing of it.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import BackgroundTasks
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, telemetry
from shared.auth import Caller
from shared.db import Database
from shared.delivery import queue, rules
from shared.delivery import store as engine
from shared.delivery.bulk import Row
from shared.delivery.events import store
from shared.delivery.events.cursors import Cursors
from shared.delivery.events.schemas import AcknowledgementIn, EventOut, FeedOut
from shared.delivery.models import Endpoint
from shared.delivery.parcels import Gate, Permit, Verdict
from shared.delivery.rules import Chain, Channel, DeliveryState, EndpointState
from shared.errors import Conflict, Fault, Invalid, NotFound, Refusal
from shared.runtime import Runtime

ASKED_AT_ONCE = 16
ASKING = 0.8
"""Seconds from the start of a read after which no answer of the gate is waited for."""
HELD = 1.0
"""Seconds from the start of a read until its answer leaves, where there is a gate."""

_WAIT = Permit(Verdict.WAIT)
_Entry = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Door:
    """What a service says of its feeds: what permits a read, and what follows where nobody acknowledges.

    `asks` says whose reads ask the gate; those of others open nothing that has one, and are not held.
    """

    gate: Gate | None
    chains: Mapping[str, Chain]
    asks: Callable[[Caller], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader asks for."""

    endpoint_id: str | None
    after: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class _Look:
    """Where a read stands: the endpoint, behind which place, how many, and when the answer leaves."""

    receiver: Endpoint
    after: int
    limit: int
    leaves: float
    chains: Mapping[str, Chain]

    async def shown(self, session: AsyncSession) -> list[_Entry]:
        return await store.shown(session, self.receiver.id, self.receiver.channel, self.after, self.limit)


async def read(runtime: Runtime, door: Door, caller: Caller, wish: Wish, later: BackgroundTasks) -> FeedOut:
    """Return a piece of a feed. Opens its units of work itself."""
    gate = door.gate if door.asks(caller) else None
    started = asyncio.get_running_loop().time()
    async with runtime.database.work(write=False) as session:
        receiver = await _receiver(session, caller, wish.endpoint_id, "/query/endpoint_id")
        cursors = Cursors.of(runtime.cursor_key, runtime.settings.service, receiver)
        after = 0 if wish.after is None else cursors.position_of(wish.after)
        look = _Look(receiver, after, wish.limit, started + (HELD if gate else 0), door.chains)
        entries = await look.shown(session)
        looks = receiver.channel is Channel.PULL and receiver.state is EndpointState.ACTIVE
        room = look.limit - len(entries) if looks else 0
        free = await store.free(session, receiver.id, room) if room else []
        gated = await store.gated(session, receiver.id, clock.now()) if room and gate else []
    if room:
        permits = await _ask(gate, gated, room, started + ASKING)
        if free or _permitted(permits, look.leaves):
            async with runtime.database.work() as session:
                entries = await _open(session, look, permits)
        if withheld := {key: each.verdict for key, each in permits.items() if each.verdict is not Verdict.OPEN}:
            later.add_task(_withhold, runtime.database, receiver.id, withheld)
        await _until(look.leaves)
    return _feed(cursors, entries, wish.after)


async def _receiver(
    session: AsyncSession, caller: Caller, endpoint_id: str | None, pointer: str, *, lock: bool = False
) -> Endpoint:
    """Return the endpoint that is meant. Raises NotFound, or Invalid where it must be named."""
    found = await store.endpoints(session, caller, endpoint_id, lock)
    if len(found) == 1:
        return found[0]
    if endpoint_id is not None:
        raise NotFound
    detail = "You have more than one endpoint: name it." if found else "You have no endpoint: register one."
    raise Invalid(detail, faults=[Fault(pointer, "missing")])


# -- what is new -----------------------------------------------------------------------------------


async def _ask(gate: Gate | None, gated: Sequence[Row], wanted: int, deadline: float) -> dict[str, Permit]:
    """Ask about what has a gate, until as many are permitted as there is room. No answer means wait."""
    permits: dict[str, Permit] = {}
    waiting = iter(gated)

    async def ask(gate: Gate) -> None:
        for row in waiting:
            permits[row["id"]] = _WAIT
            permits[row["id"]] = await _answer(gate, row["gate"])
            if sum(each.verdict is Verdict.OPEN for each in permits.values()) >= wanted:
                return

    if gate is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline), asyncio.TaskGroup() as group:
                for _ in range(ASKED_AT_ONCE):
                    group.create_task(ask(gate))
    return permits


async def _answer(gate: Gate, name: str) -> Permit:
    try:
        return await gate(name)
    except Refusal:
        return _WAIT
    except Exception as error:  # a gate that breaks is shut
        telemetry.failed(error)
        return _WAIT


def _permitted(permits: Mapping[str, Permit], leaves: float) -> list[str]:
    """Return what may be shown in an answer that leaves then, or now if that is over."""
    last = max(leaves, asyncio.get_running_loop().time())
    return [
        key
        for key, permit in permits.items()
        if permit.verdict is Verdict.OPEN and (permit.until is None or permit.until > last)
    ]


async def _open(session: AsyncSession, look: _Look, permits: Mapping[str, Permit]) -> list[_Entry]:
    """Fix number, place and body of what has room in this answer. Returns all that the answer holds.

    Everything is looked at again under the lock: another reader may have been here meanwhile.
    """
    lane = (await engine.lock_lanes(session, [look.receiver.id]))[look.receiver.id]
    entries = await look.shown(session)
    room = look.limit - len(entries)
    if room <= 0 or lane["state"] is not EndpointState.ACTIVE:
        return entries
    gated = await store.permitted(session, lane["id"], _permitted(permits, look.leaves))
    picks = in_order([*await store.free(session, lane["id"], room), *gated])[:room]
    if not picks:
        return entries
    now = clock.now()
    numbers = await queue.numbers(session, picks)
    changes = [
        {
            "id": row["id"],
            "sequence": numbers[row["id"]],
            "position": place,
            "body": queue.body(row, lane["id"], lane["epoch"], numbers[row["id"]]),
            "first_sent_at": now,
            "next_step_at": now + chain[0].after if (chain := look.chains.get(row["type"])) else None,
            "attempts": 1,
        }
        for place, row in enumerate(picks, lane["position"] + 1)
    ]
    await engine.change_deliveries(session, changes)
    await engine.change_endpoints(session, [{"id": lane["id"], "position": changes[-1]["position"]}])
    return entries + [(change["position"], change["body"]) for change in changes]


def in_order(due: Sequence[Row]) -> list[Row]:
    """Return the oldest first, and every case by its own numbers, whatever the clocks of its writers said.

    An event is left out when the one before it (`before`) is not here: it must wait for that.
    """
    cases: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(due, key=lambda row: row["case_seq"]):
        whole = cases.setdefault((row["case_key"], row["origin"]), [])
        if row["before"] == (whole[-1]["case_seq"] if whole else None):
            whole.append(row)
    oldest = sorted(due, key=lambda row: (row["created_at"], row["id"]))
    turns = [cases[row["case_key"], row["origin"]] for row in oldest]
    return [whole.pop(0) for whole in turns if whole]


async def _withhold(database: Database, endpoint_id: str, verdicts: Mapping[str, Verdict]) -> None:
    """End what a gate is closed for, and let what waits rest. Runs after the answer; what fails is asked again."""
    try:
        async with database.work() as session:
            await engine.lock_lanes(session, [endpoint_id])
            keys = sorted(await store.still_unopened(session, endpoint_id, list(verdicts)))
            closed = [{"id": key, "state": DeliveryState.CANCELLED} for key in keys if verdicts[key] is Verdict.CLOSED]
            rest = clock.now() + rules.GATE_WAIT
            waiting = [{"id": key, "due_at": rest} for key in keys if verdicts[key] is Verdict.WAIT]
            await engine.change_deliveries(session, closed)
            await engine.change_deliveries(session, waiting)
    except Exception as error:  # the answer has left
        telemetry.failed(error)


async def _until(leaves: float) -> None:
    await asyncio.sleep(max(0.0, leaves - asyncio.get_running_loop().time()))


def _feed(cursors: Cursors, entries: Sequence[_Entry], after: str | None) -> FeedOut:
    items = [EventOut(**json.loads(body), cursor=cursors.at(place)) for place, body in entries]
    last = items[-1].cursor if items else after
    return FeedOut(items=items, next=last or cursors.at(0))


# -- what is safe ----------------------------------------------------------------------------------


async def acknowledge(session: AsyncSession, runtime: Runtime, caller: Caller, body: AcknowledgementIn) -> int:
    """Take it that a reader has everything up to a place. Returns how many events that newly concerns."""
    receiver = await _receiver(session, caller, body.endpoint_id, "/endpoint_id", lock=True)
    if receiver.channel is not Channel.PULL:
        raise Conflict("Events of a webhook are acknowledged by the 2xx of its answer.")
    through = Cursors.of(runtime.cursor_key, runtime.settings.service, receiver).position_of(body.through)
    now = clock.now()
    count = await store.acknowledge(session, receiver.id, through, now)
    if count:
        receiver.delivered += count
        receiver.last_success_at = now
        audit.wrote(session, caller, "acknowledge", "endpoint", receiver.id, through=through, acknowledged=count)
    return count
