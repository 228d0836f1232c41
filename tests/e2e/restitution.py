"""Steps 6 and 7 of the journey: from the urgent measure to the closing. Each may be repeated and happens once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, update

from sandbox import care
from sandbox.partner import Partner, until
from sandbox.route import Story
from sandbox.system import System
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.db import Database

_PP, _DIF = {"officer": "pp-0001"}, {"officer": "dif-0031"}
FIELDS = {"unicef": ["child.languages"], "unhcr": ["child.nationalities"]}
"""Who serves the child, and what each may read of it."""


async def determine(story: Story) -> None:
    """The Procuraduría orders a measure, the DIF cares for the girl, and what a panel decides for her is signed."""
    measure = {
        "kind": "URGENT", "way": "ORDERED", "code": "CAS_ADMISSION", "ground": "WITHOUT_CARE", "reference": "PP/1",
        "reasons": "No tiene dónde dormir.", "notice": "JF/AVISO/1", "case_id": story.case["id"],
    }  # fmt: skip
    await _post(story, story.agency("pp"), "measures", measure | _PP)
    await _post(story, story.agency("dif"), f"cases/{story.case['id']}/admit", _DIF)
    await care.determine(story)


async def plan(story: Story) -> list[str]:
    """The plan is signed and set to work. Returns its items: what UNICEF does, late already, and what UNHCR does."""
    pp, today = story.agency("pp"), story.met_at.date()
    due = {"unicef": today - timedelta(days=2), "unhcr": today + timedelta(days=20)}
    items = [
        {
            "right": "EDUCATION", "basis": "LGDNNA, art. 57", "kind": "SPECIAL", "beneficiary": "CHILD",
            "measure": "Canaria Medida.", "agency": agency, "responsible": "Canaria Enlace", "periodicity": "ONCE",
            "due_on": f"{last}",
        }
        for agency, last in due.items()
    ]  # fmt: skip
    body = {"case_id": story.case["id"], "allows_exit": False, "items": items} | _PP
    made = await _post(story, pp, "plans", body)
    signed = await _post(story, pp, f"plans/{made['id']}/sign", {"reference": "PRD/1"} | _PP, "plan")
    await _post(story, pp, f"cases/{story.case['id']}/begin-restitution", _PP)
    return [str(each["id"]) for each in signed["items"]]


async def served(story: Story) -> None:
    """UNICEF and UNHCR accept a request each, and read the fields that it lists, and no others."""
    for agency, fields in FIELDS.items():
        body = {
            "case_id": story.case["id"], "recipient": agency, "service": "PSYCHOSOCIAL", "reason": "NEED_ASSESSED",
            "urgency": "1d", "lawful_basis": "BEST_INTERESTS", "fields": fields,
        }  # fmt: skip
        made = await _post(story, story.agency("pp"), "referrals", body, agency)
        partner, path = story.cast[agency], f"referrals/{made['id']}"
        await _post(story, partner, f"{path}/accept", {})
        read = await partner.get(f"/v1/referral/{path}/disclosure")
        assert ([each["code"] for each in read["fields"]], read["not_shown"]) == (fields, [])


async def escalated(story: Story, system: System, item: str) -> None:
    """An item's time is over: who answers and the Procuraduría are told, and a week later the federal one."""
    await until(lambda: _spoke(story, "clock.breached", item))
    owed = update(Clock).where(col(Clock.resource_id) == item, col(Clock.state) == ClockState.BREACHED)
    now = datetime.now(UTC)
    database = Database(system.database_url("referral"), pool_size=1)
    async with database.work() as session:  # nobody waits for a week
        await session.exec(owed.where(col(Clock.step) == 0).values(due_at=now - timedelta(days=8), next_at=now))
    await database.close()
    await until(lambda: _spoke(story, "clock.escalated", item))


async def _spoke(story: Story, code: str, item: str) -> bool | None:
    return (code, item) in await timeline(story) or None


async def timeline(story: Story) -> list[tuple[str, str]]:
    """Return what has happened in the case and to what, as the Procuraduría reads it."""
    lines = await story.agency("pp").items(f"/v1/referral/cases/{story.case['id']}/timeline", limit=100)
    return [(each["code"], each["subject"]) for each in lines]


async def close(story: Story, items: list[str]) -> None:
    """Both report what they did, the Procuraduría verifies it and asks to close, its supervisor approves."""
    pp, base = story.agency("pp"), f"cases/{story.case['id']}/closings"
    for agency, item in zip(("unicef", "unhcr"), items, strict=True):
        path = f"plan-items/{item}"
        await _post(story, story.cast[agency], f"{path}/report", {"reference": "CONST/1", "officer": "un-1"})
        await _post(story, pp, f"{path}/verify", _PP, agency)
    await _post(story, pp, base, {"reason": "PLAN_FULFILLED"} | _PP)
    await _post(story, story.cast["pp-chp-supervisor"], f"{base}/approve", {"officer": "pp-0100"})


async def _post(story: Story, who: Partner, path: str, body: dict[str, Any], part: str = "") -> dict[str, Any]:
    key = story.key(f"{path.rpartition('/')[2]}:{part}")
    answer: dict[str, Any] = await who.post(f"/v1/referral/{path}", body, key)
    return answer
