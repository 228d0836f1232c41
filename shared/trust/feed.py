"""How a service learns from the gateway who stands."""

from datetime import timedelta

from shared import clock
from shared.errors import Unavailable
from shared.runtime import Runtime
from shared.trust.standing import PATH, SCOPE, Feed, Follower, Standing

EVERY = timedelta(seconds=5)


async def ask(runtime: Runtime) -> None:
    """Ask the gateway once. Raises whatever kept it from saying."""
    asked_at = clock.now()
    status, said = await runtime.peers.call("gateway", "GET", PATH, scope=SCOPE)
    if status != 200:
        raise Unavailable(f"The gateway answered {status}.")
    runtime.verifier.take(Standing.of(Feed.model_validate(said)), asked_at)


def follower(runtime: Runtime) -> Follower:
    """Return what asks the gateway again and again."""
    return Follower((lambda: ask(runtime)) if runtime.verifier.register.follows else None, EVERY)
