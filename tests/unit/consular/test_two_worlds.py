"""No byte that a consulate can see depends on a notice that was not permitted.

Two worlds live through the same random events. One of them has further releases whose gate never
opens, as when a child says in time that it fears going back. Their consulates must see the same,
in messages, on paper and through every route. Leaks that are planted must be found.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlmodel import select

from services.consular.letters import paper
from services.consular.letters import service as letters
from services.consular.letters.models import Letter
from services.consular.notices import chain
from shared import clock, ids
from shared.delivery import service as delivery
from shared.delivery.parcels import Result, Verdict
from shared.delivery.rules import Outcome
from shared.testing import Keys
from tests.conftest import MigratedFactory, migrated_sqlite
from tests.unit.consular import sides
from tests.unit.consular.sides import COUNTRIES, PAPER, POSTS, RESULTS, STARTED, Side, empty, live, opened


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repetitions are not spread, and of a letter what stands on it is compared, not how it is packed."""
    monkeypatch.setattr("shared.delivery.account.random", lambda: 0.5)
    monkeypatch.setattr(paper, "compiled", lambda told: told.encode())


class TwoWorlds(RuleBasedStateMachine):
    """The same events in both worlds; in the second also what must not be known."""

    urls: tuple[str, str]
    folder: Path
    keys = Keys()

    def __init__(self) -> None:
        super().__init__()
        self.now = STARTED
        self.count = 0
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.sides: list[Side] = []
        self.hidden: list[str] = []

    def do(self, work: Any) -> Any:
        with clock.at(self.now):
            return self.runner.run(work, context=copy_context())

    @initialize()
    def begin(self) -> None:
        async def begun() -> None:
            for url in self.urls:
                await empty(url)
                self.sides.append(await self.stack.enter_async_context(opened(url, self.folder, self.keys)))

        self.do(begun())

    @rule(country=st.sampled_from(COUNTRIES))
    def a_child_is_released(self, country: str) -> None:
        self.count += 1
        release_id, name = ids.opaque("rel"), f"Procuraduría {self.count}"
        for side in self.sides:
            self.do(side.release(release_id, name, country, Verdict.OPEN))

    @rule(country=st.sampled_from(COUNTRIES), verdict=st.sampled_from([Verdict.WAIT, Verdict.CLOSED]))
    def a_child_speaks_in_time(self, country: str, verdict: Verdict) -> None:
        release_id = ids.opaque("rel")
        self.hidden.append(release_id)
        self.do(self.sides[1].release(release_id, "Oculta", country, verdict))

    @rule()
    def gates_that_waited_close(self) -> None:
        for release_id in self.hidden:
            self.sides[1].say(release_id, Verdict.CLOSED)

    @rule(answer=st.sampled_from(RESULTS), seconds=st.sampled_from([3, 60, 7200]))
    def the_worker_sends(self, answer: Result, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for side in self.sides:
            side.answer = answer
            self.do(side.deliver_once() if answer.outcome is Outcome.PERMIT_EXPIRED else side.deliver())
        self.look("con-hnd-tapachula")

    @rule(hours=st.sampled_from([5, 25, 49]))
    def nobody_does_anything(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        for side in self.sides:
            self.do(side.speak())

    @rule()
    def letters_are_handed_over(self) -> None:
        for side in self.sides:
            self.do(side.hand_over())
        self.look("con-gtm-tapachula")

    @rule(decision=st.sampled_from(["send_letter", "no_further_step"]))
    def a_person_decides(self, decision: str) -> None:
        for side in self.sides:
            self.do(side.decide(decision))

    @rule()
    def acknowledgements_come_on_paper(self) -> None:
        for side in self.sides:
            self.do(side.record_acknowledgements())

    @rule(post=st.sampled_from(sorted((*POSTS, *PAPER))))
    def a_consulate_acknowledges(self, post: str) -> None:
        for side in self.sides:
            self.do(side.acknowledge(post))

    def look(self, *posts: str) -> None:
        without, with_hidden = (self.do(side.look(*posts)) for side in self.sides)
        assert "Oculta" not in str(with_hidden)
        assert without == with_hidden

    def teardown(self) -> None:
        if self.sides:
            self.look()
        self.do(self.stack.aclose())
        self.runner.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.long)])
def test_the_two_worlds_look_the_same(migrated_database: MigratedFactory, tmp_path: Path, examples: int) -> None:
    TwoWorlds.urls = (migrated_database("services.consular"), migrated_database("services.consular"))
    TwoWorlds.folder = tmp_path
    checks = list(HealthCheck)
    run_state_machine_as_test(
        TwoWorlds,
        settings=settings(max_examples=examples, stateful_step_count=8, deadline=None, suppress_health_check=checks),
    )


# -- every way out, and what is found where it leaks ---------------------------------------------------------


async def looked(run_folder: Path, folder: Path) -> list[list[Any]]:
    """Return what the consulates of both worlds see after the history that takes every way out."""
    keys, seen = Keys(), []
    async with contextlib.AsyncExitStack() as stack:
        with clock.at(STARTED):
            both = []
            for name in ("without", "with"):
                (own := folder / name).mkdir()
                url = migrated_sqlite("services.consular", run_folder, own)
                both.append(await stack.enter_async_context(opened(url, folder, keys)))
            await live(both)
        with clock.at(STARTED + timedelta(hours=100)):
            seen = [await side.look() for side in both]
        kinds = {(post in sides.POSTS, b'reminder":true' in told) for post, _, told in both[0].papers}
        assert {(False, False), (False, True)} <= kinds, "the history no longer takes every way"
        assert {"con-gtm-tapachula", "con-gtm-embassy", "con-slv-embassy"} <= {post for post, _, _ in both[0].papers}
        assert any(b"event.reminder" in body for _, body in both[0].seen)
        assert any(url == "http://con-hnd-embassy.test/" for url, _ in both[0].seen)
    return seen


async def test_every_way_out_is_silent_about_who_spoke_in_time(run_folder: Path, tmp_path: Path) -> None:
    without, with_hidden = await looked(run_folder, tmp_path)
    assert "Oculta" not in str(with_hidden)
    assert without == with_hidden


def _printing_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_holds", lambda _: True)


def _printing_takes_a_wait_for_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_holds", lambda permit: permit.verdict is not Verdict.CLOSED)


def _letters_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    owed: dict[int, int] = {}
    owe, shown = letters.owe, paper.shown

    async def counted(session: Any, content: Any, **more: Any) -> Letter:
        letter = await owe(session, content, **more)
        database = id(session.info["database"])
        owed[database] = owed.get(database, 0) + 1
        letter.content = letter.content | {"number": owed[database]}
        return letter

    monkeypatch.setattr(letters, "owe", counted)
    monkeypatch.setattr(paper, "shown", lambda letter, *more: shown(letter, *more) | {"n": letter.content["number"]})


def _a_letter_that_is_owed_opens_the_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def owed(caller: Any, notice_id: Any) -> Any:
        return select(Letter.id).where(Letter.notice_id == notice_id, Letter.consulate_id == caller.agency).exists()

    monkeypatch.setattr("services.consular.letters.store.sent_to", owed)


def _messages_have_no_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = delivery.publish

    async def ungated(*given: Any, **more: Any) -> Any:
        return await publish(*given, **more | {"gate": None})

    monkeypatch.setattr("services.consular.notices.service.delivery.publish", ungated)


def _a_clock_speaks_to_consulates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of a letter that was never sent speaks to consulates too."""
    spoke = chain.clock_spoke

    async def louder(session: Any, speaking: Any, kind: str) -> None:
        await spoke(session, speaking, kind)
        if speaking.rule == "C3" and kind == "clock.breached":
            letter = await session.get(Letter, speaking.resource_id)
            await delivery.publish(
                session, "notice.late", case=letter.release_id, subject=letter.notice_id, audience=list(POSTS), data={}
            )

    monkeypatch.setattr(chain, "clock_spoke", louder)


PLANTED: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    _printing_takes_a_wait_for_a_yes,
    _letters_are_numbered,
    _a_letter_that_is_owed_opens_the_notice,
    _messages_have_no_gate,
    _a_clock_speaks_to_consulates,
)


@pytest.mark.parametrize(
    "plant", [_printing_asks_nobody, *(pytest.param(each, marks=pytest.mark.long) for each in PLANTED)]
)
async def test_a_planted_leak_is_found(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    plant(monkeypatch)
    without, with_hidden = await looked(run_folder, tmp_path)
    assert without != with_hidden
