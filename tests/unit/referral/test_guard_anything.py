"""Histories of the guard at random, over HTTP: a send is permitted exactly while a model of the law says so.

The model knows only what somebody has said and signed. It shares no line with the service.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.referral.cases.rules import Bar
from services.referral.protection import permits
from services.referral.protection.rules import Verdict
from shared import clock
from tests.unit.referral.abroad_world import HONDURAS, crossing_in, subscribed
from tests.unit.referral.cases_world import lift as lift_bars
from tests.unit.referral.cases_world import opened, put
from tests.unit.referral.protection_world import ask_permit, indication_in, ready, release_in, tell
from tests.unit.referral.test_lifts import SECOND, consent, lift_in
from tests.unit.referral.world import World, fact

WAYS = {"notice": ("CONSULAR_NOTICE", "HND"), "abroad": ("CROSS_BORDER", HONDURAS)}
"""The two ways out, with the purpose and the recipient that a lift for it names."""
FACTS: dict[str, dict[str, Any]] = {
    "honduran": {}, "mexican too": {"nationalities": ["HND", "MEX"]}, "stateless": {"stateless_doubt": True},
    "salvadoran": {"nationalities": ["SLV"]}, "unknown": {"nationalities": []},
}  # fmt: skip
_WAY = st.sampled_from(list(WAYS))
_CHILD = st.sampled_from(["own", "own", "sisters"])
STEPS = st.one_of(
    st.tuples(st.just("indicate"), _CHILD),
    st.tuples(st.sampled_from(["release", "release", "propose", "concur", "grant"]), _WAY),
    st.tuples(st.just("lift"), _CHILD, _WAY, st.sampled_from(["JOINT", "CONSENT", "CONSENT"])),
    st.tuples(st.sampled_from(["propose lift", "concur in lift"]), _CHILD, _WAY),
    st.tuples(st.just("end lift"), _CHILD),
    st.tuples(st.just("facts"), st.sampled_from(list(FACTS))),
    st.tuples(st.sampled_from(["link", "announce", "fetch", "correct", "claim", "no claim"])),
)


@dataclass
class Child:
    """What the model knows of one child: whether anybody feared for it, and what was lifted, by its id."""

    case: str
    feared: bool = False
    lifts: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    offered: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def opened(self, way: str, *grounds: str) -> bool:
        return any((purpose, whom) == WAYS[way] for ground, purpose, whom in self.lifts.values() if ground in grounds)

    def fears(self) -> None:
        self.feared, self.lifts, self.offered = True, {}, {}


@dataclass
class History:
    """One girl, her sister, and whoever acts."""

    world: World
    child_id: str
    sister_id: str
    children: dict[str, Child]
    facts: str = "honduran"
    version: int = 1
    announced: int = 1
    related: bool = False
    claims: bool = False
    releases: dict[str, tuple[str, str]] = field(default_factory=dict)

    # -- the model -----------------------------------------------------------------------------------

    def known(self) -> bool:
        return self.version >= self.announced

    def lawful(self, way: str) -> bool:
        own, sister = self.children["own"], self.children["sisters"]
        if not self.known() or self.facts != "honduran":
            return False
        if self.claims and not own.opened(way, "CONSENT"):
            return False
        if own.feared and not own.opened(way, "CONSENT", *(() if self.claims else ("JOINT",))):
            return False
        return not (self.related and sister.feared and not sister.opened(way, "CONSENT"))

    def sends(self, way: str) -> bool:
        return self.releases.get(way, ("", ""))[1] == "released" and self.lawful(way)

    def stop(self, *, all_: bool) -> None:
        """What stops stays stopped: a new indication stops everything, the end of a lift what it alone opened."""
        for way, (made, state) in self.releases.items():
            if state != "none" and (all_ or not self.lawful(way)):
                self.releases[way] = (made, "stopped")

    # -- what is tried -------------------------------------------------------------------------------

    async def take(self, step: tuple[str, ...]) -> None:
        name, *rest = step
        await getattr(self, f"_{name.replace(' ', '_')}")(*rest)

    async def _indicate(self, whose: str) -> None:
        await self.world.post("pp-chp", "/indications", indication_in(self.children[whose].case), 201)
        self.children[whose].fears()
        if whose == "own":
            self.stop(all_=True)

    async def _correct(self) -> None:
        case = self.children["own"].case
        for each in (await self.world.get("pp-chp", f"/indications?case_id={case}"))["items"]:
            body = {"reason": "WRONG_CHILD", "note": "Era otra", "officer": "pp-0001"}
            await self.world.post("pp-chp", f"/indications/{each['id']}/correct", body)

    async def _propose(self, way: str) -> None:
        make = release_in if way == "notice" else crossing_in
        answer = await self.world.post("inm-chp", "/releases", make(self.children["own"].case))
        running = self.releases.get(way, ("", "none"))[1] in ("proposed", "concurred", "released")
        assert (answer.status_code == 201) == (self.lawful(way) and not running), answer.text
        if answer.status_code == 201:
            self.releases[way] = (answer.json()["id"], "proposed")

    async def _move(self, way: str, who: str, action: str, start: str, end: str) -> None:
        made, state = self.releases.get(way, ("", "none"))
        if made:
            answer = await self.world.post(who, f"/releases/{made}/{action}", {"officer": "o-1"})
            assert (answer.status_code == 200) == (state == start and self.lawful(way)), answer.text
            self.releases[way] = (made, end if answer.status_code == 200 else state)

    async def _concur(self, way: str) -> None:
        await self._move(way, "pp-chp", "concur", "proposed", "concurred")

    async def _grant(self, way: str) -> None:
        await self._move(way, "inm-chp", "release", "concurred", "released")

    async def _release(self, way: str) -> None:
        for step in (self._propose, self._concur, self._grant):
            await step(way)

    async def _propose_lift(self, whose: str, way: str, ground: str = "CONSENT") -> None:
        child, (purpose, whom) = self.children[whose], WAYS[way]
        more = consent() if ground == "CONSENT" else {}
        body = lift_in(child.case, purpose=purpose, recipients=[whom], **more)
        answer = await self.world.post("pp-chp", "/lifts", body)
        claims = self.claims and whose == "own"
        assert (answer.status_code == 201) == ((child.feared or claims) and not (claims and ground == "JOINT"))
        if answer.status_code == 201:
            child.offered[answer.json()["id"]] = (ground, purpose, whom)

    async def _concur_in_lift(self, whose: str, _: str) -> None:
        child = self.children[whose]
        for lift_id, (ground, *what) in list(child.offered.items()):
            second = "pp-chp" if ground == "CONSENT" else "comar"
            same = await self.world.post(second, f"/lifts/{lift_id}/concur", SECOND | {"officer": "PP-0001"})
            assert same.status_code == 409  # one person takes one act
            answer = await self.world.post(second, f"/lifts/{lift_id}/concur", SECOND)
            refused = ground == "JOINT" and self.claims and whose == "own"
            assert (answer.status_code == 200) == (not refused), answer.text
            if not refused:
                del child.offered[lift_id]
                child.lifts[lift_id] = (ground, what[0], what[1])

    async def _lift(self, whose: str, way: str, ground: str) -> None:
        await self._propose_lift(whose, way, ground)
        await self._concur_in_lift(whose, way)

    async def _end_lift(self, whose: str) -> None:
        child = self.children[whose]
        for lift_id in list(child.lifts)[:1]:
            await self.world.post("comar", f"/lifts/{lift_id}/end", SECOND, 200)
            del child.lifts[lift_id]
            if whose == "own":
                self.stop(all_=False)

    async def _told(self) -> None:
        self.version = max(self.version, self.announced) + 1
        related = [self.sister_id] if self.related else []
        await tell(self.world, self.child_id, version=self.version, relatives=related, **FACTS[self.facts])

    async def _facts(self, facts: str) -> None:
        self.facts = facts
        await self._told()

    async def _link(self) -> None:
        self.related = True
        await self._told()

    async def _announce(self) -> None:
        self.announced = self.version + 1
        await self.world.event("encounter.recorded", fact(self.child_id, facts_version=self.announced))

    async def _fetch(self) -> None:
        await self._told()

    async def _claim(self) -> None:
        if not self.claims:
            await put(self.world, self.children["own"].case, bars=[Bar.CLAIM_PENDING])
        self.claims = True

    async def _no_claim(self) -> None:
        if self.claims:
            await lift_bars(self.world, self.children["own"].case, Bar.CLAIM_PENDING)
        self.claims = False

    async def check(self) -> list[str]:
        """Ask on both ways; returns those that are open."""
        found = []
        for way, (made, _) in self.releases.items():
            if way == "notice":
                is_open = (await ask_permit(self.world, made))["verdict"] == "open"
            else:
                async with self.world.runtime.database.work() as session:
                    is_open = (await permits.ask(session, made, abroad=True)).verdict is Verdict.OPEN
            assert is_open == self.sends(way), f"{way}: the model says {self.sends(way)}"
            found += [way] if is_open else []
        return found


async def begun(world: World) -> History:
    case, sister = await ready(world), await world.encounter()
    await tell(world, sister)
    sisters = await world.file(sister)
    children = {"own": Child(case["id"]), "sisters": Child(sisters["id"])}
    return History(world, case["child_id"], sister, children)


async def drive(world: World, ahead: bool, steps: list[tuple[str, ...]]) -> set[tuple[str, bool, bool]]:
    """Live through a history. Returns which way was open when, and whether the child or its sister was feared for."""
    seen = set()
    with clock.at(clock.now()):
        history = await begun(world)
        first: list[tuple[str, ...]] = [("release", "notice"), ("release", "abroad")] if ahead else []
        for step in first + steps:
            clock.advance(timedelta(seconds=5))
            await history.take(step)
            own, sister = history.children["own"].feared, history.children["sisters"].feared
            seen |= {(way, own, sister) for way in await history.check()}
    return seen


@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [8, pytest.param(400, marks=pytest.mark.long)])
def test_a_send_is_permitted_exactly_while_the_law_says_so(run_folder: Path, tmp_path: Path, examples: int) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        world = runner.run(stack.enter_async_context(opened(run_folder, tmp_path)))
        runner.run(subscribed(world))

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(ahead=st.booleans(), steps=st.lists(STEPS, min_size=3, max_size=14))
        def tried(ahead: bool, steps: list[tuple[str, ...]]) -> None:
            runner.run(drive(world, ahead, steps))

        tried()
        runner.run(stack.aclose())


async def test_what_the_model_is_about_happens(one_world: World) -> None:
    """One history that goes through everything: else at random little might be tried."""
    await subscribed(one_world)
    steps: list[tuple[str, ...]] = [
        ("indicate", "own"), ("correct",), ("release", "notice"), ("lift", "own", "notice", "JOINT"),
        ("release", "notice"), ("claim",), ("lift", "own", "notice", "CONSENT"), ("no claim",), ("end lift", "own"),
        ("lift", "own", "abroad", "CONSENT"), ("release", "abroad"), ("link",), ("indicate", "sisters"),
        ("lift", "sisters", "abroad", "JOINT"), ("lift", "sisters", "abroad", "CONSENT"), ("announce",), ("fetch",),
        ("facts", "mexican too"), ("facts", "honduran"), ("indicate", "own"),
    ]  # fmt: skip
    seen = await drive(one_world, True, steps)
    assert {("notice", False, False), ("abroad", False, False), ("notice", True, False), ("abroad", True, True)} <= seen
