"""What of the directory goes out, and under which ids. Pure.

No shelter's address or telephone ever does, whoever asks; of other bodies what they marked as public.
"""

import uuid
from collections.abc import Iterable

from services.referral.agencies.rules import COUNTRY, SERVICES, SHELTERS, Agency, Service
from services.referral.duty.rules import WEEK, Weekday

VERSION = "3.0"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ruta:directory")
OPEN_ELIGIBILITY = "Open Eligibility"
OWN = "Ruta"
"""The taxonomy of services that Open Eligibility has no term for."""


def uid(*parts: str) -> str:
    """Return the id of a thing in exports: the same in each of them."""
    return str(uuid.uuid5(_SPACE, "\0".join(parts)))


def may_be_located(body: Agency) -> bool:
    """Whether where a body is, and whom to call there, may go out at all (R31)."""
    return body.kind not in SHELTERS


def area(code: str) -> tuple[str, str]:
    """Return the extent of a service area and its type: a country, or a state of Mexico."""
    return (code, "state") if "-" in code else ("MEX" if code == COUNTRY else code, "country")


def term(service: Service) -> tuple[str, str]:
    """Return under which taxonomy and term a service goes out."""
    name = SERVICES[service].open_eligibility
    return (OPEN_ELIGIBILITY, name) if name is not None else (OWN, service.value)


def byday(days: Iterable[Weekday]) -> str:
    """Return days of the week as iCalendar writes them, Monday first."""
    found = set(days)
    return ",".join(day.value for day in WEEK if day in found)
