"""What a claim, or a danger that was found, holds up. Whoever goes by a hold is not told why, until the law says so."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.referrals.steps import INTAKE
from services.referral.refuge import store
from services.referral.refuge.models import ProcedureHold
from services.referral.refuge.schemas import HoldOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks.facts import HoldMoved
from shared.delivery import service as delivery
from shared.errors import NotFound

BASIS = "LRPCAP, art. 7"


async def begin(session: AsyncSession, caller: Caller, case: Case, *, evidence: str) -> None:
    """Let no procedure for irregular entry go on in a locked case (R24)."""
    row = ProcedureHold(id=ids.new("hld"), case_id=case.id, evidence=evidence, since=clock.now())
    session.add(row)
    audit.wrote(session, caller, "hold", "procedure_hold", row.id, case=case.id)
    cases.enter(session, case, code="hold.began", subject=row.id, seen=Seen.AUTHORITIES)
    await _tell_intake(session, case, row)


async def end(session: AsyncSession, caller: Caller, case: Case, *, evidence: str) -> None:
    """Let procedures go on, as far as this claim or assessment held them up."""
    for row in await store.holds_of(session, evidence):
        row.until = clock.now()
        row.version += 1
        audit.wrote(session, caller, "release", "procedure_hold", row.id, case=case.id)
        cases.enter(session, case, code="hold.ended", subject=row.id, seen=Seen.AUTHORITIES)
        await _tell_intake(session, case, row)


async def _tell_intake(session: AsyncSession, case: Case, row: ProcedureHold) -> None:
    """Let INM's own records go by the hold. Neither its cause nor that INM was told of one is said."""
    fact = HoldMoved(hold_id=row.id, child_id=case.child_id, since=row.since, until=row.until)
    await delivery.publish(
        session, HoldMoved.TYPE, case=case.child_id, subject=row.id, audience=[INTAKE],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def tell(session: AsyncSession, caller: Caller, *, evidence: str) -> None:
    """Say to INM on what a hold rests: COMAR has told it (D8)."""
    for row in await store.holds_of(session, evidence):
        row.told_at = clock.now()
        row.version += 1
        audit.wrote(session, caller, "tell", "procedure_hold", row.id)


async def find(session: AsyncSession, caller: Caller, hold_id: str) -> HoldOut:
    """Return a hold that the caller may read. Raises NotFound."""
    row = await store.hold(session, caller, hold_id)
    if row is None:
        raise NotFound
    return show(row)


def show(row: ProcedureHold) -> HoldOut:
    """Return a hold as those who go by it see it."""
    return HoldOut(
        id=row.id, case_id=row.case_id, since=row.since, until=row.until, told_at=row.told_at,
        basis=BASIS if row.told_at is not None else None, version=row.version,
    )  # fmt: skip
