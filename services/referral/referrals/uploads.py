"""Many referrals at once: a file, line by line, each batch in a transaction of its own, safe to send again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.referrals import service, store
from services.referral.referrals.models import ReferralLoad, ReferralLoadError
from services.referral.referrals.schemas import ReferralIn, ReferralLoadOut
from shared import audit, clock, jsons, problems, telemetry
from shared.auth import Caller
from shared.bulk.lines import BadLine, lines
from shared.bulk.route import NDJSON, Upload
from shared.errors import Fault, Invalid, NotFound, Refusal
from shared.runtime import Runtime

BATCH = 50
"""Lines of one transaction. Each line locks its case, so that a batch is short."""

MAX_ERRORS = 10_000
"""Of one upload, kept with their places. Beyond it lines are still counted."""


@dataclass(slots=True)
class _Entry:
    """One line: what it says, or why it is refused."""

    line: int
    body: ReferralIn | None = None
    refusal: Refusal | None = None


async def load(runtime: Runtime, caller: Caller, upload: Upload) -> ReferralLoadOut:
    """Open a referral for every line that can be. A line that is refused leaves the others alone."""
    if upload.media_type != NDJSON:
        raise Refusal(f"Send {NDJSON}.", code="unsupported_media_type")
    begun = await _begin(runtime, caller, upload)
    telemetry.note(load=begun.id)
    batch: list[_Entry] = []
    async for entry in _entries(upload):
        batch.append(entry)
        if len(batch) == BATCH:
            await _take(runtime, caller, begun, batch)
            batch = []
    if batch:
        await _take(runtime, caller, begun, batch)
    async with runtime.database.work() as session:
        mine = await session.get_one(ReferralLoad, begun.id)
        if mine.attempts == begun.attempts:
            mine.finished_at = clock.now()
        return ReferralLoadOut.model_validate(mine)


async def _begin(runtime: Runtime, caller: Caller, upload: Upload) -> ReferralLoad:
    """Write down that an upload begins, or begins again."""
    load_id = f"rlo_{upload.scope.hex()[:32]}"
    async with runtime.database.work() as session:
        found = await session.get(ReferralLoad, load_id, with_for_update=True)
        if found is None:
            found = ReferralLoad(
                id=load_id, agency=caller.agency, client_id=caller.client_id, attempts=0, started_at=clock.now()
            )
            session.add(found)
        found.attempts += 1
        found.last_line = found.opened = found.known = found.refused = 0
        found.started_at, found.finished_at = clock.now(), None
        audit.wrote(session, caller, "load", "referral_load", load_id, attempt=found.attempts)
        return found


async def _entries(upload: Upload) -> AsyncIterator[_Entry]:
    async for number, line in lines(upload.chunks):
        yield _Entry(number, refusal=_unreadable(line)) if isinstance(line, BadLine) else _read(number, line)


def _unreadable(error: BadLine) -> Refusal:
    return Invalid(faults=[Fault("", str(error))])


def _read(number: int, line: bytes) -> _Entry:
    try:
        jsons.loads(line)
        body = ReferralIn.model_validate_json(line, strict=True)
    except jsons.BadJson:
        return _Entry(number, refusal=Refusal(code="malformed_json", faults=[Fault("", "not_json")]))
    except ValidationError as error:
        return _Entry(number, refusal=Invalid(faults=problems.faults(error)))
    if body.external_id is None:
        return _Entry(number, refusal=Invalid(faults=[Fault("/external_id", "missing")]))
    if body.parent_id is not None:  # it would be locked after another line's case: two orders would deadlock
        return _Entry(number, refusal=Invalid(faults=[Fault("/parent_id", "unfit")]))
    return _Entry(number, body)


async def _take(runtime: Runtime, caller: Caller, begun: ReferralLoad, batch: list[_Entry]) -> None:
    """Write one batch, with the row that says so. Cases are locked in one order for everybody."""
    read = [entry for entry in batch if entry.body is not None]
    read.sort(key=lambda entry: (entry.body.case_id, entry.line) if entry.body else ("", 0))
    async with runtime.database.work() as session:
        mine = await session.get_one(ReferralLoad, begun.id, with_for_update=True)
        external = [entry.body.external_id or "" for entry in read if entry.body]
        known = await store.known(session, caller.agency, external)
        for entry in read:
            assert entry.body is not None
            if entry.body.external_id in known:
                mine.known += 1
                continue
            entry.refusal = await _open(runtime, session, caller, entry.body)
            if isinstance(entry.refusal, service.SentBefore):  # by a rival, a moment ago
                entry.refusal = None
                mine.known += 1
            elif entry.refusal is None:
                mine.opened += 1
                known.add(entry.body.external_id or "")
        await _tell(session, mine, [entry for entry in batch if entry.refusal is not None])
        mine.last_line = max(mine.last_line, batch[-1].line)


async def _open(runtime: Runtime, session: AsyncSession, caller: Caller, body: ReferralIn) -> Refusal | None:
    try:
        async with session.begin_nested():
            await service.request_service(session, runtime.vault, caller, body)
    except Refusal as refusal:
        return refusal
    return None


async def _tell(session: AsyncSession, mine: ReferralLoad, refused: list[_Entry]) -> None:
    mine.refused += len(refused)
    faults = [row for entry in refused for row in _faults(mine, entry)]
    session.add_all(faults[: max(0, MAX_ERRORS - await store.errors_kept(session, mine))])


def _faults(mine: ReferralLoad, entry: _Entry) -> list[ReferralLoadError]:
    refusal = entry.refusal or Refusal()
    return [
        ReferralLoadError(
            load_id=mine.id, attempt=mine.attempts, id=f"{entry.line:010d}.{nth}", line=entry.line, code=refusal.code,
            pointer=fault.pointer, reason=fault.reason, rule=refusal.law.rule if refusal.law else None,
        )
        for nth, fault in enumerate(refusal.faults[:5] or [Fault("", refusal.code)])
    ]  # fmt: skip


async def show(session: AsyncSession, caller: Caller, load_id: str) -> ReferralLoad:
    """Return an upload that the caller may read. Raises NotFound."""
    found = await store.load(session, caller, load_id)
    if found is None:
        raise NotFound
    return found
