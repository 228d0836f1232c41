"""Use cases of letters: owe one, print it under a permit, record that it was handed over, drop what is not needed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import service as directory
from services.consular.letters import paper, rules, store
from services.consular.letters.models import Letter
from services.consular.letters.rules import C3, C4, LETTER, R16, LetterAction, LetterKind, LetterStatus
from services.consular.letters.schemas import LetterOut, LetterSentIn
from shared import audit, clock, ids, telemetry
from shared.auth import Caller
from shared.clocks import copies
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.rules import ClockState
from shared.delivery.parcels import Gate, Permit, Verdict
from shared.errors import Fault, Invalid, NotFound, Refusal
from shared.runtime import Runtime

SENT = Counter("ruta_letters_sent", "Letters that were handed over, by whether in time", ["in_time"])
"""What is owed, or was refused to print, counts nowhere: that is nobody's business but the guard's."""

_SEND = 0.1
"""Seconds of a permit that are kept for the answer itself."""


async def owe(
    session: AsyncSession,
    content: dict[str, Any],
    *,
    release_id: str,
    consulate_id: str,
    kind: LetterKind = LetterKind.NOTICE,
) -> Letter:
    """Owe a letter to a post; once of each kind. `content` is what the notice says: id, state, offices and all."""
    notice_id = content["notice_id"]
    former = await store.same(session, notice_id, consulate_id, kind)
    if former is not None:
        return former
    letter = Letter(
        id=ids.opaque("ltr"), notice_id=notice_id, release_id=release_id, state=content["state"],
        consulate_id=consulate_id, kind=kind, status=LetterStatus.TO_SEND, content=content, owed_at=clock.now(),
    )  # fmt: skip
    session.add(letter)
    owed = clocks.started(C3, case=release_id, resource_id=letter.id, agency=content["pp"]["id"], follower="referral")
    session.add(owed)
    await copies.moved(session, owed)
    return letter


async def drop(session: AsyncSession, notice_id: str) -> None:
    """Take back what is still to be sent about a notice: it is not needed any more."""
    for letter in await store.pending(session, notice_id):
        letter.status = LetterStatus.DROPPED
        running = await clock_store.find(session, C3.id, letter.id)
        if running is not None and running.state in (ClockState.RUNNING, ClockState.BREACHED):
            await clocks.drop(session, running)


async def find(session: AsyncSession, caller: Caller, letter_id: str, *, lock: bool = False) -> Letter:
    """Return a letter that the caller may read. Raises NotFound."""
    found = await store.find(session, caller, letter_id, lock=lock)
    if found is None:
        raise NotFound
    return found


# -- printing: the moment that the gate is asked for -----------------------------------------------------


async def printed(runtime: Runtime, gate: Gate, caller: Caller, letter_id: str) -> bytes:
    """Return a letter on paper, under a permit that still holds when the answer leaves.

    Opens its units of work itself: none is open while referral is asked. A gate that waits and one that is closed
    refuse in the same words (R16). Raises NotFound, IllegalMove, RefusedByLaw.
    """
    async with runtime.database.work(write=False) as session:
        letter = await find(session, caller, letter_id)
        rules.advance(letter.status, LetterAction.PRINT, caller.agency_kind)
        post = await directory.post(session, letter.consulate_id)
    now = clock.now()
    made = await asyncio.to_thread(paper.pdf, letter, post, now)
    permit = await _ask(gate, letter.release_id)
    async with runtime.database.work() as session:
        if not _holds(permit):
            raise _refusal()
        letter = await find(session, caller, letter_id, lock=True)
        rules.advance(letter.status, LetterAction.PRINT, caller.agency_kind)
        letter.printed = [*letter.printed, now.isoformat()]
        audit.wrote(session, caller, LetterAction.PRINT.value, "letter", letter.id)
    if not _holds(permit):
        raise _refusal()
    return made


async def _ask(gate: Gate, release_id: str) -> Permit:
    try:
        return await gate(release_id)
    except Refusal:
        return Permit(Verdict.WAIT)
    except Exception as error:  # a gate that breaks is shut
        telemetry.failed(error)
        return Permit(Verdict.WAIT)


def _holds(permit: Permit) -> bool:
    if permit.verdict is not Verdict.OPEN:
        return False
    return permit.until is None or asyncio.get_running_loop().time() < permit.until - _SEND


def _refusal() -> Refusal:
    return R16.refuse("This letter is not permitted to leave now.", allowed_actions=[LetterAction.PRINT.value])


# -- what was done ---------------------------------------------------------------------------------------


async def record(session: AsyncSession, caller: Caller, letter_id: str, body: LetterSentIn) -> Letter:
    """Record that a letter was handed over. Raises NotFound, IllegalMove, RefusedByLaw (LETTER), Invalid.

    What was done is recorded even if it came too late after the printing; then it says so.
    """
    letter = await find(session, caller, letter_id, lock=True)
    status = rules.advance(letter.status, LetterAction.RECORD, caller.agency_kind)
    moments = [datetime.fromisoformat(each) for each in letter.printed]
    if not moments:
        raise LETTER.refuse(
            "It was not printed here: only the printing asks the guard.", allowed_actions=[LetterAction.PRINT.value]
        )
    if body.sent_at < rules.minute(moments[0]):
        raise Invalid("It was handed over before it was printed.", faults=[Fault("/sent_at", "before_it_was_printed")])
    letter.status, letter.sent_at, letter.sent_by = status, body.sent_at, body.officer
    letter.how, letter.evidence = body.how, body.evidence
    letter.in_time = rules.in_time(body.sent_at, moments)
    letter.recorded_at, letter.recorded_by = clock.now(), caller.agency
    await clocks.meet(session, C3.id, letter.id, body.sent_at)
    if await clock_store.find(session, C4.id, letter.notice_id) is None:
        started = clocks.started(
            C4, case=letter.release_id, resource_id=letter.notice_id, agency=letter.consulate_id, at=body.sent_at
        )
        session.add(started)
    audit.wrote(session, caller, LetterAction.RECORD.value, "letter", letter.id, how=body.how.value)
    SENT.labels(str(letter.in_time).lower()).inc()
    if not letter.in_time:
        telemetry.say("warning", "letter_late", letter=letter.id)
    return letter


def show(caller: Caller, letter: Letter) -> LetterOut:
    """Return a letter as those who send it see it."""
    shown = letter.model_dump(include=set(LetterOut.model_fields))
    return LetterOut(**shown, allowed_actions=rules.allowed_actions(letter.status, caller.agency_kind))


async def of_notices(session: AsyncSession, notice_ids: Sequence[str]) -> Sequence[Letter]:
    """Return the letters of notices that the caller may read, oldest first."""
    return await store.of_notices(session, notice_ids)
