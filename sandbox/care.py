"""What a newcomer finds of care: an oficio, a measure, a stay in a shelter, a determination, a plan under way.

Every step may be repeated with the same story, as those of the route: its keys and what it says are fixed.
"""

from datetime import timedelta
from typing import Any

from sandbox.partner import Partner
from sandbox.route import Story
from sandbox.shelters import CAS

Ids = dict[str, str]

_PP, _DIF = {"officer": "pp-0001"}, {"officer": "dif-0031"}
_AUNT = "RETURN_TO_FAMILY"


async def attend(story: Story) -> Ids:
    """The Procuraduría attended where the boy was met with his aunt, and drew up the oficio (R10)."""
    pp = story.agency("pp")
    known = await pp.get(f"/v1/referral/cases/{story.case['id']}")
    body = {
        "case_id": story.case["id"], "encounter_id": story.encounter["id"], "number": "OF-CHP/0017/2026",
        "adult": "Supuesta Tía", "tie": "CUSTOMARY_CARE", "place": "Tapachula", "attended_at": known["notified_at"],
    }  # fmt: skip
    return {"oficio_id": (await _post(story, pp, "oficios", body | _PP, "oficio"))["id"]}


async def begin(story: Story) -> Ids:
    """The Procuraduría orders an urgent measure, which the judge confirms; the shelter takes the girl in."""
    pp, case = story.agency("pp"), {"case_id": story.case["id"]}
    order = {
        "kind": "URGENT", "way": "ORDERED", "code": "CAS_ADMISSION", "ground": "WITHOUT_CARE",
        "reasons": "Viaja sola y no tiene dónde dormir.", "reference": "PP/2026/0417", "notice": "JF-AVISO/2026/17",
    }  # fmt: skip
    measure = await _post(story, pp, "measures", case | order | _PP, "measure")
    said = {"reference": "JF/2026/17", "decided_at": measure["live_since"]}
    await _post(story, pp, f"measures/{measure['id']}/confirm", said | _PP, "confirm")
    stay = {
        "measure_id": measure["id"], "cas": CAS, "sex": "F", "age_band": "12-17", "nationality": "HND",
        "purpose": "URGENT_PROTECTION", "admitted_at": measure["live_since"],
    }  # fmt: skip
    admitted = await _post(story, story.agency("dif"), "admissions", case | stay | _DIF, "admit")
    return {"measure_id": measure["id"], "admission_id": admitted["id"]}


async def determine(story: Story) -> Ids:
    """DIF assesses her; the Procuraduría hears her, and signs what a panel decides."""
    pp, dif, case = story.agency("pp"), story.agency("dif"), {"case_id": story.case["id"]}
    met = story.met_at.isoformat()
    found = {"kind": "INITIAL", "safe": True, "private": True, "findings": ["PSYCHOSOCIAL", "FAMILY_ABROAD"]}
    assessed = await _post(story, dif, "assessments", case | found | _DIF | {"assessed_at": met}, "assess")
    heard = {
        "expression": "EXPRESSED", "view": "Quiere volver con su tía.", "explained": ["RIGHTS", "PROCEDURE", "OPTIONS"],
        "explanation": "Se le explicó con dibujos qué sigue.", "language": "spa", "interpreter": False,
        "heard_at": met,
    }  # fmt: skip
    hearing = await _post(story, pp, "hearings", case | heard | _PP, "hear")
    begun = {"purpose": "DURABLE_SOLUTION", "assessor": "pp-0007"}
    made = await _post(story, pp, "determinations", case | begun | _PP, "determine")
    path = f"determinations/{made['id']}"
    for n, (discipline, words) in enumerate(_OPINIONS.items()):
        said = {"discipline": discipline, "recommendation": _AUNT, "words": words, "officer": "pp-0008"}
        await _post(story, pp, f"{path}/opinions", said, f"opinion-{n}")
    for n, discipline in enumerate(("LEGAL", "PSYCHOLOGICAL")):
        seat = {"agency": "dif-chp", "officer": f"dif-00{41 + n}", "discipline": discipline}
        undertaken = {"undertaking": f"UC/2026/{n + 1}", "undertaken_at": met}
        await _post(story, pp, f"{path}/panel", seat | undertaken, f"seat-{n}")
    await _post(story, pp, f"{path}/decide", {"decision": _AUNT, "reasons": "Es lo mejor para ella."} | _PP, "decide")
    await _post(story, pp, f"{path}/sign", {"reference": "DIS/2026/0417"} | _PP, "sign-bid")
    return {"assessment_id": assessed["id"], "hearing_id": hearing["id"], "determination_id": made["id"]}


async def plan(story: Story) -> Ids:
    """The plan is signed: one item is done and verified, one reported, one begun, and one waits for INM."""
    pp, dif = story.agency("pp"), story.agency("dif")
    due = {"due_on": f"{(story.met_at + timedelta(days=20)).date()}"}
    body = {"case_id": story.case["id"], "allows_exit": True, "items": [each | due for each in ITEMS]} | _PP
    made = await _post(story, pp, "plans", body, "plan")
    signed = await _post(story, pp, f"plans/{made['id']}/sign", {"reference": "PRD/2026/0417"} | _PP, "sign-plan")
    first, second, third, _ = [f"plan-items/{each['id']}" for each in signed["items"]]
    for n, path in enumerate((first, second)):
        await _post(story, dif, f"{path}/report", {"reference": f"CONST/2026/{n + 3}"} | _DIF, f"report-{n}")
    await _post(story, pp, f"{first}/verify", _PP, "verify")
    await _post(story, dif, f"{third}/start", _DIF, "start")
    return {"plan_id": made["id"], "item_id": signed["items"][0]["id"]}


async def _post(story: Story, who: Partner, path: str, body: dict[str, Any], step: str) -> dict[str, Any]:
    answer: dict[str, Any] = await who.post(f"/v1/referral/{path}", body, story.key(step))
    return answer


def _item(right: str, basis: str, measure: str, agency: str = "dif-chp") -> dict[str, Any]:
    return {
        "right": right, "basis": basis, "kind": "SPECIAL", "beneficiary": "CHILD", "measure": measure,
        "agency": agency, "responsible": "Ficticia Enlace", "periodicity": "ONCE",
    }  # fmt: skip


_OPINIONS = {
    "LEGAL": "La tía acredita el parentesco.",
    "PSYCHOLOGICAL": "Pregunta por ella a diario.",
    "SOCIAL_WORK": "La casa de la tía es segura.",
}
ITEMS = (
    _item("HEALTH_AND_SOCIAL_SECURITY", "LGDNNA, art. 50", "Revisión médica y vacunas."),
    _item("FAMILY", "LGDNNA, art. 22", "Llamadas semanales con su tía."),
    _item("EDUCATION", "LGDNNA, art. 57", "Clases en el centro mientras espera."),
    _item("MIGRANTS", "LM, art. 52-V-b", "Entregar la tarjeta de visitante.", "inm-chp"),
)
