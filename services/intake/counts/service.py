"""Use cases: count what waits, take in returns, say how many there are over some months.

An encounter's own transaction does nothing for the tables: its row says by an empty `counted_at` that it waits, and one
worker at a time counts what waits. That is exact whoever writes (an older release, too), in whatever order transactions
commit, and a worker that is killed leaves nothing half counted. Emptying `counted_at` has an event counted anew. Links
and unlinks of children are looked for every minute, by comparing: whoever links needs to know nothing of this.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.counts import rules, store
from services.intake.counts.models import Return
from services.intake.counts.rules import Counted, Tally
from services.intake.counts.store import Pending, Sums
from shared import clock
from shared.db import Database
from shared.events import ReturnCompleted
from shared.inbox import Message
from shared.zones import local_day

BATCH = 1000
RELINKS = timedelta(minutes=1)
AT_ONCE = 200
"""So many events that wait are counted by a reader itself, for this one answer."""


async def turn(database: Database) -> int:
    """Count some of what waits. Returns how many events that was; 0 also while another worker counts."""
    async with database.work(write=False) as session:
        if not await store.waits(session):
            return 0
    async with database.work() as session:
        if not await store.alone(session):
            return 0
        waiting = await store.pending(session, BATCH, lock=True)
        await count(session, waiting)
        await store.mark_counted(session, list(waiting), clock.now())
    return len(waiting)


class Relinks:
    """The worker's turn that counts persons anew after children were linked or parted."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._next: datetime | None = None

    async def turn(self) -> int:
        """Look once a minute, or at once after having found something. Returns how many events it counted anew."""
        now = clock.now()
        if self._next is not None and now < self._next:
            return 0
        found = await relink(self.database)
        self._next = None if found else now + RELINKS
        return found


async def relink(database: Database) -> int:
    """Count some of what is counted as somebody else. Returns how many events that was."""
    async with database.work(write=False) as session:
        if not await store.relinked(session, 1):
            return 0
    async with database.work() as session:
        if not await store.alone(session):
            return 0
        found = await store.relinked(session, BATCH)
        await count(session, dict(found))
    return len(found)


async def count(session: AsyncSession, waiting: Pending) -> None:
    """Count events, in the caller's transaction, which counts alone."""
    changed, gone, changes = await _changes(session, waiting)
    await store.write(session, changed, gone)
    await store.add(session, changes)


async def _changes(session: AsyncSession, waiting: Pending) -> tuple[list[Counted], set[str], Mapping[Tally, int]]:
    """Return what the ledger gets, what it loses, and by how much the sums change.

    Persons are counted whole: all events of everybody whom this touches are looked at before and after. So a late
    record, a link and an unlink need no case of their own.
    """
    fresh = {each.id: each for each in waiting.values() if each is not None}
    before = await store.ledger(session, "id", waiting)
    person = await store.persons(session, {each.child_id for each in fresh.values()})
    missing = {each.person_id for each in before.values()} | set(person.values())
    known: set[str] = set()
    while missing:
        before |= await store.ledger(session, "person_id", missing)
        known |= missing
        person |= await store.persons(session, {each.child_id for each in before.values()} - person.keys())
        missing = set(person.values()) - known
    after = {**before, **{name: _again(each, before.get(name)) for name, each in fresh.items()}}
    gone = {name for name, each in waiting.items() if each is None} & before.keys()
    after = {n: replace(each, person_id=person[each.child_id]) for n, each in after.items() if n not in gone}
    changed = [each for name, each in after.items() if before.get(name) != each]
    return changed, gone, rules.difference(before.values(), after.values())


def _again(fresh: Counted, known: Counted | None) -> Counted:
    """Return an event with the moment since when it has counted like this."""
    if known is None or replace(fresh, since=known.since, person_id=known.person_id) != known:
        return fresh
    return known


async def figures(session: AsyncSession, name: str, first: int, last: int, *, by_month: bool) -> tuple[Sums, bool]:
    """Return the sums of a measure over months, and whether that is all.

    What has been recorded and waits is counted with it, for this answer alone, unless there is too much of it.
    """
    found = await store.sums(session, name, first, last, by_month=by_month)
    waiting = await store.pending(session, AT_ONCE, lock=False)
    if waiting:
        _, _, changes = await _changes(session, waiting)
        for (measure, month, cell, previous), events in changes.items():
            if measure == name and first <= month <= last:
                key = (month if by_month else 0, cell)
                known = found.get(key, (0, 0))
                new = events if previous < (month if by_month else first) else 0
                found[key] = (known[0] + events, known[1] + new)
    return {key: sums for key, sums in found.items() if sums[0]}, len(waiting) < AT_ONCE


async def returned(session: AsyncSession, message: Message) -> None:
    """Take in that a child was returned, once. What referral does not know is taken from the last encounter."""
    fact = ReturnCompleted.model_validate(message.data)
    if await session.get(Return, fact.return_id) is not None:
        return
    last = await store.last_encounter(session, fact.child_id, fact.completed_at)
    session.add(
        Return(
            id=fact.return_id,
            child_id=fact.child_id,
            day=local_day(fact.completed_at, fact.state),
            state=fact.state,
            nationality=fact.nationality or (last.nationality if last else None),
            age_group=fact.age_group or (last.age_group if last else None),
            travel_condition=fact.travel_condition or (last.travel_condition if last else None),
            sex=last.sex if last else None,
            received_at=clock.now(),
        )
    )
