"""`python -m bench.serving whole | bare`: the referral service as it ships, or without the layer around its app.

Nobody is suspended here: there is no gateway to ask. The settings are the environment's, as in production.
"""

import sys
from functools import partial

import uvicorn

from services.referral.main import api
from shared import settings, telemetry, testing
from shared.edge.listener import Listener


def main(how: str) -> None:
    """Serve until the process is ended."""
    telemetry.configure()
    current = settings.load()
    whole = api(testing.runtime(current))
    app = whole if how == "whole" else whole.app  # type: ignore[attr-defined]  # telemetry.Edge, as create_app has it
    uvicorn.run(
        app, host="127.0.0.1", port=current.port, loop="uvloop", ws="none", access_log=False, log_level="warning",
        http=partial(Listener, max_connections=current.max_connections),  # type: ignore[arg-type]  # a class
        server_header=False, proxy_headers=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
