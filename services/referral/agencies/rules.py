"""What a body of the route is, and which one is competent. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

COUNTRY = "MX"
"""The territory of bodies that act in the whole country."""


class Kind(StrEnum):
    """The kinds of body, as tokens name them too."""

    INM = "INM"
    PP = "PP"
    DIF = "DIF"
    COMAR = "COMAR"
    UNICEF = "UNICEF"
    UNHCR = "UNHCR"
    IOM = "IOM"
    ICRC = "ICRC"
    SRE = "SRE"
    MP = "MP"
    CNDH = "CNDH"
    UPM = "UPM"


class Service(StrEnum):
    """What a body can be asked for."""

    REPRESENTATION = "REPRESENTATION"
    BEST_INTERESTS = "BEST_INTERESTS"
    URGENT_MEASURES = "URGENT_MEASURES"
    SHELTER = "SHELTER"
    INITIAL_ASSESSMENT = "INITIAL_ASSESSMENT"
    REFUGE = "REFUGE"
    MIGRATION_PROCEDURE = "MIGRATION_PROCEDURE"
    FAMILY_TRACING = "FAMILY_TRACING"
    LEGAL_AID = "LEGAL_AID"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    HEALTH = "HEALTH"
    EDUCATION = "EDUCATION"
    CONSULAR = "CONSULAR"
    PROSECUTION = "PROSECUTION"
    RETURN = "RETURN"
    MONITORING = "MONITORING"
    STATISTICS = "STATISTICS"


@dataclass(frozen=True, slots=True)
class Agency:
    """One body. `verified` tells how sure the row is; it never stops a referral."""

    id: str
    kind: Kind
    name_es: str
    name_en: str
    state: str | None
    territory: frozenset[str]
    services: tuple[Service, ...]
    parent: str | None
    source: str
    verified: bool

    def covers(self, state: str) -> bool:
        """Whether it acts in `state`, alone or in the whole country."""
        return state in self.territory or COUNTRY in self.territory


def competent(kind: Kind, state: str, agencies: Iterable[Agency]) -> Agency | None:
    """Return the body of this kind for a state: the state's own first, else the federal one."""
    able = [agency for agency in agencies if agency.kind is kind and agency.covers(state)]
    return min(able, key=lambda agency: (state not in agency.territory, agency.id), default=None)


def federal(kind: Kind, agencies: Iterable[Agency]) -> Agency | None:
    """Return the body of this kind that acts in the whole country."""
    able = [agency for agency in agencies if agency.kind is kind and COUNTRY in agency.territory]
    return min(able, key=lambda agency: agency.id, default=None)
