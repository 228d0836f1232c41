"""Routes that will go: said in the description and in every answer, by Deprecation (RFC 9745), Sunset (RFC 8594)."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders

from shared.errors import Refusal

NOTICE = timedelta(days=180)
"""How long a deprecated route stays at least: partners' systems have budgets and seasons."""

CHANGES = "/changelog"
"""Where the gateway shows what changed and what to use instead."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Deprecated:
    """Since when a route is deprecated, when it goes, and what to use instead. Times in UTC."""

    since: datetime
    sunset: datetime
    instead: str

    @property
    def text(self) -> str:
        """What the description says."""
        return (
            f"Deprecated since {self.since:%Y-%m-%d}; answers until {self.sunset:%Y-%m-%d}. "
            f"Use {self.instead} instead. See {CHANGES}."
        )

    def put(self, headers: MutableHeaders) -> None:
        """Put the headers on an answer."""
        headers["Deprecation"] = f"@{int(self.since.timestamp())}"
        headers["Sunset"] = format_datetime(self.sunset, usegmt=True)
        headers["Link"] = f'<{CHANGES}>; rel="deprecation", <{CHANGES}>; rel="sunset"'


def deprecated(*, since: datetime, sunset: datetime, instead: str) -> Callable[[F], F]:
    """Mark an endpoint, below its route's decorator. Raises ValueError when less than NOTICE is given."""
    if sunset - since < NOTICE:
        raise ValueError(f"A route stays for at least {NOTICE.days} days after it is deprecated.")
    marked = Deprecated(since, sunset, instead)

    def mark(endpoint: F) -> F:
        endpoint.__ruta_deprecated__ = marked  # type: ignore[attr-defined]  # a mark on the function itself
        return endpoint

    return mark


def of(endpoint: Callable[..., Any]) -> Deprecated | None:
    """Return what an endpoint was marked with."""
    found: Deprecated | None = getattr(endpoint, "__ruta_deprecated__", None)
    return found


def announced(endpoint: Callable[..., Any], answer: Handler) -> Handler:
    """Return the handler of a route, whose every answer says so if the route is deprecated: refusals too."""
    marked = of(endpoint)
    if marked is None:
        return answer

    async def announcing(request: Request) -> Response:
        try:
            response = await answer(request)
        except (Refusal, RequestValidationError) as error:
            kind = Refusal if isinstance(error, Refusal) else RequestValidationError
            response = await request.app.exception_handlers[kind](request, error)
        marked.put(response.headers)
        return response

    return announcing
