"""HTTP of the webhook engine, mounted by the services that have receivers outside."""

from fastapi import APIRouter

from shared.delivery.deliveries.routes import deliveries
from shared.delivery.endpoints.routes import alarms, endpoints
from shared.delivery.events.routes import events
from shared.delivery.parcels import Gate


def routers(name: str, *, kinds: tuple[str, ...] = (), gate: Gate | None = None) -> list[APIRouter]:
    """Return the routers of a service's endpoints, their alarms, deliveries and feeds.

    `kinds` are the kinds of agency that may register; `gate` permits what the read of a feed may open.
    """
    return [endpoints(name, kinds), alarms(name), deliveries(name), events(name, gate)]
