"""The main job, step by step, as partner systems do it. Each step may be repeated and still happens once."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.partner import Partner, Refused, until
from sandbox.route import Cast, Story, acknowledge, subscribe
from sandbox.system import System
from tests.e2e import restitution
from tests.e2e.consulate import Consulate

HONDURAS, EL_SALVADOR = "con-hnd-tapachula", "con-slv-tapachula"


def child(country: str, sex: str, years: int) -> dict[str, Any]:
    """A fictitious child of so many years, who speaks Spanish."""
    born = datetime.now(UTC).date() - timedelta(days=365 * years + 100)
    return {
        "given_names": "Canaria Nombre",
        "first_surname": "Canaria Apellido",
        "birth_date": born.isoformat(),
        "sex": sex,
        "nationalities": [country],
        "languages": ["spa"],
    }


@dataclass
class Journey:
    """Two children: a girl from Honduras whose consulate is told, a boy from El Salvador whose is not."""

    name: str
    system: System
    cast: Cast
    honduras: Consulate
    salvador: Consulate
    girl: Story = field(init=False)
    boy: Story = field(init=False)
    acta: dict[str, Any] = field(default_factory=dict)
    notice: dict[str, Any] = field(default_factory=dict)
    indication: dict[str, Any] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    """Of the girl's plan: one that is late, and one that is not."""
    earlier: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        help_given = ("FOOD", "PHONE_CALL")
        self.girl = Story(f"{self.name}-girl", self.cast, child("HND", "F", 14), assistance=help_given)
        self.boy = Story(f"{self.name}-boy", self.cast, child("SLV", "M", 16))
        self.earlier = frozenset(self.honduras.messages)

    @property
    def children(self) -> list[str]:
        """The ids of both children."""
        return [self.girl.encounter["child_id"], self.boy.encounter["child_id"]]

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """The journey's steps, in order."""
        return [
            self.receivers_subscribe,
            self.girl_is_met,
            self.agencies_see_their_referrals,
            self.girl_is_channelled,
            self.release_is_proposed,
            self.release_is_granted,
            self.consulate_is_told,
            self.consulate_acknowledges,
            self.boy_is_channelled,
            self.boy_fears_going_back,
            self.plan_is_signed,
            self.partners_serve_and_one_is_late,
            self.case_is_closed,
        ]

    async def counted(self) -> int:
        """How many encounters the exact tables count now."""
        return await _counted(self.cast)

    async def receivers_subscribe(self) -> None:
        await subscribe(self.cast, HONDURAS, "consular", self.honduras.url, self.honduras.keep)
        await subscribe(self.cast, EL_SALVADOR, "consular", self.salvador.url, self.salvador.keep)

    async def girl_is_met(self) -> None:
        await self.girl.meet()

    async def agencies_see_their_referrals(self) -> None:
        await self.girl.referral(self.cast["pp-chp"], "PP_NOTICE")
        await self.girl.referral(self.cast["dif-chp"], "DIF_HANDOVER")

    async def girl_is_channelled(self) -> None:
        await self.girl.notify()
        await self.girl.accept()
        self.acta = await self.girl.channel()

    async def release_is_proposed(self) -> None:
        await until(lambda: proposed(self.girl))
        await self.girl.step("pp", "concur")

    async def release_is_granted(self) -> None:
        await self.girl.step("inm", "release")

    async def consulate_is_told(self) -> None:
        self.notice = await until(self._new_notice)

    async def _new_notice(self) -> dict[str, Any] | None:
        found = [body for key, body in self.honduras.messages.items() if key not in self.earlier]
        return found[0] if found else None

    async def consulate_acknowledges(self) -> None:
        await acknowledge(self.cast, HONDURAS, self.notice["data"]["notice_id"])

    async def boy_is_channelled(self) -> None:
        await self.boy.meet()
        await self.boy.notify()
        await self.boy.accept()
        await self.boy.channel()
        await until(lambda: proposed(self.boy))
        await self.boy.step("pp", "concur")

    async def boy_fears_going_back(self) -> None:
        self.indication = await self.boy.indicate(self.cast["dif-chp"])

    async def plan_is_signed(self) -> None:
        await restitution.determine(self.girl)
        self.items = await restitution.plan(self.girl)

    async def partners_serve_and_one_is_late(self) -> None:
        await restitution.served(self.girl)
        await restitution.escalated(self.girl, self.system, self.items[0])

    async def case_is_closed(self) -> None:
        await restitution.close(self.girl, self.items)


async def proposed(story: Story) -> bool | None:
    """Propose a release once the guard has the facts; until then it refuses."""
    try:
        await story.propose()
    except Refused as refused:
        if refused.problem["code"] != "refused_by_law":
            raise
        return None
    return True


async def has_happened_once(journey: Journey) -> None:
    """Check every effect of the whole journey: there, and there once."""
    children = journey.children
    encounters = await journey.cast["inm-chp"].items("/v1/intake/encounters")
    assert sorted(each["child_id"] for each in encounters if each["child_id"] in children) == sorted(children)
    for story in (journey.girl, journey.boy):
        await _clocks_are_met(journey.cast, story)
    await _referrals_are_right(journey)
    await _case_was_closed_once(journey)
    await _consulates_know_what_they_should(journey)


async def _clocks_are_met(cast: Cast, story: Story) -> None:
    async def look() -> bool | None:
        encounter = await cast["inm-chp"].get(f"/v1/intake/encounters/{story.encounter['id']}")
        states = {each["rule"]: each["state"] for each in encounter["clocks"]}
        done = {"D1": "met", "D2": "met"}.items() <= states.items()
        return (done and encounter["handover"]["status"] == "delivered") or None

    await until(look)


async def _referrals_are_right(journey: Journey) -> None:
    cast, children = journey.cast, journey.children
    for agency, kind in (("pp-chp", "PP_NOTICE"), ("dif-chp", "DIF_HANDOVER")):
        found = await cast[agency].items("/v1/referral/referrals", kind=kind)
        own = [(each["child_id"], each["state"]) for each in found if each["child_id"] in children]
        assert sorted(own) == sorted((each, "accepted") for each in children)
    comar = [each for each in await cast["comar"].items("/v1/referral/referrals") if each["child_id"] in children]
    assert [each["id"] for each in comar] == [journey.indication["comar_referral_id"]]
    assert comar[0]["child_id"] == journey.boy.encounter["child_id"]
    assert (await until(lambda: _acknowledged(journey)))["state"] == "released"
    stopped = await cast["inm-chp"].get(f"/v1/referral/releases/{journey.boy.release['id']}")
    assert stopped["state"] == "stopped"


async def _case_was_closed_once(journey: Journey) -> None:
    case = await journey.cast["pp-chp"].get(f"/v1/referral/cases/{journey.girl.case['id']}")
    assert case["status"] == "CLOSED"
    lines = await restitution.timeline(journey.girl)
    codes = Counter(code for code, _ in lines)
    done = {"determination.signed": 1, "plan.signed": 1, "plan_item.verify": 2, "case.close": 1}
    assert {code: codes[code] for code in done} == done
    spoken = [each for each in lines if each[0] in ("clock.breached", "clock.escalated") and each[1] in journey.items]
    assert spoken == [("clock.breached", journey.items[0]), ("clock.escalated", journey.items[0])]


async def _acknowledged(journey: Journey) -> dict[str, Any] | None:
    release: dict[str, Any] = await journey.cast["inm-chp"].get(f"/v1/referral/releases/{journey.girl.release['id']}")
    return release if release["acknowledged_at"] else None


async def _consulates_know_what_they_should(journey: Journey) -> None:
    told = len(journey.earlier) + 1
    assert len(journey.honduras.messages) == told
    assert journey.honduras.refused == 0
    content = journey.notice["data"]
    assert (content["nationality"], content["pp"]["id"], content["dif"]["id"]) == ("HND", "pp-chp", "dif-chp")
    assert "Canaria" not in str(journey.notice)
    assert journey.salvador.bytes_seen == 0
    await _lists_hold(journey.cast[HONDURAS], told)
    await _lists_hold(journey.cast[EL_SALVADOR], 0)


async def _lists_hold(consulate: Partner, count: int) -> None:
    """A worker that fell between the answer and its note of it sends again when its lease ends, and notes it then."""

    async def look() -> bool | None:
        found = [len(await consulate.items(f"/v1/consular/{path}")) for path in ("notices", "deliveries")]
        assert max(found) <= count, found
        return found == [count, count] or None

    await until(look)
    assert len(await consulate.feed("/v1/consular/events")) == count


async def tables_count_both(cast: Cast, before: int) -> None:
    """Those who publish see both encounters at once; the public sees released months, without small cells."""
    assert await _counted(cast) == before + 2
    this_month, _ = _months()
    with pytest.raises(Refused, match="refused_by_law"):
        await cast["observatory"].get("/v1/intake/statistics/T1", first_month=this_month, last_month=this_month)
    month = ((datetime.now(UTC) - timedelta(days=11)).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")

    async def released() -> Any:
        try:
            return await cast["observatory"].get("/v1/intake/statistics/T1", first_month=month, last_month=month)
        except Refused:
            return None

    assert (await until(released))["cells"] == []


async def _counted(cast: Cast) -> int:
    this_month, last_month = _months()
    table = await cast["upm"].get("/v1/intake/statistics/T1", first_month=last_month, last_month=this_month)
    return sum(cell["events"] for cell in table["cells"])


def _months() -> tuple[str, str]:
    today = datetime.now(UTC)
    last = today.replace(day=1) - timedelta(days=1)
    return today.strftime("%Y-%m"), last.strftime("%Y-%m")
