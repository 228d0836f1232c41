"""Who stands, as the database says it now: for the feed, and for this gateway itself by the same way."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import store as clients
from gateway.clients.rules import Subject
from gateway.keys import service as keys
from gateway.keys.rules import KeyState
from gateway.tokens import store as tokens
from shared import clock
from shared.errors import Refusal
from shared.runtime import Runtime
from shared.trust.standing import Feed, Follower, PublicKey, Standing

EVERY = timedelta(seconds=2)


async def read(session: AsyncSession) -> Feed:
    """Return who stands. Raises Refusal (`standing_unknown`) while no key signs: soon one will."""
    now = clock.now()
    counting = await keys.counting(session, now)
    if not any(key.state is KeyState.CURRENT for key in counting):
        raise Refusal(code="standing_unknown", retry_after=1)
    subjects: dict[Subject, dict[str, int | None]] = {Subject.CLIENT: {}, Subject.AGENCY: {}}
    for suspension in await clients.suspensions(session):
        known = subjects[suspension.kind]
        since = None if suspension.lifted_at is None else int(suspension.lifted_at.timestamp())
        earlier = known.get(suspension.subject, 0)  # of several, what refuses more
        known[suspension.subject] = None if since is None or earlier is None else max(since, earlier)
    subjects[Subject.CLIENT] |= dict.fromkeys(await clients.disabled(session))
    return Feed(
        at=now.isoformat(),
        keys=[PublicKey.model_validate(key.public) for key in counting],
        tokens=[digest.hex() for digest in await tokens.revoked(session, now)],
        clients=subjects[Subject.CLIENT],
        agencies=subjects[Subject.AGENCY],
    )


async def ask(runtime: Runtime) -> None:
    """Let this process heed what the database says now, and sign with the key that is current there."""
    asked_at = clock.now()
    async with runtime.database.work(write=False) as session:
        current = await keys.current(session)
        feed = await read(session) if current is not None else None
    if current is None or feed is None:  # the very first time
        async with runtime.database.work() as session:
            await keys.upkeep(session, runtime)
        await ask(runtime)
        return
    if current.kid != runtime.signer.kid:
        runtime.signer = keys.signer_of(runtime, current)
    runtime.verifier.take(Standing.of(feed), asked_at)


def follower(runtime: Runtime) -> Follower:
    """Return what reads the database again and again."""
    return Follower((lambda: ask(runtime)) if runtime.verifier.register.follows else None, EVERY)
