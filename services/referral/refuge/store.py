"""Every SQL statement of claims and of what they hold up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, false, true
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, bound_to
from services.referral.cases import store as cases
from services.referral.cases.models import Case, CaseRepresentation
from services.referral.cases.rules import Representation
from services.referral.protection.models import Indication
from services.referral.refuge.models import ProcedureHold, RefugeClaim, RefugeStep
from services.referral.refuge.rules import LIVE, PROTECTING, ClaimState
from shared.auth import Caller
from shared.clocks.models import Clock


def readable(caller: Caller) -> Any:
    """Select the claims that the caller may know of: COMAR's, the Procuraduría's, the representative's (R16-CLAIM).

    A withheld case (R29) keeps no claim from COMAR, which has to decide it (LRPCAP 15 and 24).
    """
    return select(RefugeClaim).where(col(RefugeClaim.case_id).in_(select(Case.id).where(_privy(caller))))


def _privy(caller: Caller) -> Any:
    if caller is SYSTEM or caller.agency_kind == Kind.COMAR:
        return true()
    return or_(cases.represented(caller), _acts_for(caller))


def _acts_for(caller: Caller) -> Any:
    """Say whether the legal representative of a case acts for the caller: never for INM or a foreign state's body."""
    if caller.agency_kind in (*cases.ABROAD, Kind.INM) or bound_to(caller.agency) is not None:
        return false()
    present = and_(
        col(CaseRepresentation.case_id) == Case.id,
        col(CaseRepresentation.case_id).not_in(cases.kept_from(caller)),
        col(CaseRepresentation.until).is_(None),
        col(CaseRepresentation.kind) == Representation.LEGAL_REPRESENTATIVE,
        col(CaseRepresentation.body) == caller.agency,
    )
    return exists().where(present)


async def acts_for(session: AsyncSession, caller: Caller, case_id: str) -> bool:
    """Whether the child's legal representative acts for the caller's agency."""
    return (await session.exec(select(Case.id).where(Case.id == case_id, _acts_for(caller)))).first() is not None


async def get(session: AsyncSession, caller: Caller, claim_id: str, *, lock: bool = False) -> RefugeClaim | None:
    """Return one claim that the caller may know of, locked if wished."""
    statement = readable(caller).where(RefugeClaim.id == claim_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: RefugeClaim | None = (await session.exec(statement)).first()
    return found


async def live(session: AsyncSession, case_id: str) -> RefugeClaim | None:
    """Return the claim of a locked case that is pending, if there is one."""
    statement = select(RefugeClaim).where(RefugeClaim.case_id == case_id, col(RefugeClaim.state).in_(LIVE))
    return (await session.exec(statement)).first()


async def protected(session: AsyncSession, case_id: str) -> bool:
    """Whether a final resolution protects the child of a case."""
    granted = and_(col(RefugeClaim.state) == ClaimState.FINAL, col(RefugeClaim.outcome).in_(PROTECTING))
    statement = select(RefugeClaim.id).where(RefugeClaim.case_id == case_id, granted)
    return (await session.exec(statement)).first() is not None


async def steps(session: AsyncSession, claim_ids: Sequence[str]) -> Sequence[RefugeStep]:
    """Return the steps of claims that the caller has been shown to be able to read, oldest first."""
    statement = select(RefugeStep).where(col(RefugeStep.claim_id).in_(claim_ids)).order_by(col(RefugeStep.id))
    return (await session.exec(statement)).all()


async def clocks(session: AsyncSession, claim_ids: Sequence[str]) -> Sequence[Clock]:
    """Return the clocks of claims that the caller has been shown to be able to read, soonest first."""
    statement = select(Clock).where(col(Clock.resource_id).in_(claim_ids)).order_by(col(Clock.due_at), col(Clock.id))
    return (await session.exec(statement)).all()


async def unratified(session: AsyncSession, rule: str, now: datetime, limit: int) -> Sequence[RefugeClaim]:
    """Return claims that were not ratified in time."""
    over = select(Clock.resource_id).where(Clock.rule == rule, Clock.resource_id == RefugeClaim.id, Clock.due_at <= now)
    statement = select(RefugeClaim).where(RefugeClaim.state == ClaimState.FILED, exists(over)).limit(limit)
    return (await session.exec(statement)).all()


async def unwatched(
    session: AsyncSession, rule: str, codes: Sequence[str], since: str, limit: int
) -> Sequence[Indication]:
    """Return indications after this id, oldest first, of cases in which nobody's time to file runs yet."""
    running = select(Clock.id).where(Clock.rule == rule, Clock.resource_id == Indication.case_id)
    statement = select(Indication).where(Indication.id > since, col(Indication.code).in_(codes), ~exists(running))
    return (await session.exec(statement.order_by(col(Indication.id)).limit(limit))).all()


# -- holds -----------------------------------------------------------------------------------------------


def readable_holds(caller: Caller) -> Any:
    """Select the holds that the caller goes by: INM's and the Procuraduría's, in their territory.

    A withheld case (R29) too: INM has to leave its procedure alone (R24), and a hold says no more than that.
    """
    territory = select(Case.id).where(cases.in_territory(caller))
    return select(ProcedureHold).where(col(ProcedureHold.case_id).in_(territory))


async def hold(session: AsyncSession, caller: Caller, hold_id: str) -> ProcedureHold | None:
    """Return one hold that the caller may read."""
    found: ProcedureHold | None = (
        await session.exec(readable_holds(caller).where(ProcedureHold.id == hold_id))
    ).first()
    return found


async def holds_of(session: AsyncSession, evidence: str) -> Sequence[ProcedureHold]:
    """Return the holds that stand because of a claim or an assessment, locked."""
    standing = select(ProcedureHold).where(ProcedureHold.evidence == evidence, col(ProcedureHold.until).is_(None))
    return (await session.exec(standing.with_for_update())).all()


# -- the worker ------------------------------------------------------------------------------------------


async def running(session: AsyncSession, rule: str, resource_id: str) -> bool:
    """Whether a clock was started."""
    statement = select(Clock.id).where(Clock.rule == rule, Clock.resource_id == resource_id)
    return (await session.exec(statement)).first() is not None


async def filed(session: AsyncSession, case_id: str) -> str | None:
    """Return a claim of a locked case that counts as filed, if there is one."""
    counts = col(RefugeClaim.state) != ClaimState.LAPSED
    return (await session.exec(select(RefugeClaim.id).where(RefugeClaim.case_id == case_id, counts))).first()
