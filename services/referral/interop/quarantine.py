"""What was not understood: kept sealed, shown to who sent it, counted for who looks after the mapping."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import fhir, primero, progres, rules, store
from services.referral.interop.models import Quarantined
from services.referral.interop.rules import Book, Door, MapList, Told, Unknown
from services.referral.interop.schemas import QuarantineOut, QuarantineRead, UnknownCode, WaitingCode, WaitingCodes
from services.referral.interop.shelf import book
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.db import Database
from shared.errors import Conflict, IllegalMove, NotFound

PLACE = "interop_quarantine"
MOST = 1_000
"""Messages of one agency that may wait at a time."""
LASTS = timedelta(days=90)
"""How long one waits [design]: then its content is let go."""


_EVERY = timedelta(hours=1)


def parse(door: Door, body: bytes) -> Told:
    """Return what a message that was kept says."""
    if door is Door.PRIMERO:
        return primero.again(body)[0]
    return progres.again(body)[0] if door is Door.PROGRES else fhir.again(door, body)[0]


async def keep(
    session: AsyncSession, vault: Vault, caller: Caller, told: Told, body: bytes, *, opens: bool
) -> Quarantined:
    """Keep a message until the mapping knows its words; the same one again stays one row. Raises Conflict."""
    now = clock.now()
    found = await store.same_message(session, caller, told.door.system, told.partner_id, told.version)
    if found is None or found.state != store.WAITING:
        if await store.count_waiting(session, caller) >= MOST:
            raise Conflict(f"{MOST} messages of yours wait: settle some first.", allowed_actions=["discard"])
    if found is None:
        found = Quarantined(
            id=ids.new("qua"), agency=caller.agency, door=told.door, system=told.door.system,
            partner_id=told.partner_id, partner_version=told.version, state=store.WAITING, opens=opens, received_at=now,
        )  # fmt: skip
        try:
            async with session.begin_nested():
                session.add(found)
        except IntegrityError:  # a rival kept it a moment ago
            found = await store.same_message(session, caller, told.door.system, told.partner_id, told.version)
            if found is None:
                raise
    found.state, found.settled_at, found.opens, found.door = store.WAITING, None, opens, told.door
    found.sealed_body = vault.seal(body, PLACE, found.id)
    await session.flush()
    audit.wrote(session, caller, "quarantine", PLACE, found.id, door=told.door.value)
    return found


async def settle(session: AsyncSession, caller: Caller, told: Told, referral_id: str) -> None:
    """Note that a message has taken effect, if it ever waited."""
    found = await store.same_message(session, caller, told.door.system, told.partner_id, told.version)
    if found is not None and found.state == store.WAITING:
        _end(session, caller, found, "replayed")
        found.referral_id = referral_id


def _end(session: AsyncSession, caller: Caller, found: Quarantined, state: str) -> None:
    found.state, found.settled_at, found.sealed_body = state, clock.now(), None
    audit.wrote(session, caller, state, PLACE, found.id)


async def find(session: AsyncSession, caller: Caller, quarantine_id: str) -> Quarantined:
    """Return a message of the caller's own that was not understood. Raises NotFound."""
    found = await store.quarantined(session, caller, quarantine_id)
    if found is None:
        raise NotFound
    return found


async def discard(session: AsyncSession, caller: Caller, quarantine_id: str) -> QuarantineOut:
    """Let go of a message that waits. Raises NotFound, IllegalMove."""
    found = await find(session, caller, quarantine_id)
    opened(found)
    _end(session, caller, found, "discarded")
    return show(found)


def opened(found: Quarantined) -> bytes:
    """Return the sealed content of a message that waits. Raises IllegalMove."""
    if found.state != store.WAITING or found.sealed_body is None:
        raise IllegalMove("It no longer waits.", allowed_actions=[])
    return found.sealed_body


def show(found: Quarantined) -> QuarantineOut:
    """Show a message in a list: that it waits, and not for what."""
    return QuarantineOut.model_validate(_shown(found))


def _shown(found: Quarantined) -> dict[str, object]:
    names = QuarantineOut.model_fields.keys() - {"allowed_actions"}
    actions = ["replay", "discard"] if found.state == store.WAITING else []
    return {name: getattr(found, name) for name in names} | {"allowed_actions": actions}


async def read(session: AsyncSession, vault: Vault, caller: Caller, quarantine_id: str) -> QuarantineRead:
    """Show a message to who sent it, with what is not understood of it now. Raises NotFound."""
    found = await find(session, caller, quarantine_id)
    unknown = _unknown(vault, await book(session), found)
    words = [UnknownCode(pointer=each.pointer, list=each.list, code=each.code) for each in unknown]
    return QuarantineRead.model_validate(_shown(found) | {"unknown": words})


def _unknown(vault: Vault, of_today: Book, found: Quarantined) -> Sequence[Unknown]:
    if found.sealed_body is None:
        return ()
    told = parse(found.door, vault.open(found.sealed_body, PLACE, found.id))
    return rules.resolve(of_today, told, opens=found.opens).unknown


def understood(vault: Vault, of_then: Book, found: Quarantined) -> bool:
    """Whether a message that waits would be understood by a book."""
    return not _unknown(vault, of_then, found)


async def unknown(session: AsyncSession, vault: Vault, found: Quarantined) -> Sequence[Unknown]:
    """Return the words of a message that waits which the mapping of today lacks."""
    return _unknown(vault, await book(session), found)


async def waiting_codes(session: AsyncSession, vault: Vault, caller: Caller) -> WaitingCodes:
    """Count the words for which messages wait, for who looks after the mapping. It opens them, and shows none."""
    of_today = await book(session)
    seen: dict[tuple[str, str, str], list[str]] = {}
    for found in await store.waiting(session, 10 * MOST):
        for each in _unknown(vault, of_today, found):
            spoken = found.door is Door.PRIMERO and each.list is MapList.DECLINE_REASON
            seen.setdefault((found.system, each.list, "" if spoken else each.code), []).append(found.agency)
    items = [
        WaitingCode.model_validate(
            {"system": system, "list": of, "code": code or None, "agencies": sorted(set(who)), "messages": len(who)}
        )
        for (system, of, code), who in sorted(seen.items(), key=lambda each: (-len(each[1]), each[0]))
    ]
    audit.wrote(session, caller, "count", PLACE, PLACE, codes=len(items))
    return WaitingCodes(items=items)


class Lapse:
    """Let go, once an hour, of what has waited for too long. Several workers may."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._next: datetime | None = None

    async def turn(self) -> int:
        """Look for it. Returns how many were let go."""
        now = clock.now()
        if self._next is not None and self._next - _EVERY <= now < self._next:  # a clock put back waits for nothing
            return 0
        async with self.database.work() as session:
            gone = await store.lapse(session, now - LASTS, now)
        self._next = now + _EVERY
        return gone
