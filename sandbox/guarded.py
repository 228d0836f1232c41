"""What a newcomer finds of the guard: a request that crossed a border, a lift that waits for its second act."""

from typing import Any

from sandbox.partner import until
from sandbox.route import Story

ABROAD = "child-protection-hnd"


async def crossing(story: Story) -> None:
    """Honduras's child-protection body is asked to trace the girl's family, and receives it. Every key is fixed."""
    moment = story.met_at.isoformat()
    body: dict[str, Any] = {
        "case_id": story.case["id"], "nationality": "HND", "officer": "opi-0417", "screened_at": moment,
        "told_at": moment, "told_in": "spa", "objects": False, "recipient": ABROAD, "service": "FAMILY_TRACING",
    }  # fmt: skip
    made = await story.agency("inm").post("/v1/referral/releases", body, story.key("abroad"))
    for kind, step in (("pp", "concur"), ("inm", "release")):
        path = f"/v1/referral/releases/{made['id']}/{step}"
        await story.agency(kind).post(path, {"officer": f"{kind}-0001"}, story.key(f"abroad:{step}"))

    async def received() -> bool | None:
        return bool(await story.cast[ABROAD].items("/v1/referral/crossings")) or None

    await until(received)


async def lift(story: Story) -> None:
    """The boy consents, through the Procuraduría, that his consulate be told. Another officer of it acts next.

    His bar is reviewed at its date: `GET /v1/referral/reviews` has it.
    """
    body = {
        "case_id": story.case["id"], "ground": "CONSENT", "purpose": "CONSULAR_NOTICE", "recipients": ["SLV"],
        "consent_by": "PP_EN_SUPLENCIA", "consent_at": story.met_at.isoformat(),
        "evidence": "PP/2026/0417", "reasons": "Ficticio: pide hablar con su consulado", "officer": "pp-0001",
    }  # fmt: skip
    await story.agency("pp").post("/v1/referral/lifts", body, story.key("lift"))
