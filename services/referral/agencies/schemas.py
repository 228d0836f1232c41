"""Bodies as readers see them."""

from services.referral.agencies.rules import Agency, Kind, Service
from shared.shapes import Out


class AgencyOut(Out):
    """One body of the directory."""

    id: str
    kind: Kind
    name_es: str
    name_en: str
    state: str | None
    territory: list[str]
    services: list[Service]
    parent: str | None
    source: str
    verified: bool

    @classmethod
    def of(cls, agency: Agency) -> "AgencyOut":
        """Show a body."""
        return cls(
            id=agency.id, kind=agency.kind, name_es=agency.name_es, name_en=agency.name_en, state=agency.state,
            territory=sorted(agency.territory), services=list(agency.services), parent=agency.parent,
            source=agency.source, verified=agency.verified,
        )  # fmt: skip
