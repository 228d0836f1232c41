"""Permits: before every first send, retry and reminder, the sender asks whether it may.

Consular asks over an internal route; this service's own worker and feed ask here, for bodies abroad.
"""

import asyncio

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.protection import knowing, rules, store, waiting
from services.referral.protection.lifting import GATE_WAITS
from services.referral.protection.models import Permit
from services.referral.protection.rules import Verdict
from services.referral.protection.schemas import PermitOut
from shared import audit, clock, ids, telemetry
from shared.auth import Caller
from shared.clocks import store as clock_store
from shared.db import Database
from shared.delivery import parcels
from shared.delivery.parcels import Gate

_WAIT = parcels.Permit(parcels.Verdict.WAIT)


async def ask(session: AsyncSession, release_id: str, *, abroad: bool = False) -> PermitOut:
    """Decide, with the guards locked, and record the permit where indications commit.

    `abroad`: this service sends, to a body of another state. What is for the one path is closed on the other.
    """
    release = await store.release_for_sender(session, release_id)
    if release is None or (release.recipient is not None) is not abroad:
        return _answer(release_id, Verdict.CLOSED)
    case = await cases.find(session, SYSTEM, release.case_id)
    await clock_store.find(session, GATE_WAITS.id, release.id)  # a clock is locked before guards, as by an indication
    await knowing.lock(session, case.child_id)
    await session.refresh(case)  # a claim may stand since
    await session.refresh(release)  # an indication may have stopped it while we waited for the lock
    verdict = rules.verdict(release.state, await knowing.obstacles(session, release, case))
    await waiting.for_facts(session, case, release, waits=verdict is Verdict.WAIT)
    if verdict is Verdict.CLOSED:
        audit.wrote(session, SYSTEM, "withheld", "release", release.id)
    if verdict is not Verdict.OPEN:
        return _answer(release_id, verdict)
    now = clock.now()
    permit = Permit(
        id=ids.opaque("per"), release_id=release.id, child_id=case.child_id, issued_at=now,
        expires_at=now + rules.PERMIT_LIFE,
    )  # fmt: skip
    session.add(permit)
    return _answer(release_id, verdict, permit)


def _answer(release_id: str, verdict: Verdict, permit: Permit | None = None) -> PermitOut:
    return PermitOut(
        permit_id=permit.id if permit else None,
        release_id=release_id,
        verdict=verdict,
        expires_at=permit.expires_at if permit else None,
    )


def gate(database: Database) -> Gate:
    """Return the gate before every send to a body abroad. It fails closed: whatever goes wrong means wait."""

    async def permit(release_id: str) -> parcels.Permit:
        until = asyncio.get_running_loop().time() + rules.PERMIT_LIFE.total_seconds()
        try:
            async with asyncio.timeout_at(until), database.work() as session:
                answer = await ask(session, release_id, abroad=True)
        except TimeoutError:
            return _WAIT
        except Exception as error:  # a gate that breaks is shut
            telemetry.failed(error)
            return _WAIT
        return parcels.Permit(parcels.Verdict[answer.verdict.name], until)

    return permit


def asks(caller: Caller) -> bool:
    """Whether the feed of this caller asks the gate: nothing for bodies of this country has one."""
    return caller.agency_kind in knowing.ABROAD
