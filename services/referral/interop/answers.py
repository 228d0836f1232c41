"""How an import is answered: what became of a message, or the problem, without undoing what was kept."""

from typing import Any

from fastapi import Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import quarantine, service
from services.referral.interop.models import Quarantined
from services.referral.interop.rules import Told
from services.referral.interop.schemas import ImportedMany, ImportedOne, TakenOut
from services.referral.interop.tasks import MEDIA_TYPE
from shared import jsons, problems
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Fault, Invalid, Refusal

_TASK: dict[str, Any] = {
    "resourceType": "Task", "id": "ref-019aa7c3f0e57d1e8c2f4b6a90d31e48", "status": "accepted", "intent": "order",
}  # fmt: skip
TASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a Task, shortened in the example",
        "content": {MEDIA_TYPE: {"schema": {"type": "object"}, "example": _TASK}},
    }
}
BUNDLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a Bundle of Tasks, empty in the example",
        "content": {MEDIA_TYPE: {"schema": {"type": "object"},
                                 "example": {"resourceType": "Bundle", "type": "collection"}}},
    }
}  # fmt: skip
MANY: dict[int | str, dict[str, Any]] = {207: {"description": "some were not taken in", "model": ImportedMany}}


async def taken(request: Request, session: AsyncSession, caller: Caller, told: Told) -> Any:
    """Take one message in, and answer. Raises what `service.take` does."""
    vault = request.app.state.runtime.vault
    body = jsons.canonical(jsons.loads(await request.body()))
    return await one(session, vault, await service.take(session, vault, caller, told, body))


async def one(session: AsyncSession, vault: Vault, done: TakenOut | Quarantined) -> Any:
    """Answer for one message. What waits is answered with 422, and committed: a raised refusal would undo it."""
    if isinstance(done, TakenOut):
        return done
    refusal = await unknown(session, vault, done)
    return problems.render(refusal, {"Location": f"/v1/referral/interop/quarantine/{done.id}"})


async def unknown(session: AsyncSession, vault: Vault, kept: Quarantined) -> Invalid:
    """Return the refusal of a message that waits: where the words stand that the mapping lacks, never the words."""
    faults = [Fault(each.pointer, "unknown_code") for each in await quarantine.unknown(session, vault, kept)]
    law = service.UNKNOWN_WAITS.refuse("").law
    return Invalid(
        "The mapping lacks a code. The message waits whole, see Location; nothing of it was done.", faults=faults,
        law=law, allowed_actions=["replay", "discard"],
    )  # fmt: skip


async def many(request: Request, response: Response, session: AsyncSession, caller: Caller, batch: list[Told]) -> Any:
    """Take each message of a batch in by itself, and answer for each. Raises what a batch of one would."""
    vault = request.app.state.runtime.vault
    sent = jsons.loads(await request.body())
    bodies = [jsons.canonical(sent | {"interventions": [each]}) for each in sent["interventions"]]
    if len(batch) == 1:
        done = await service.take(session, vault, caller, batch[0], bodies[0])
        if isinstance(done, Quarantined):
            return await one(session, vault, done)
        return ImportedMany(items=[_fine(0, done)])
    found: dict[int, ImportedOne] = {}
    # One order for everybody, so that two batches do not wait for each other.
    for index in sorted(range(len(batch)), key=lambda each: batch[each].referral_id or batch[each].case_id or ""):
        found[index] = await _each(session, vault, caller, index, batch[index], bodies[index])
    if any(each.status != 200 for each in found.values()):
        response.status_code = 207
    return ImportedMany(items=[found[index] for index in range(len(batch))])


def _fine(index: int, done: TakenOut) -> ImportedOne:
    return ImportedOne(index=index, status=200, code=None, rule=None, pointers=[], quarantine=None, taken=done)


async def _each(
    session: AsyncSession, vault: Vault, caller: Caller, index: int, told: Told, body: bytes
) -> ImportedOne:
    try:
        async with session.begin_nested():
            done = await service.take(session, vault, caller, told, body)
    except Refusal as refusal:
        return _problem(index, refusal, None)
    if isinstance(done, TakenOut):
        return _fine(index, done)
    return _problem(index, await unknown(session, vault, done), done.id)


def _problem(index: int, refusal: Refusal, kept: str | None) -> ImportedOne:
    told = problems.document(refusal)
    places = [each.pointer for each in refusal.faults]
    if kept is not None:  # it waits as a message of its own, in which it is the first
        places = [each.replace("/interventions/0/", f"/interventions/{index}/", 1) for each in places]
    return ImportedOne(
        index=index, status=told["status"], code=refusal.code, rule=refusal.law.rule if refusal.law else None,
        pointers=places, quarantine=kept, taken=None,
    )  # fmt: skip
