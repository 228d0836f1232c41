"""What a newcomer finds at the end of the route: a claim under way, a return that was proposed, a return point."""

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


async def point(story: Story) -> None:
    """Who runs the installation enters a fictitious return point of the girl's country."""
    body = {
        "country": "HND", "name": "Punto Ejemplo (ficticio)", "route": "LAND", "instrument": "NOTE",
        "zone": "America/Tegucigalpa", "week": _WEEK, "notice_hours": 24, "valid_from": "2026-01-01",
        "source": "fictitious",
    }  # fmt: skip
    await story.cast["ruta-operations"].post("/v1/referral/return-points", body, story.key("point"))


async def proposed_return(story: Story) -> None:
    """The Procuraduría proposes that the girl return. It goes on once her plan is signed."""
    body = {"case_id": story.case["id"], "kind": "ASSISTED_RETURN", "destination": "HND", "officer": "pp-0001"}
    await story.agency("pp").post("/v1/referral/returns", body, story.key("return"))
