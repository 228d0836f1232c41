"""Which systems give children numbers. Pure."""

from enum import StrEnum


class IdSystem(StrEnum):
    """Whose number it is."""

    AGENCY = "AGENCY"  # `issuer` names the agency
    NATIONAL = "NATIONAL"  # `issuer` names the country
    UNHCR_CASE = "UNHCR_CASE"
    UNHCR_INDIVIDUAL = "UNHCR_INDIVIDUAL"
    ICRC = "ICRC"


ISSUED = frozenset({IdSystem.AGENCY, IdSystem.NATIONAL})
"""Systems of which there are several, so that a number alone says nothing."""


def plain(value: str) -> str:
    """Return a number as it is compared: capitals and digits alone."""
    return "".join(sign for sign in value.upper() if sign.isalnum())
