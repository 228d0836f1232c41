"""`python -m shared.egress`: run the proxy until SIGTERM."""

import asyncio
import signal

import uvloop

from shared import telemetry
from shared.egress.proxy import Proxy
from shared.egress.settings import EgressSettings
from shared.rollout import leaving
from shared.rollout.server import FINISHING_SECONDS


async def run(settings: EgressSettings) -> None:
    """Serve; on SIGTERM take nothing new, and let what is under way end."""
    proxy = Proxy(settings.ports, tunnels=settings.egress_tunnels)
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    server = await asyncio.start_server(proxy.serve, settings.host, settings.port, limit=proxy.HEAD_BYTES)
    await ended.wait()
    leaving.say()
    server.close()
    await proxy.close(FINISHING_SECONDS)


def main() -> None:
    """Read the settings and run."""
    telemetry.configure()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(EgressSettings()))


if __name__ == "__main__":
    main()
