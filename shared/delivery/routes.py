"""HTTP of the webhook engine, mounted by the services that have receivers outside."""

from collections.abc import Callable, Mapping
from functools import cache

from fastapi import APIRouter

from shared.auth import Caller
from shared.delivery.deliveries.routes import deliveries
from shared.delivery.endpoints.routes import alarms, endpoints
from shared.delivery.events.routes import events
from shared.delivery.events.service import Door
from shared.delivery.parcels import Gate
from shared.delivery.rules import Chain


def routers(
    name: str,
    *,
    kinds: tuple[str, ...] = (),
    gate: Gate | None = None,
    chains: Mapping[str, Chain] | None = None,
    asks: Callable[[Caller], bool] = lambda _: True,
) -> list[APIRouter]:
    """Return the routers of a service's endpoints, their alarms, deliveries and feeds.

    `kinds` are the kinds of agency that may register; `gate` permits what the read of a feed may open;
    `asks` whose reads ask it; `chains` say what follows where nobody acknowledges an event of a type.
    """
    return [*_of_endpoints(name, kinds), events(name, Door(gate, chains or {}, asks))]


@cache
def _of_endpoints(name: str, kinds: tuple[str, ...]) -> list[APIRouter]:
    """Return what depends on no runtime: the same for every app of a process."""
    return [endpoints(name, kinds), alarms(name), deliveries(name)]
