"""What the guard knows of a child when it decides, and the lock under which it does."""

from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import Bar, Gate, Seen, Status
from services.referral.protection import lifting, rules, store
from services.referral.protection.lifting import Lifted
from services.referral.protection.models import Guard, Lift, Release
from services.referral.protection.rules import Act, Known, Obstacle, Verdict
from shared.auth import Caller
from shared.db import run


async def lock(session: AsyncSession, child_id: str, *others: str) -> Guard:
    """Lock a child's guard, and its family's, creating the child's own if there is none."""
    await run(
        session,
        text("INSERT INTO guard (child_id, announced_version, facts_version) VALUES (:id, 0, 0) "
             "ON CONFLICT (child_id) DO NOTHING"), {"id": child_id},
    )  # fmt: skip
    family = {child_id, *others, *await store.family(session, child_id)}
    return (await store.guards(session, sorted(family), lock=True))[child_id]


def current(guard: Guard) -> bool:
    """Whether the guard has the newest facts that intake has announced."""
    return guard.facts_version > 0 and guard.facts_version >= guard.announced_version


def stands(case: Case) -> bool:
    """Whether a claim or an appeal is pending, or protection was granted (R17)."""
    standing = case.standing
    pending = not standing.bars.isdisjoint((Bar.CLAIM_PENDING, Bar.APPEAL_PENDING))
    return pending or Gate.RECOGNISED in standing.gates or case.on_route is Status.REFUGE


async def known(session: AsyncSession, case: Case, act: Act) -> Known:
    """Return everything that is known of a case's child, for one act. Whoever decides by it has locked the guards.

    A relative's guard is opened by that child's own consent alone: whether its claim stands is not looked at here.
    """
    family = await store.family(session, case.child_id)
    guards = await store.guards(session, [case.child_id, *family])
    guard = guards.get(case.child_id, Guard(child_id=case.child_id))
    standing, lifted = stands(case), set[str]()
    for each in await store.live_lifts(session, sorted(guards)):
        if lifting.covers(_lifted(each), act, standing=standing or each.child_id != case.child_id):
            lifted.add(each.child_id)
    up_to_date = current(guard)
    return Known(
        nationalities=tuple(guard.nationalities) if up_to_date and guard.nationalities is not None else None,
        stateless_doubt=guard.stateless_doubt if up_to_date else None,
        languages=tuple(guard.languages) if up_to_date and guard.languages is not None else None,
        blocked=guard.blocked_at is not None and case.child_id not in lifted,
        relatives_blocked=tuple(_blocked(guards.get(name), lifted) for name in family),
        channelled=case.channelled,
        represented=bool(case.representative),
        screened=guard.screened_at is not None,
        protected=standing and case.child_id not in lifted,
        residence=guard.residence if up_to_date else None,
        kept=await _kept(session, case, act),
    )


async def _kept(session: AsyncSession, case: Case, act: Act) -> bool:
    """Whether the case is kept from the body that an act is for (R29). The law itself orders a consulate's notice."""
    if act.recipient is None:
        return False
    body = directory.directory().get(act.recipient)
    return kept_from(await case_store.withheld(session, case.id), act.recipient, body.kind if body is not None else "")


def _blocked(guard: Guard | None, lifted: set[str]) -> bool | None:
    return None if guard is None else guard.blocked_at is not None and guard.child_id not in lifted


def _lifted(row: Lift) -> Lifted:
    return Lifted(row.ground, row.purpose, tuple(row.recipients))


def act_of(release: Release) -> Act:
    """Return what a release is about, as the decision takes it."""
    gone = release.recipient is not None and release.recipient not in directory.readable(SYSTEM)
    return Act(
        None if gone else release.nationality, screened=True, told_in=release.told_in, objects=release.objects,
        recipient=release.recipient,
    )  # fmt: skip


async def obstacles(session: AsyncSession, release: Release, case: Case) -> list[Obstacle]:
    """Return everything that keeps what was released, or is to be, from leaving now."""
    act = act_of(release)
    return rules.obstacles(await known(session, case, act), act)


async def may_reach(session: AsyncSession, case: Case, agency_id: str) -> Verdict:
    """Say whether anything about a case's child may reach an agency now (R16). For every path there is.

    Bodies of this country may always be reached, by the rules of each path. One that serves a foreign state is reached
    only while a release made for it holds; whom the directory does not know, never. Lock the case before: this locks
    guards.
    """
    body = directory.directory().get(agency_id)
    if body is None:
        return Verdict.CLOSED
    if not agencies.serves_abroad(body):
        return Verdict.OPEN
    release = await store.released(session, case.id, agency_id)
    if release is None:
        return Verdict.CLOSED
    await lock(session, case.child_id)
    await session.refresh(release)
    return rules.verdict(release.state, await obstacles(session, release, case))


async def held(session: AsyncSession, caller: Caller, case_id: str) -> Case:
    """Return a case that the caller may read, locked with all its clocks in the order of every writer."""
    return await cases.find_with_clocks(session, caller, case_id)


def enter(session: AsyncSession, case: Case, code: str, subject: str, agency: str | None, seen: Seen) -> None:
    """Put it on the timeline of the case: what tells of protection for the Procuraduría alone."""
    cases.enter(session, case, code=code, subject=subject, agency=agency, seen=seen)


def named(caller: Caller, officer: str) -> str:
    """Return who acts, as it is kept."""
    return f"{caller.agency}/{officer}"


ABROAD = case_store.ABROAD
