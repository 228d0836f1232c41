"""What was committed, what receivers saw, and whether the two agree."""

from dataclasses import dataclass, field

from sqlmodel import col, select

from shared.db import Database
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import DeliveryState


@dataclass(frozen=True, slots=True)
class Seen:
    """One message that a receiver read to its end, and how it answered."""

    endpoint: int
    kind: str
    event_id: str
    case: str
    sequence: int
    accepted: bool
    first: bool
    at: float
    published: float
    rolled_back: bool
    digest: bytes


@dataclass(slots=True)
class Facts:
    """What the database holds: events, to whom each was owed in which order, and what is not done."""

    events: dict[str, str] = field(default_factory=dict)
    owed: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    undone: list[tuple[str, int]] = field(default_factory=list)


async def committed(url: str) -> Facts:
    """Read the database."""
    facts, database = Facts(), Database(url)
    statement = (
        select(Event.id, Event.case_key, Endpoint.owner, Delivery.state)
        .join(Delivery, col(Delivery.event_id) == col(Event.id))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .order_by(col(Event.case_key), col(Event.case_seq))
    )
    async with database.work(write=False) as session:
        for event_id, case, owner, state in (await session.exec(statement)).all():
            place = int(owner.removeprefix("agency-"))
            facts.events[event_id] = case
            facts.owed.setdefault((place, case), []).append(event_id)
            if state is not DeliveryState.DELIVERED:
                facts.undone.append((event_id, place))
    await database.close()
    return facts


def check(facts: Facts, history: list[Seen], dead: set[int]) -> list[str]:
    """Return every disagreement, in words. None means: nothing lost, invented, out of order or changed."""
    faults = [f"{each.event_id} was rolled back, and arrived" for each in history if each.rolled_back]
    faults += [f"{each.event_id} is unknown" for each in history if each.event_id not in facts.events]
    accepted: dict[tuple[int, str], list[str]] = {}
    sequences: dict[tuple[int, str], list[int]] = {}
    digests: dict[tuple[int, str], bytes] = {}
    for each in history:
        if digests.setdefault((each.endpoint, each.event_id), each.digest) != each.digest:
            faults.append(f"{each.event_id} came with other bytes to {each.endpoint}")
        lane = accepted.setdefault((each.endpoint, each.case), [])
        if each.accepted and each.event_id not in lane:
            lane.append(each.event_id)
            sequences.setdefault((each.endpoint, each.case), []).append(each.sequence)
    for (place, case), wanted in facts.owed.items():
        got = accepted.get((place, case), [])
        if place in dead:
            continue
        if missing := set(wanted) - set(got):
            faults.append(f"{len(missing)} of {case} never reached {place}")
        elif got != wanted:
            faults.append(f"{case} is out of order at {place}")
        numbers = sequences.get((place, case), [])
        if numbers != list(range(1, len(numbers) + 1)):
            faults.append(f"the numbers of {case} at {place} have a gap")
    return faults
