"""Use cases: take a file of encounters in, batch by batch; say how far it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.bulk import rules, store
from services.intake.bulk.models import BulkBatch, BulkError, BulkLoad
from services.intake.bulk.rules import BATCH, MAX_ERRORS, LoadState
from services.intake.bulk.schemas import BulkLoadOut
from services.intake.children import service as children
from services.intake.children import store as child_store
from services.intake.children.models import Child
from services.intake.children.service import Opened
from services.intake.encounters import service as encounters
from services.intake.encounters import store as encounter_store
from services.intake.encounters.models import Encounter
from services.intake.encounters.schemas import EncounterIn
from shared import audit, clock, jsons, problems, telemetry
from shared.auth import Caller
from shared.bulk.insert import Case, insert_many
from shared.bulk.lines import BadLine, cells, header, lines
from shared.bulk.route import CSV, Upload
from shared.bulk.sqlite import Taken
from shared.bundle import row
from shared.errors import Fault, Invalid, NotFound, Refusal, Unavailable
from shared.runtime import Runtime

_TRIES = 5


@dataclass(slots=True)
class Entry:
    """One line: what it says, or why it is refused."""

    line: int
    body: EncounterIn | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Known:
    """What the database holds of what a batch names."""

    recorded: set[str]
    children: dict[str, Child]
    keys: dict[str, bytes]
    announcements: dict[str, Encounter]
    fresh: list[tuple[str, bytes]]


@dataclass(slots=True)
class _Result:
    """What a batch comes to."""

    cases: list[Case] = field(default_factory=list)
    recorded: int = 0
    known: int = 0
    refused: list[tuple[int, Refusal]] = field(default_factory=list)


async def load(runtime: Runtime, caller: Caller, upload: Upload) -> BulkLoadOut:
    """Take in every line that can be, each batch in a transaction of its own. Raises Invalid for a bad header."""
    begun = await _begin(runtime, caller, upload)
    telemetry.note(load=begun.id)
    writer = _Writer(runtime, caller, begun)
    batch: list[Entry] = []
    try:
        async for entry in _entries(upload):
            batch.append(entry)
            if len(batch) == BATCH:
                await writer.take(batch)
                batch = []
        if batch:
            await writer.take(batch)
    finally:
        await writer.end()
    async with runtime.database.work() as session:
        mine = await session.get_one(BulkLoad, begun.id)
        if mine.attempts == begun.attempts:
            mine.finished_at = clock.now()
        return await show(session, mine)


async def _begin(runtime: Runtime, caller: Caller, upload: Upload) -> BulkLoad:
    """Write down that an upload begins, or begins again."""
    load_id = f"blk_{upload.scope.hex()[:32]}"
    async with runtime.database.work() as session:
        found = await session.get(BulkLoad, load_id, with_for_update=True)
        if found is None:
            found = BulkLoad(
                id=load_id, agency=caller.agency, office=caller.office, client_id=caller.client_id,
                media_type=upload.media_type, attempts=0, started_at=clock.now(),
            )  # fmt: skip
            session.add(found)
        found.attempts += 1
        found.started_at, found.finished_at = clock.now(), None
        audit.wrote(session, caller, "load", "bulk_load", load_id, attempt=found.attempts)
        return found


async def _entries(upload: Upload) -> AsyncIterator[Entry]:
    """Yield the lines of an upload, read."""
    names: list[str] | None = None
    is_csv = upload.media_type == CSV
    async for number, line in lines(upload.chunks, quoted=is_csv):
        if isinstance(line, BadLine):
            yield Entry(number, refusal=_unreadable(line))
        elif is_csv and names is None:
            names = header(line, frozenset(rules.COLUMNS), rules.NEEDED)
        else:
            yield _read(number, line, names)


def _read(number: int, line: bytes, names: list[str] | None) -> Entry:
    try:
        text = line if names is None else _as_json(line, names)
        if names is None:  # what we wrote ourselves has no corners
            jsons.loads(text)
        body = EncounterIn.model_validate_json(text, strict=True)
    except BadLine as error:
        return Entry(number, refusal=_unreadable(error))
    except jsons.BadJson:
        return Entry(number, refusal=Refusal(code="malformed_json", faults=[Fault("", "not_json")]))
    except ValidationError as error:
        return Entry(number, refusal=Invalid(faults=_located(problems.faults(error), names)))
    if body.external_id is None:
        return Entry(number, refusal=Invalid(faults=[Fault("/external_id", "missing")]))
    return Entry(number, body)


def _as_json(line: bytes, names: list[str]) -> bytes:
    values = cells(line)
    if len(values) != len(names):
        raise BadLine("other_number_of_cells")
    return json.dumps(rules.from_cells(names, values), ensure_ascii=False).encode()


def _located(faults: list[Fault], names: list[str] | None) -> list[Fault]:
    return faults if names is None else [Fault(rules.column_of(each.pointer), each.reason) for each in faults]


def _unreadable(error: BadLine) -> Refusal:
    return Invalid(faults=[Fault("", str(error))])


class _Writer:
    """Writes batches in their order: one is written while the next one is read and built."""

    def __init__(self, runtime: Runtime, caller: Caller, begun: BulkLoad) -> None:
        self.runtime = runtime
        self.caller = caller
        self.begun = begun
        self.faults = 0
        self.writing: asyncio.Task[None] | None = None

    async def take(self, batch: list[Entry]) -> None:
        """Build what a batch writes, and write it once the one before it stands."""
        result = await _draft(self.runtime, self.caller, batch)
        await self.end()
        self.writing = asyncio.create_task(self._write(batch, result))

    async def end(self) -> None:
        """Wait until what was taken is written."""
        writing, self.writing = self.writing, None
        if writing is not None:
            await writing

    async def _write(self, batch: list[Entry], result: _Result) -> None:
        """Write one batch, with the row that says so."""
        for _ in range(_TRIES):
            faults = _faults(self.begun, result)[: MAX_ERRORS - self.faults]
            told = BulkBatch(
                load_id=self.begun.id, attempt=self.begun.attempts, last_line=batch[-1].line,
                recorded=result.recorded, known=result.known, refused=len(result.refused), at=clock.now(),
            )  # fmt: skip
            try:
                own: list[Case] = [(self.begun.id, [row(told), *map(row, faults)])]
                await insert_many(self.runtime.database, result.cases + own)
                self.faults += len(faults)
                return
            except Taken:  # somebody recorded one of these lines meanwhile, or the batch before did: now it is known
                result = await _draft(self.runtime, self.caller, batch)
        raise Unavailable("The same encounters are being recorded by somebody else.")


async def _draft(runtime: Runtime, caller: Caller, batch: list[Entry]) -> _Result:
    """Build what a batch writes. A line that cannot be is left out, and the rest goes on."""
    known = await _look(runtime, caller, [entry.body for entry in batch if entry.body is not None])
    result = _Result()
    for entry in batch:
        if entry.body is None:
            result.refused.append((entry.line, entry.refusal or Refusal()))
        elif entry.body.external_id in known.recorded:
            result.known += 1
        else:
            try:
                result.cases.append(_one(runtime, caller, entry.body, known))
            except Refusal as refusal:
                result.refused.append((entry.line, refusal))
            else:
                result.recorded += 1
                known.recorded.add(entry.body.external_id or "")
    return result


async def _look(runtime: Runtime, caller: Caller, bodies: list[EncounterIn]) -> _Known:
    """Read at once what the lines of a batch name."""
    keyring = children.keyring_of(runtime)
    own = [body.external_id for body in bodies if body.external_id is not None]
    async with runtime.database.work(write=False) as session:
        recorded = await encounter_store.recorded(session, caller.agency, own)
        new = [body for body in bodies if body.external_id not in recorded]
        named = {body.child_id for body in new if body.child_id is not None}
        met = await child_store.several(session, caller, named) if named else {}
        told = {body.announcement_id for body in new if body.announcement_id is not None}
        announcements = await encounter_store.several(session, caller, told) if told else {}
        for answered in await encounter_store.meetings(session, told):
            announcements.pop(answered, None)
    keys = await keyring.find(*(child.key_id for child in met.values())) if met else {}
    wanted = sum(body.child is not None for body in new)
    fresh = await keyring.several(wanted) if wanted else []
    return _Known(recorded, met, keys, announcements, fresh)


def _one(runtime: Runtime, caller: Caller, body: EncounterIn, known: _Known) -> Case:
    endpoint = encounters.vet(runtime, caller, body)
    child = _child(caller, body, known)
    if body.announcement_id is not None:
        encounters.answers(known.announcements.get(body.announcement_id), child.child.id)
    rows = encounters.draft(runtime, caller, body, child, endpoint).rows
    known.announcements.pop(body.announcement_id or "", None)  # one meeting answers it
    return child.child.id, rows


def _child(caller: Caller, body: EncounterIn, known: _Known) -> Opened:
    if body.child is not None:
        return children.made(known.fresh.pop(), caller, body.place.state, body.child)
    found = known.children.get(body.child_id or "")
    if found is None:
        raise NotFound
    return children.unlocked(found, known.keys)


def _faults(begun: BulkLoad, result: _Result) -> list[BulkError]:
    return [
        _fault(begun, line, nth, refusal, fault)
        for line, refusal in result.refused
        for nth, fault in enumerate(refusal.faults[:5] or [Fault("", refusal.code)])
    ]


def _fault(begun: BulkLoad, line: int, nth: int, refusal: Refusal, fault: Fault) -> BulkError:
    return BulkError(
        load_id=begun.id,
        attempt=begun.attempts,
        id=f"{line:010d}.{nth}",
        line=line,
        code=refusal.code,
        pointer=fault.pointer,
        reason=fault.reason,
        rule=refusal.law.rule if refusal.law else None,
    )


async def get(session: AsyncSession, caller: Caller, load_id: str) -> BulkLoad:
    """Return an upload that the caller may read. Raises NotFound."""
    found = await store.get(session, caller, load_id)
    if found is None:
        raise NotFound
    return found


async def show(session: AsyncSession, found: BulkLoad) -> BulkLoadOut:
    """Return how far an upload is."""
    last_line, recorded, known, refused = await store.counts(session, found)
    return BulkLoadOut(
        id=found.id,
        state=LoadState.RUNNING if found.finished_at is None else LoadState.FINISHED,
        attempts=found.attempts,
        started_at=found.started_at,
        finished_at=found.finished_at,
        last_line=last_line,
        recorded=recorded,
        known=known,
        refused=refused,
    )
