"""What this service does when a clock speaks, its own or intake's."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Agency
from services.referral.agencies.service import SYSTEM, federal
from services.referral.cases import store as cases
from services.referral.cases.rules import Seen
from services.referral.cases.service import enter
from services.referral.clocks.rules import BREACHED, ESCALATION
from services.referral.referrals import store as referrals
from shared import audit, clock
from shared.clocks.models import Clock
from shared.delivery import service as delivery
from shared.events import ClockSpoke


async def fired(session: AsyncSession, speaking: Clock, kind: str) -> None:
    """Warn whoever owes the duty; a breach also reaches the sender and the federal body (R7)."""
    audience = {speaking.agency}
    if kind == BREACHED:
        audience |= await _escalate(session, speaking)
        audit.wrote(session, SYSTEM, "breach", "clock", speaking.id, rule=speaking.rule, agency=speaking.agency)
    await _enter(session, speaking, kind, audience)
    fact = ClockSpoke(
        clock_id=speaking.id, rule=speaking.rule, resource_id=speaking.resource_id, due_at=speaking.due_at,
        agency=speaking.agency,
    )  # fmt: skip
    await _tell(session, kind, fact, audience, case=speaking.case_key)


async def _enter(session: AsyncSession, speaking: Clock, kind: str, audience: set[str]) -> None:
    """Put it on the timeline of its case, for those who are told. Not every clock is about a case."""
    case = await cases.get(session, SYSTEM, speaking.case_key)
    if case is not None:
        enter(session, case, code=kind, subject=speaking.resource_id, seen=Seen.PARTIES, parties=audience)


async def relay(session: AsyncSession, kind: str, fact: ClockSpoke) -> None:
    """Pass on what a clock of intake said: only referral has the endpoints of agencies."""
    audience = {fact.agency} if fact.agency else set()
    if kind == BREACHED and (above := _above(fact.rule)) is not None:
        audience.add(above.id)
    await _tell(session, kind, fact, audience, case=fact.resource_id)


async def _tell(session: AsyncSession, kind: str, fact: ClockSpoke, audience: set[str], *, case: str) -> None:
    await delivery.publish(
        session, kind, case=case, subject=fact.clock_id, audience=sorted(audience), data=fact.model_dump(mode="json")
    )


def _above(rule: str) -> Agency | None:
    """Return the federal body that learns when a duty under this rule is not done in time."""
    kind = ESCALATION.get(rule)
    return federal(kind) if kind else None


async def _escalate(session: AsyncSession, speaking: Clock) -> set[str]:
    """Return who else learns of a breach, and let them read what was not answered."""
    referral = await referrals.get(session, SYSTEM, speaking.resource_id, lock=True)
    above = _above(speaking.rule)
    if referral is None:  # a duty of another kind: nobody sent it
        return {above.id} if above is not None else set()
    told = {referral.sender}
    if above is not None and above.id != referral.recipient:
        referral.escalated_to = above.id
        await cases.join(session, referral.case_id, above.id, clock.now())
        told.add(above.id)
    return told
