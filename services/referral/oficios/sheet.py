"""What stands on the oficio's paper. How it is printed is the acta's `paper`."""

from datetime import UTC, datetime
from typing import Any

from services.referral.actas import paper
from services.referral.oficios.rules import TIES, CarerTie
from services.referral.oficios.schemas import OficioOut


def pdf(oficio: OficioOut) -> bytes:
    """Return an oficio, with whom it names, as PDF in Spanish. Nothing of it is kept in memory."""
    return paper.printed("services.referral.oficios", "oficio", _shown(oficio))


def _shown(oficio: OficioOut) -> dict[str, Any]:
    said, state = oficio.content, oficio.content["state"]
    issued = datetime.fromisoformat(said["issued_at"]).astimezone(UTC)
    return {
        "id": oficio.id,
        "number": said["number"],
        "case": said["case"],
        "child": said["child"],
        "encounter": said["encounter"],
        "state": state,
        "place": said["place"],
        "attended": paper.moment(said["attended_at"], state),
        "issued": paper.moment(said["issued_at"], state),
        "day": [issued.year, issued.month, issued.day],
        "issuer": paper.body(said["issued_by"]["agency"]),
        "office": said["issued_by"]["office"] or "",
        "officer": said["issued_by"]["officer"],
        "adult": said["adult"]["name"],
        "tie": TIES[CarerTie(said["adult"]["tie"])].es,
        "salt": said["adult"]["salt"],
        "digest": oficio.digest,
        "signature": oficio.signature,
    }
