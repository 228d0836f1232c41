"""What a body bound to a foreign state gets of a child, what it may read of that again, and what it answers.

Its content is fixed at the release and never changes: so what a body has received stays as it was when the guard
closes, and nothing in it says that it did.
"""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.rules import Seen
from services.referral.protection import store
from services.referral.protection.knowing import enter
from services.referral.protection.models import Crossing, Release
from services.referral.protection.rules import Answer
from services.referral.protection.schemas import CrossingOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.delivery import service as delivery
from shared.delivery import store as endpoints
from shared.delivery.rules import EndpointState
from shared.errors import Conflict, IllegalMove, NotFound
from shared.events import CrossingSent, Office


async def send(session: AsyncSession, release: Release, *, state: str, pp: Office, dif: Office) -> None:
    """Owe a release to its body: each send asks for a permit of its own. Raises Conflict where nothing can be sent."""
    assert release.recipient is not None
    assert release.service is not None
    found = await endpoints.endpoints_of(session, [release.recipient])
    if all(each.state is EndpointState.REMOVED for each in found):
        raise Conflict("That body has no address here: nothing could be sent.", allowed_actions=["withdraw"])
    crossing_id = ids.opaque("crs")
    fact = CrossingSent(crossing_id=crossing_id, state=state, service=release.service.value, pp=pp, dif=dif)
    content = fact.model_dump(mode="json")
    session.add(Crossing(id=crossing_id, release_id=release.id, agency=release.recipient, content=content))
    await delivery.publish(
        session, fact.TYPE, case=crossing_id, subject=crossing_id, audience=[release.recipient], data=content,
        gate=release.id,
    )  # fmt: skip


async def get(session: AsyncSession, caller: Caller, crossing_id: str, *, lock: bool = False) -> Crossing:
    """Return what a body has received. Raises NotFound."""
    found = await store.crossing(session, caller, crossing_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def acknowledge(session: AsyncSession, caller: Caller, crossing_id: str) -> Crossing:
    """Take in that the body has been told. Once; whatever became of the release meanwhile."""
    found = await get(session, caller, crossing_id, lock=True)
    if found.acknowledged_at is None:
        await _take(session, caller, found, None)
    return found


async def answer(session: AsyncSession, caller: Caller, crossing_id: str, said: Answer) -> Crossing:
    """Take in what the body says of what it was asked for. Once. Raises NotFound, IllegalMove."""
    found = await get(session, caller, crossing_id, lock=True)
    if found.answer is not None:
        raise IllegalMove("It was answered before.", allowed_actions=[])
    await _take(session, caller, found, said)
    return found


async def _take(session: AsyncSession, caller: Caller, found: Crossing, said: Answer | None) -> None:
    now = clock.now()
    release = await store.release_for_sender(session, found.release_id)
    assert release is not None
    found.acknowledged_at = release.acknowledged_at = found.acknowledged_at or now
    if said is not None:
        found.answer, found.answered_at, release.answer = said, now, said
    what = "acknowledge" if said is None else said.value
    await delivery.acknowledged(session, found.id, caller.agency)
    audit.wrote(session, caller, what, "crossing", found.id)
    case = await cases.find(session, SYSTEM, release.case_id)
    enter(session, case, f"crossing.{what}", release.id, caller.agency, Seen.AUTHORITIES)


def show(found: Crossing) -> CrossingOut:
    """Return it as its body sees it."""
    shown: dict[str, Any] = {name: value for name, value in found.content.items() if name != "crossing_id"}
    can = ["acknowledge"] if found.acknowledged_at is None else []
    return CrossingOut(
        id=found.id, acknowledged_at=found.acknowledged_at, answer=found.answer, answered_at=found.answered_at,
        allowed_actions=[*can, *(["accept", "decline"] if found.answer is None else [])], **shown,
    )  # fmt: skip
