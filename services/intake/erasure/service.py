"""The worker's turn that erases children's records whose time has come (R35)."""

from datetime import datetime

from services.intake.children import service as children
from services.intake.children.rules import RETAINED
from services.intake.erasure import rules, store
from shared import audit, clock, ids
from shared.auth import Caller
from shared.runtime import Runtime

WORKER = Caller("urn:ruta:intake", "intake", "SERVICE", "service", frozenset())
_BATCH = 20
_REPLIES = 1000


async def turn(runtime: Runtime) -> int:
    """Erase some children. Returns how many; 0 when no time has come."""
    async with runtime.database.work(write=False) as session:
        due = await store.due(session, clock.now(), clock.now() - rules.REPLIES_LIVE, _BATCH)
    return sum([await erase(runtime, child_id) for child_id in due])


async def erase(runtime: Runtime, child_id: str) -> bool:
    """Erase a child. Raises RefusedByLaw before its time (R35). False: there is no such child.

    The key goes first: whatever interrupts this, nobody reads the identity any more, and the next turn goes on.
    """
    keyring = children.keyring_of(runtime)
    async with runtime.database.work(write=False) as session:
        child = await store.get(session, child_id)
        if child is None:
            return False
        owed = await store.owed(session, child_id)
        rules.check_erasable(child.blocked_at, child.erase_after, clock.now(), owed=owed)
        blocked_at = child.blocked_at or clock.now()  # the rule has just seen that it is there
    await keyring.erase(child.key_id)
    await _forget_replies(runtime, blocked_at)
    async with runtime.database.work() as session:
        if await store.get(session, child_id, lock=True) is None:
            return False
        keys = await store.erase(session, child_id, ids.opaque("chd"))
        audit.wrote(session, WORKER, "erase", "child", child_id, rule=RETAINED.id)
    for key in keys:
        await keyring.erase(key)
    return True


async def _forget_replies(runtime: Runtime, until: datetime) -> None:
    """Delete the replies that may quote the child: after it was blocked nobody was told anything of it.

    Which replies those are nobody can tell, since they are kept under digests: so all of that time go.
    """
    found = _REPLIES
    while found == _REPLIES:
        async with runtime.database.work() as session:
            found = await store.forget_replies(session, until, _REPLIES)
