"""Fetches from intake the facts that it has announced. Until they are here the guard knows nothing."""

from pydantic import ValidationError

from services.referral.protection import service, store
from services.referral.protection.schemas import FactsIn
from shared import telemetry
from shared.errors import Unavailable
from shared.runtime import Runtime

_BATCH = 20


async def fetch(runtime: Runtime) -> int:
    """Fetch what is outdated. Returns how many children are now up to date."""
    async with runtime.database.work(write=False) as session:
        waiting = await store.outdated(session, _BATCH)
    done = 0
    for child_id in waiting:
        try:
            facts = await _ask(runtime, child_id)
        except (Unavailable, ValidationError) as error:
            telemetry.say("warning", "facts_missing", error=type(error).__name__)
            break
        async with runtime.database.work() as session:
            await service.take_facts(session, facts)
        done += 1
    return done


async def _ask(runtime: Runtime, child_id: str) -> FactsIn:
    path = f"/internal/children/{child_id}/facts?screening=true"  # an intake of 0.2.0 overlooks the question
    status, body = await runtime.peers.call("intake", "GET", path, scope="facts:read")
    if status != 200:
        raise Unavailable("Intake gives no facts.")
    facts = FactsIn.model_validate(body)
    if facts.child_id != child_id:
        raise Unavailable("Intake answered about another child.")
    return facts
