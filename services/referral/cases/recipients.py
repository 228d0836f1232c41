"""Kinds of recipient by class, and whether one is kept from a case. Pure.

A consent and a withholding name agencies, or a whole class of them: the recipients of CPIMS+'s consent form (family,
authorities, UNHCR, others), of which the others are told apart here [design].
"""

from collections.abc import Collection
from enum import StrEnum

from services.referral.agencies.rules import Kind


class RecipientClass(StrEnum):
    """Whom data may go to, or must not go to, as a class."""

    FAMILY = "FAMILY"
    AUTHORITIES = "AUTHORITIES"
    UNHCR = "UNHCR"
    INTERNATIONAL = "INTERNATIONAL"
    CIVIL_SOCIETY = "CIVIL_SOCIETY"
    ABROAD = "ABROAD"


_CLASSES: dict[str, RecipientClass] = {
    **dict.fromkeys(Kind, RecipientClass.AUTHORITIES),
    Kind.UNHCR: RecipientClass.UNHCR,
    Kind.UNICEF: RecipientClass.INTERNATIONAL,
    Kind.IOM: RecipientClass.INTERNATIONAL,
    Kind.ICRC: RecipientClass.INTERNATIONAL,
    Kind.CSO: RecipientClass.CIVIL_SOCIETY,
    "NGO": RecipientClass.CIVIL_SOCIETY,
    Kind.CAS: RecipientClass.CIVIL_SOCIETY,
    Kind.CHILD_PROTECTION_ABROAD: RecipientClass.ABROAD,
    "CONSULATE": RecipientClass.ABROAD,
}


def class_of(kind: str) -> RecipientClass | None:
    """Return the class of an agency of this kind; a kind that nobody knows is of none."""
    return _CLASSES.get(kind)


def names(agency: str, kind: str) -> tuple[str, ...]:
    """Return what names an agency in a list: its id, and its class."""
    found = class_of(kind)
    return (agency,) if found is None else (agency, found.value)


def kept_from(withheld: Collection[str], agency: str, kind: str) -> bool:
    """Whether a list (ids of agencies, codes of classes) keeps a case from an agency; from no Procuraduría (R26)."""
    return kind != Kind.PP and not set(names(agency, kind)).isdisjoint(withheld)
