"""The description of the whole API as docs/openapi.json holds it: `python3 dev.py openapi` writes it."""

import json
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway import openapi
from shared import testing
from shared.runtime import Runtime
from shared.settings import ServiceName

FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
SERVICES: tuple[ServiceName, ...] = ("intake", "referral", "consular")


def whole() -> dict[str, Any]:
    """Return what `/openapi.json` of the gateway answers while every service does. Nothing is started for it."""
    with tempfile.TemporaryDirectory() as folder:
        services: dict[str, Any] = {name: app_of(name, Path(folder)).openapi() for name in SERVICES}
        return openapi.merged(app_of("gateway", Path(folder)).openapi(), services)


def app_of(name: ServiceName, folder: Path) -> Any:
    """Return the FastAPI application of a service or of the gateway, with a database that nobody opens."""
    own = folder / name
    own.mkdir()
    database = f"sqlite+aiosqlite:///{own}/none.db"
    more = {"keyring_url": database} if name == "intake" else {}
    runtime = Runtime.build(testing.settings(name, own, testing.Keys(), database, **more))
    package = name if name == "gateway" else f"services.{name}"
    build: Callable[[Runtime], Any] = import_module(f"{package}.main").api
    app = build(runtime)
    while not hasattr(app, "openapi"):  # the edge and the door stand around it
        app = app.app
    return app


def text() -> str:
    """Return it as the file has it: the same text on every machine."""
    return json.dumps(whole(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written.\n")
