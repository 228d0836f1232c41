"""What receivers send and see of their endpoints, deliveries and events."""

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from shared.delivery.rules import DeliveryState, EndpointState
from shared.shapes import In, Out

_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
"""Printable ASCII without what parsers disagree about: spaces, backslash, quotes, angle brackets, braces."""


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    if not _PLAIN.fullmatch(url) or parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
        raise ValueError("not a plain web address")
    if "@" in parts.netloc or parts.hostname.endswith(".") or port == 0:
        raise ValueError("not a plain web address")
    return url


Url = Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_address)]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,40}\.[a-z_]{2,40}$")]


class EndpointIn(In):
    """Where the caller wants its events, and which (all, when left out)."""

    url: Url = Field(examples=["https://hooks.example.org/ruta"])
    event_types: Annotated[list[EventType], Field(min_length=1, max_length=50)] | None = None


class EndpointOut(Out):
    """An endpoint as its owner sees it."""

    id: str
    url: str
    event_types: list[str] | None
    state: EndpointState
    failures: int
    last_success_at: datetime | None
    created_at: datetime


class EndpointCreated(EndpointOut):
    """A new endpoint, with the secret that signs its events. It is shown this once."""

    secret: str


class DeliveryOut(Out):
    """One event on its way to one of the caller's endpoints."""

    id: str
    event_id: str
    endpoint_id: str
    sequence: int
    state: DeliveryState
    attempts: int
    delivered_at: datetime | None


class EventOut(Out):
    """An event that was sent to the caller."""

    id: str
    type: str
    version: int
    occurred_at: datetime
    data: dict[str, Any]
