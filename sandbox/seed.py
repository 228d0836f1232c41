"""Fictitious children, cases and partners for a new sandbox. Safe to repeat: every key is fixed."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from sandbox import care, guarded, knowing, outcomes
from sandbox.cast import CAST, enrol
from sandbox.partner import Refused, until
from sandbox.route import Cast, Story, acknowledge, subscribe
from sandbox.shelters import furnish
from sandbox.system import System


async def seed(system: System) -> None:
    """Enrol the clients, subscribe their receivers, and walk some children along the route."""
    await enrol(system)
    cast = Cast(system.url("gateway"))
    moment = _moment(system.data / "seed-moment")
    stories = {
        name: Story(f"seed-{name}", cast, child, met_at=moment, **more) for name, (child, more) in _CHILDREN.items()
    }
    try:
        await _subscribe(system, cast)
        await furnish(cast)
        for story in stories.values():
            await story.meet()
        for name in ("honduran-girl", "salvadoran-boy", "guatemalan-boy"):
            await _channel(stories[name])
        await _tell_consulate(cast, stories["honduran-girl"])
        await stories["salvadoran-boy"].indicate(cast["dif-chp"])
        await cast["comar"].post("/v1/referral/calendar-suspensions", _leave(moment), key="seed-comar-leave")
        await care.attend(stories["guatemalan-boy"])
        await _follow(cast, stories["honduran-girl"], stories["guatemalan-boy"])
        for step in (care.begin, care.determine, care.plan):
            await step(stories["honduran-girl"])
        await guarded.crossing(stories["honduran-girl"])
        await outcomes.claim(stories["salvadoran-boy"])
        await guarded.lift(stories["salvadoran-boy"])
        await outcomes.planned_return(stories["honduran-girl"], await outcomes.point(stories["honduran-girl"]))
        await knowing.consents(stories["guatemalan-boy"])
    finally:
        await cast.close()


def _leave(moment: datetime) -> dict[str, str]:
    """Days on which COMAR is closed, made up: its clocks in working days go around them."""
    first = (moment + timedelta(days=30)).date()
    return {"first": f"{first}", "last": f"{first + timedelta(days=6)}", "source": "DOF (fictitious)"}


def _moment(file: Path) -> datetime:
    """When the children were met: the same each time that seeding is tried again."""
    if not file.exists():
        file.write_text((datetime.now(UTC) - timedelta(minutes=20)).isoformat())
    return datetime.fromisoformat(file.read_text())


def _child(given: str, surname: str, years: int, sex: str, country: str, language: str = "spa") -> dict[str, Any]:
    return {
        "given_names": given,
        "first_surname": surname,
        "birth_date": f"{datetime.now(UTC).year - years}-01-14",
        "sex": sex,
        "nationalities": [country],
        "languages": [language],
    }


_CHILDREN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "honduran-girl": (_child("Ficticia", "Ejemplo", 14, "F", "HND"), {"assistance": ("FOOD", "PHONE_CALL")}),
    "salvadoran-boy": (_child("Inventado", "Muestra", 16, "M", "SLV"), {"assistance": ("FOOD", "REST")}),
    "guatemalan-boy": (_child("Supuesto", "Prueba", 15, "M", "GTM", "mam"), {"tie": "CUSTOMARY_CARE"}),
    "haitian-girl": (_child("Fiktif", "Egzanp", 10, "F", "HTI", "hat"), {"tie": "PARENTAL_AUTHORITY"}),
    "mexican-boy": (
        _child("Imaginario", "Modelo", 16, "M", "MEX"),
        {"state": "MX-TAM", "kind": "MEXICAN_RETURNED"},
    ),
}


async def _subscribe(system: System, cast: Cast) -> None:
    receiver = system.url("receiver")
    async with httpx.AsyncClient(trust_env=False) as client:

        async def one(agency: str, service: str) -> None:
            hook = f"{receiver}/hooks/{agency}"

            async def keep(secret: str) -> None:
                (await client.put(f"{hook}/secret", content=secret)).raise_for_status()

            await subscribe(cast, agency, service, hook, keep)

        await asyncio.gather(*(one(part.agency, part.service) for part in CAST if part.service is not None))


async def _channel(story: Story) -> None:
    await story.notify()
    await story.accept()
    await story.channel()


async def _tell_consulate(cast: Cast, story: Story) -> None:
    """Release the notice, and acknowledge it as the consulate."""
    await until(lambda: _proposed(story))
    await story.step("pp", "concur")
    await story.step("inm", "release")

    async def look() -> str | None:
        notices = await cast["con-hnd-tapachula"].items("/v1/consular/notices")
        return str(notices[0]["id"]) if notices else None

    await acknowledge(cast, "con-hnd-tapachula", await until(look))


async def _follow(cast: Cast, girl: Story, boy: Story) -> None:
    """Somebody represents the girl, who is at some risk; nobody knows where the boy is; more children are expected."""
    pp, dif, base = cast["pp-chp"], cast["dif-chp"], f"/v1/referral/cases/{girl.case['id']}"
    lawyer = {"name": "Ficticia Defensora", "contact": "+52 961 000 0000", "document": "COURT_ORDER"}
    await pp.post(f"{base}/representation", lawyer | {"reference": "JF-1", "officer": "pp-0001"}, girl.key("represent"))
    risk = {"level": "MEDIUM", "reason": "INITIAL_ASSESSMENT", "officer": "dif-0031"}
    await dif.post(f"{base}/risk", risk, girl.key("risk"))
    gone = {"kind": "MISSING", "circumstances": "DID_NOT_COME_BACK", "officer": "dif-0031"}
    noticed = (boy.met_at + timedelta(minutes=10)).isoformat()
    await dif.post(f"/v1/referral/cases/{boy.case['id']}/absences", gone | {"noticed_at": noticed}, boy.key("absence"))
    alert = {
        "state": "MX-CHP", "point": "Puente Rodolfo Robles", "level": "PREPARE", "source": "GRUPO_BETA",
        "from_6_to_11": 20, "from_12_to_17": 60, "unaccompanied": 25, "officer": "beta-12",
        "starts_at": girl.met_at.isoformat(), "ends_at": (girl.met_at + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    await cast["inm-chp"].post("/v1/referral/alerts", alert, girl.key("alert"))


async def _proposed(story: Story) -> bool | None:
    """Propose the release, once the guard has the facts."""
    try:
        await story.propose()
    except Refused as refused:
        if refused.problem["code"] != "refused_by_law":
            raise
        return None
    return True
