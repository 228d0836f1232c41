"""What a newcomer finds at the end of the route: a claim under way, a return that is planned, its return point."""

from datetime import timedelta
from typing import Any

from sandbox.route import Story

_WEEK = [{"days": ["MO", "TU", "WE", "TH", "FR"], "opens": "08:00", "closes": "17:00"}]


async def claim(story: Story) -> None:
    """COMAR takes the boy's claim in, admits it, and tells INM as the law orders. Every key is fixed."""
    body: dict[str, Any] = {
        "case_id": story.case["id"], "filed_by": "CHILD", "form": "VERBAL", "officer": "comar-0007",
        "possible_on": story.met_at.date().isoformat(), "possible_since": "TOLD_OF_RIGHT",
    }  # fmt: skip
    comar = story.cast["comar"]
    made = await comar.post("/v1/referral/refuge-claims", body, story.key("claim"))
    path = f"/v1/referral/refuge-claims/{made['id']}"
    await comar.post(f"{path}/admit", {"officer": "comar-0007"}, story.key("claim:admit"))
    told = {"officer": "comar-0007", "reference": "COMAR/2026/0417"}
    await comar.post(f"{path}/tell-inm", told, story.key("claim:tell-inm"))


async def point(story: Story) -> str:
    """Who runs the installation enters a fictitious return point of the girl's country."""
    body = {
        "country": "HND", "name": "Punto Ejemplo (ficticio)", "route": "LAND", "instrument": "NOTE",
        "zone": "America/Tegucigalpa", "week": _WEEK, "notice_hours": 24, "valid_from": "2026-01-01",
        "source": "fictitious",
    }  # fmt: skip
    made = await story.cast["ruta-operations"].post("/v1/referral/return-points", body, story.key("point"))
    return str(made["id"])


async def planned_return(story: Story, point_id: str) -> None:
    """By her signed plan the girl returns: the Procuraduría assesses and concurs, INM decides and plans."""
    pp, inm, base = story.agency("pp"), story.agency("inm"), "/v1/referral/returns"
    case, met = story.case["id"], story.met_at.isoformat()
    officer, opi = {"officer": "pp-0001"}, {"officer": "opi-0417"}
    await pp.post(f"/v1/referral/cases/{case}/begin-restitution", officer, story.key("restitution"))
    body = {"case_id": case, "kind": "ASSISTED_RETURN", "destination": "HND"}
    made = await pp.post(base, body | officer, story.key("return"))
    path = f"{base}/{made['id']}"
    found = {
        "finding": "NO_DANGER", "plan_allows": True, "plan_reference": "PRD/2026/0417", "heard_at": met,
        "explained_in": "spa", "wish": "WISHES", "view": "Quiere volver con su tía.",
    }  # fmt: skip
    await pp.post(f"{path}/assess", found | officer, story.key("return:assess"))
    await pp.post(f"{path}/concur", officer, story.key("return:concur"))
    await inm.post(f"{path}/authorise", {"reference": "INM/2026/0417"} | opi, story.key("return:authorise"))
    planned = {
        "return_point_id": point_id, "planned_at": f"{_weekday(story)}T12:00:00-06:00",
        "escort": {"name": "Ficticia Acompañante", "officer": "opi-0417", "specialised": True},
        "acceptance": {"authority": "Autoridad Ejemplo (ficticia)", "accepted_at": met, "reference": "AC/2026/17"},
    }  # fmt: skip
    await inm.post(f"{path}/plan", planned | opi, story.key("return:plan"))


def _weekday(story: Story) -> str:
    """Return a day on which the point receives, four to six days after the child was met."""
    day = story.met_at.date() + timedelta(days=4)
    return str(day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0))
