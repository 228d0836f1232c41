"""Use cases of the mapping: what is in force, a new row, and what a new row would do before it is one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import rules, store
from services.referral.interop.models import MappingRow
from services.referral.interop.quarantine import understood
from services.referral.interop.rules import Book, MapList, System
from services.referral.interop.schemas import MappingBook, MappingIn, MappingOut, TrialChange, TrialOut, TrialOutward
from services.referral.interop.shelf import book, row_of
from services.referral.interop.table import VALID_FROM, shipped
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Fault, Invalid

TRAFFIC = timedelta(days=30)
MOST = 10_000


async def published(session: AsyncSession, system: System | None, of: MapList | None) -> MappingBook:
    """Return the rows in force, of one system and list if they are named."""
    added = await store.rows(session)
    today = await book(session)
    shown = [
        MappingOut.of(row, lossy=lossy)
        for row, lossy in today.standing()
        if system in (None, row.system) and of in (None, row.list)
    ]
    return MappingBook(version=f"{VALID_FROM.isoformat()}.{len(added)}", items=shown)


async def add(session: AsyncSession, caller: Caller, body: MappingIn) -> MappingOut:
    """Add a row. Raises Invalid."""
    made = _made(caller, body)
    _must_fit([made], "")
    session.add(made)
    audit.wrote(session, caller, "add", "interop_mapping", made.id, system=made.system.value, list=made.list.value)
    await session.flush()
    row = row_of(made)
    lossy = row.ours is not None and (await book(session)).lossy(row.system, row.list, row.ours)
    return MappingOut.of(row, lossy=lossy)


def _made(caller: Caller, body: MappingIn) -> MappingRow:
    today = clock.now().date()
    return MappingRow(
        id=ids.new("map"), added_by=caller.agency, added_at=clock.now(), valid_from=body.valid_from or today,
        **body.model_dump(exclude={"valid_from"}),
    )  # fmt: skip


def _must_fit(made: Iterable[MappingRow], place: str) -> None:
    found = [
        Fault((f"{place}/{number}" if place else "") + f"/{name}", reason)
        for number, each in enumerate(made)
        for name, reason in rules.faults(row_of(each))
    ]
    if found:
        raise Invalid("The row does not fit.", faults=found)


async def tried(session: AsyncSession, vault: Vault, caller: Caller, bodies: Sequence[MappingIn]) -> TrialOut:
    """Say what rows would do to what waits and to the last month's messages; write nothing. Raises Invalid."""
    made = [_made(caller, body) for body in bodies]
    _must_fit(made, "/rows")
    today = clock.now().date()
    before = await book(session)
    now = [row for row in map(row_of, made) if row.valid_from > today]  # tried as if its day had come
    rows = [*shipped(), *map(row_of, await store.rows(session)), *map(row_of, made)]
    after = Book(rows, max([today, *(row.valid_from for row in now)]))
    waiting = await store.waiting(session, MOST)
    since = clock.now() - TRAFFIC
    traffic = await store.traffic(session, since, MOST)
    clear = [understood(vault, after, each) for each in waiting]
    return TrialOut(
        waiting=len(waiting), understood=sum(clear), examined=len(traffic), since=since,
        inward=_inward(before, after, traffic), outward=list(_outward(before, after)),
    )  # fmt: skip


def _inward(before: Book, after: Book, traffic: Iterable[dict[str, Any]]) -> list[TrialChange]:
    """Count the words of messages that would mean something else. What our exact code says counts as before."""
    seen: Counter[tuple[System, MapList, str]] = Counter()
    for each in traffic:
        for of, word in each["theirs"].items():
            seen[each["system"], MapList(of), word] += 1
    return [
        TrialChange(system=system, list=of, theirs=word, before=was, after=becomes, messages=messages)
        for (system, of, word), messages in sorted(seen.items())
        if (was := before.inward(system, of, word)) != (becomes := after.inward(system, of, word))
    ]


def _outward(before: Book, after: Book) -> Iterable[TrialOutward]:
    said = {(row.system, row.list, row.ours) for row in (*before.rows, *after.rows) if row.ours is not None}
    for system, of, ours in sorted(said):
        was, becomes = before.outward(system, of, ours), after.outward(system, of, ours)
        lossy = after.lossy(system, of, ours)
        if was != becomes or lossy != before.lossy(system, of, ours):
            yield TrialOutward(system=system, list=of, ours=ours, before=was, after=becomes, lossy=lossy)
