"""uvicorn's server, with a farewell: on SIGTERM `/readyz` says so, and only later no connection is taken any more.

Whoever sends requests here (a load balancer that asks `/readyz`) needs a moment to notice. In Kubernetes a preStop
hook waits that moment before SIGTERM, so there the farewell is zero seconds long.
"""

import signal
import sys
import time
from types import FrameType

import uvicorn

from shared.rollout import leaving

FINISHING_SECONDS = 20
"""How long requests that are under way may take, once no new connection is taken."""
_STARTUP_FAILURE = 3


class Server(uvicorn.Server):
    """Serves on for `farewell` seconds after the first SIGTERM. A second one, or SIGINT, ends that at once."""

    def __init__(self, config: uvicorn.Config, farewell: float) -> None:
        super().__init__(config)
        self._farewell = farewell
        self._leaves_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave, or leave."""
        first = self._leaves_at is None and not self.should_exit
        leaving.say()
        if sig == signal.SIGTERM and first and self._farewell:
            self._leaves_at = time.monotonic() + self._farewell
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Leave when the farewell is over. Ten times a second."""
        if self._leaves_at is not None and time.monotonic() >= self._leaves_at and not self.should_exit:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)


def run(config: uvicorn.Config, farewell: float) -> None:
    """Serve until a signal ends it, which is a clean end of the process."""
    # uvicorn raises the signal that ended it once more, when all is done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(config, farewell)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    if not server.started:
        sys.exit(_STARTUP_FAILURE)
