"""A process says that it leaves before it takes no connection any more."""

import signal
import threading
from typing import Any

import pytest
import uvicorn

from shared.health import Health
from shared.rollout import leaving, server


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not said anything yet."""
    said = threading.Event()
    monkeypatch.setattr(leaving, "say", said.set)
    monkeypatch.setattr(leaving, "said", said.is_set)


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its last element."""
    moments = [100.0]
    monkeypatch.setattr(server.time, "monotonic", lambda: moments[-1])  # type: ignore[attr-defined]  # its own import
    return moments


def serving(farewell: float) -> server.Server:
    async def app(*_: Any) -> None: ...

    made = server.Server(uvicorn.Config(app, log_config=None), farewell)
    made.config.encoded_headers = []
    return made


async def test_on_sigterm_it_is_not_ready_any_more_and_serves_on_until_its_farewell_is_over(
    moments: list[float],
) -> None:
    made = serving(5)
    made.handle_exit(signal.SIGTERM, None)
    assert await Health(None, "gateway").reason() == "draining"  # type: ignore[arg-type]  # it asks no database
    moments.append(104.9)
    assert not await made.on_tick(0)
    moments.append(105.0)
    assert await made.on_tick(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_who_is_asked_twice_leaves_at_once(number: signal.Signals, moments: list[float]) -> None:
    made = serving(5)
    made.handle_exit(signal.SIGTERM, None)
    made.handle_exit(number, None)
    assert await made.on_tick(0)


async def test_without_a_farewell_it_leaves_at_once() -> None:
    made = serving(0)
    made.handle_exit(signal.SIGTERM, None)
    assert leaving.said()
    assert await made.on_tick(0)
