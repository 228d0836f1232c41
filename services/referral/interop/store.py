"""Every SQL statement of the exchange. What a partner's system sent is its own agency's alone."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import false, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.interop.models import Kept, MappingRow, Quarantined, Receipt
from services.referral.interop.rules import Door, System
from services.referral.referrals import store as referrals
from services.referral.referrals.models import Referral
from shared.auth import Caller
from shared.db import run

WAITING = "waiting"


def readable(caller: Caller) -> Any:
    """Select the messages that the caller's own agency sent and that were not understood."""
    return select(Quarantined).where(Quarantined.agency == caller.agency)


def _received(caller: Caller) -> Any:
    return select(Receipt).where(Receipt.agency == caller.agency)


# -- the mapping -----------------------------------------------------------------------------------------


async def rows(session: AsyncSession) -> Sequence[MappingRow]:
    """Return what this installation added to the mapping, in order: it holds no agency's data."""
    return (await session.exec(select(MappingRow).order_by(col(MappingRow.id)))).all()


# -- what was taken in -----------------------------------------------------------------------------------


async def receipt(
    session: AsyncSession, caller: Caller, system: System, partner_id: str, version: str
) -> Receipt | None:
    """Return what became of a message of the caller, if it was taken in."""
    statement = _received(caller).where(
        Receipt.system == system, Receipt.partner_id == partner_id, Receipt.partner_version == version
    )
    found: Receipt | None = (await session.exec(statement)).first()
    return found


async def latest(session: AsyncSession, caller: Caller, system: System, partner_id: str) -> Receipt | None:
    """Return the caller's last message about a referral, by the partner's own clock."""
    statement = _received(caller).where(Receipt.system == system, Receipt.partner_id == partner_id)
    statement = statement.order_by(col(Receipt.changed_at).desc(), col(Receipt.id).desc()).limit(1)
    found: Receipt | None = (await session.exec(statement)).first()
    return found


async def sent_as(session: AsyncSession, caller: Caller, partner_id: str) -> Referral | None:
    """Return the referral that the caller sent under its own id."""
    statement = referrals.readable(caller).where(Referral.sender == caller.agency, Referral.external_id == partner_id)
    found: Referral | None = (await session.exec(statement)).first()
    return found


async def partner_ids(
    session: AsyncSession, caller: Caller, system: System, referral_ids: Collection[str]
) -> dict[str, str]:
    """Return the caller's own ids of these referrals, as its messages named them."""
    statement = _received(caller).where(Receipt.system == system, col(Receipt.referral_id).in_(referral_ids))
    found: Sequence[Receipt] = (await session.exec(statement.order_by(col(Receipt.id)))).all()
    return {each.referral_id: each.partner_id for each in found if each.partner_id != each.referral_id}


async def traffic(session: AsyncSession, since: datetime, limit: int) -> Sequence[dict[str, Any]]:
    """Return the codes, and nothing else, of what was taken in since then, newest first: for dry runs."""
    statement = select(Receipt.codes, Receipt.system).where(Receipt.received_at >= since)
    found = (await session.exec(statement.order_by(col(Receipt.received_at).desc()).limit(limit))).all()
    return [{**codes, "system": system} for codes, system in found]


# -- what waits ------------------------------------------------------------------------------------------


async def waiting(session: AsyncSession, limit: int) -> Sequence[Quarantined]:
    """Return what waits of any agency, newest first, for counting codes alone."""
    statement = select(Quarantined).where(Quarantined.state == WAITING)
    return (await session.exec(statement.order_by(col(Quarantined.id).desc()).limit(limit))).all()


async def quarantined(session: AsyncSession, caller: Caller, quarantine_id: str) -> Quarantined | None:
    """Return one message of the caller's that was not understood, locked."""
    statement = readable(caller).where(Quarantined.id == quarantine_id).with_for_update()
    found: Quarantined | None = (await session.exec(statement)).first()
    return found


async def same_message(
    session: AsyncSession, caller: Caller, system: System, partner_id: str, version: str
) -> Quarantined | None:
    """Return the row of this very message, if it was ever kept, locked."""
    statement = readable(caller).where(
        Quarantined.system == system, Quarantined.partner_id == partner_id, Quarantined.partner_version == version
    )
    found: Quarantined | None = (await session.exec(statement.with_for_update())).first()
    return found


async def count_waiting(session: AsyncSession, caller: Caller) -> int:
    """Count what waits of the caller's."""
    statement = select(func.count()).where(Quarantined.agency == caller.agency, Quarantined.state == WAITING)
    return (await session.exec(statement)).one()


async def lapse(session: AsyncSession, before: datetime, now: datetime) -> int:
    """Let go of what has waited since before then, whoever sent it. Returns how many."""
    waits = update(Quarantined).where(col(Quarantined.state) == WAITING, col(Quarantined.received_at) < before)
    done = await run(session, waits.values(state="lapsed", sealed_body=None, settled_at=now))
    return int(done.rowcount)


# -- what was kept ---------------------------------------------------------------------------------------


async def changed(session: AsyncSession, caller: Caller, door: Door, limit: int) -> Sequence[Referral]:
    """Return the caller's own referrals whose present version it has not confirmed, longest changed first.

    No moment decides: a row that a slow transaction commits late is found whenever it comes.
    """
    own = or_(Referral.sender == caller.agency, Referral.recipient == caller.agency)
    kept = and_(Kept.agency == caller.agency, Kept.door == door, Kept.referral_id == Referral.id)
    has = select(Kept.version).where(kept, Kept.version >= Referral.version).exists()
    statement = referrals.readable(caller).where(own if caller is not SYSTEM else false(), ~has)
    statement = statement.order_by(col(Referral.updated_at), col(Referral.id)).limit(limit)
    found: Sequence[Referral] = (await session.exec(statement)).all()
    return found


async def keep(
    session: AsyncSession, caller: Caller, door: Door, shown: Iterable[tuple[str, int]], now: datetime
) -> None:
    """Write down which versions the caller has confirmed. A later one stays."""
    values = [
        {"agency": caller.agency, "door": door, "referral_id": referral_id, "version": version, "kept_at": now}
        for referral_id, version in sorted(shown)
    ]
    if not values:
        return
    insert = sqlite.insert if session.info["database"].is_sqlite else postgresql.insert
    statement = insert(Kept).values(values)
    new = statement.excluded
    await run(session, statement.on_conflict_do_update(
        index_elements=["agency", "door", "referral_id"],
        set_={"version": new.version, "kept_at": new.kept_at}, where=new.version > col(Kept.version),
    ))  # fmt: skip
