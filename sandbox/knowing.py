"""What a newcomer finds of who knows what of a child: consents, a reading, a withdrawal that travels, an override."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from sandbox.partner import Refused
from sandbox.route import Story

OFFICER = {"officer": "pp-0001"}


async def consents(story: Story) -> None:
    """UNICEF reads the boy's name on a consent that stands; UNHCR's has been withdrawn, and it has not answered yet.

    A supervisor lets UNICEF know of his health, which another officer is to review. Every key is fixed.
    """
    await _read(story, "unicef", "PSYCHOSOCIAL", "PSYCHOSOCIAL", ["identity.given_names", "child.languages"])
    ended = await _read(story, "unhcr", "LEGAL_AID", "LEGAL", ["child.nationalities", "child.languages"])
    back = {"withdrawn_by": "PP_EN_SUPLENCIA", "reason": "FEAR_OF_HARM"} | OFFICER
    await story.agency("pp").post(f"/v1/referral/consents/{ended}/withdraw", back, story.key("withdraw"))
    override = {
        "case_id": story.case["id"], "recipient": "unicef", "purpose": "HEALTH", "fields": ["alerts.health"],
        "reason": "URGENT_HEALTH", "officer": "pp-0009",
    }  # fmt: skip
    await story.cast["pp-chp-supervisor"].post("/v1/referral/overrides", override, story.key("override"))


async def _read(story: Story, reader: str, service: str, purpose: str, fields: list[str]) -> str:
    """Consent to what an agency may read, ask it for a service, and let it read. Returns the consent's id."""
    pp, partner, case_id = story.agency("pp"), story.cast[reader], story.case["id"]
    consent: dict[str, Any] = {
        "case_id": case_id, "given_by": "PP_EN_SUPLENCIA", "purposes": [purpose], "agencies": [reader],
        "fields": fields, "assent": "GIVEN", "language": story.child["languages"][0],
        "explained_at": (story.met_at + timedelta(minutes=5)).isoformat(), "form": "WRITTEN",
        "evidence_digest": "0f" * 32, "evidence_reference": "PP/2026/0417",
    }  # fmt: skip
    given = await pp.post("/v1/referral/consents", consent | OFFICER, story.key(f"consent:{reader}"))
    asked = {
        "case_id": case_id, "recipient": reader, "service": service, "reason": "NEED_ASSESSED", "urgency": "3d",
        "lawful_basis": "CONSENT", "fields": fields,
    }  # fmt: skip
    made = await pp.post("/v1/referral/referrals", asked, story.key(f"ask:{reader}"))
    path = f"/v1/referral/referrals/{made['id']}"
    await partner.post(f"{path}/accept", {}, story.key(f"accept:{reader}"))
    with suppress(Refused):  # seeded before, and withdrawn since
        await partner.get(f"{path}/disclosure")
    return str(given["id"])
