"""Permits: before every first send, retry and reminder, the sender asks whether it may."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.protection import rules, service, store
from services.referral.protection.models import Permit
from services.referral.protection.rules import Act, Verdict
from services.referral.protection.schemas import PermitOut
from shared import audit, clock, ids


async def ask(session: AsyncSession, release_id: str) -> PermitOut:
    """Decide, with the guards locked, and record the permit where indications commit."""
    release = await store.release_for_sender(session, release_id)
    if release is None:
        return _answer(release_id, Verdict.CLOSED)
    case = await cases.find(session, SYSTEM, release.case_id)
    await service.lock(session, case.child_id)
    known = await service.known(session, case)
    await session.refresh(release)  # an indication may have stopped it while we waited for the lock
    act = Act(release.nationality, screened=True, told_in=release.told_in, objects=release.objects)
    verdict = rules.verdict(release.state, rules.obstacles(known, act))
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
