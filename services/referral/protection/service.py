"""Use cases of the guard: take facts in. Indications, releases, lifts, reviews and permits have files of their own.

Every one of them first locks the guards of the child and its relatives, in one order: that is
where a permit and an indication meet, and the indication always wins.
"""

from dataclasses import replace

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.majority import service as majority
from services.referral.protection import indications, store, waiting
from services.referral.protection.indications import indicate as indicate
from services.referral.protection.indications import said as said
from services.referral.protection.knowing import known as known
from services.referral.protection.knowing import lock as lock
from services.referral.protection.knowing import may_reach as may_reach
from services.referral.protection.models import Kinship
from services.referral.protection.releases import acknowledged as acknowledged
from services.referral.protection.releases import case_of as case_of
from services.referral.protection.rules import ToldBy
from services.referral.protection.schemas import FactsIn, IndicationIn
from shared import clock


async def announce(session: AsyncSession, child_id: str, version: int, *, again: bool = False) -> None:
    """Take in that intake has facts of this version; the worker fetches them. Until then: unknown.

    With `again` even those of this version are: what was confirmed of it did not tell everything.
    """
    case = await case_store.by_child(session, child_id)  # who announces an encounter has locked it
    guard = await lock(session, child_id)
    guard.announced_version = max(guard.announced_version, version)
    if again:
        guard.facts_version = min(guard.facts_version, version - 1)
    if case is not None:
        await waiting.begin(session, case, guard)


async def take_facts(session: AsyncSession, facts: FactsIn) -> None:
    """Go by these facts from now on. Older ones than those known change nothing.

    What a screening found is an indication like any other (R15), and once found it stays found.
    """
    case = await cases.of_child(session, facts.child_id)  # locked before the guard, as everywhere
    if facts.indicators:
        await _screened(session, facts)
    guard = await lock(session, facts.child_id, *facts.relatives)
    if facts.version < guard.facts_version:
        return
    guard.facts_version = facts.version
    guard.announced_version = max(guard.announced_version, facts.version)
    guard.nationalities = facts.nationalities
    guard.residence = facts.residence
    guard.stateless_doubt = facts.stateless_doubt
    guard.languages = facts.languages
    guard.screened_at = facts.screened_at or guard.screened_at
    if case is not None and "majority_month" in facts.model_fields_set:  # an older intake says nothing of it
        await majority.born(session, case, facts.majority_month)
    known = set(await store.relatives(session, facts.child_id))
    for relative in set(facts.relatives) - known - {facts.child_id}:
        session.add(Kinship(child_id=facts.child_id, relative_id=relative))
        await session.merge(Kinship(child_id=relative, relative_id=facts.child_id))
    await session.flush()
    if case is not None:
        await waiting.begin(session, case, guard)


async def _screened(session: AsyncSession, facts: FactsIn) -> None:
    """Record what a screening found and nobody has indicated yet. The child may have no case so far."""
    assert facts.state is not None and facts.screened_by is not None  # noqa: PT018  (the shape has all three or none)
    case = await cases.ensure(session, facts.child_id, facts.state)
    guard = await lock(session, facts.child_id, *facts.relatives)
    known = {row.code for row in await store.indications(session, case.id)}
    agency = replace(SYSTEM, agency=facts.screened_by)
    for code in sorted(set(facts.indicators) - known):
        body = IndicationIn(case_id=case.id, code=code, told_by=ToldBy.OFFICER)
        await indications.close(session, agency, case, guard, indications.build(None, agency, case, body, clock.now()))
