"""Driven at random: a field is readable exactly while a live basis covers purpose, recipient and field.

The law is told here once more, without the service's code: from the history alone.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.referral.consents.expiry import Expiry
from shared import clock
from tests.unit.referral.cases_world import opened
from tests.unit.referral.consents_world import OFFICER, consent_in, override_in, with_intake
from tests.unit.referral.world import World, service_in

READERS = {"unicef": {"unicef", "INTERNATIONAL"}, "iom": {"iom", "INTERNATIONAL"}, "unhcr": {"unhcr", "UNHCR"}}
FIELDS = ["identity.given_names", "child.languages", "child.sex"]
SERVICES = {"PSYCHOSOCIAL": "PSYCHOSOCIAL", "HEALTH": "HEALTH"}
DAY = timedelta(days=1)


@dataclass
class Basis:
    """One consent or override, as this test has it in mind."""

    id: str
    whom: set[str]
    purposes: set[str]
    fields: set[str]
    until: datetime
    taken: list[tuple[set[str], set[str]]] = field(default_factory=list)
    """What was taken back: which fields, from whom. Nothing named: all."""

    def lets(self, reader: str, purpose: str, name: str, at: datetime) -> bool:
        own = READERS[reader]
        if at >= self.until or purpose not in self.purposes or name not in self.fields or not own & self.whom:
            return False
        return not any((not names or name in names) and (not whom or own & whom) for names, whom in self.taken)


class History:
    """One child's consents, and who reads of it by which service."""

    def __init__(self, world: World, case_id: str) -> None:
        self.world, self.case_id, self.bases = world, case_id, list[Basis]()
        self.consents: list[Basis] = []
        self.overrides: list[Basis] = []
        self.referrals: dict[tuple[str, str], Any] = {}
        self.read: set[tuple[str, str, str]] = set()

    async def open(self) -> None:
        """Let each reader have a referral for each purpose, all on consent: opened under one that ends at once."""
        whole = await self.give(list(READERS), list(SERVICES.values()), FIELDS, 1)
        for reader in READERS:
            for service in SERVICES:
                body = service_in(self.case_id, reader, service=service, lawful_basis="CONSENT", fields=FIELDS)
                made = (await self.world.post("pp-chp", "/referrals", body, 201)).json()
                await self.world.post(reader, f"/referrals/{made['id']}/accept", status=200)
                self.referrals[reader, SERVICES[service]] = made["id"]
        await self.take_back(whole, [], [])

    async def give(self, whom: list[str], purposes: list[str], fields: list[str], days: int) -> Basis:
        until = clock.now() + days * DAY
        names = [each for each in whom if each in READERS]
        body = consent_in(
            self.case_id, agencies=names, classes=[each for each in whom if each not in READERS], purposes=purposes,
            fields=fields, expires_at=until.isoformat(),
        )  # fmt: skip
        made = (await self.world.post("pp-chp", "/consents", body, 201)).json()
        self.consents.append(Basis(made["id"], set(whom), set(purposes), set(fields), until))
        self.bases.append(self.consents[-1])
        return self.consents[-1]

    async def take_back(self, basis: Basis, fields: list[str], whom: list[str]) -> None:
        body: dict[str, Any] = {"withdrawn_by": "PP_EN_SUPLENCIA"} | OFFICER
        step = "withdraw"
        if fields or whom:
            names = [each for each in whom if each in READERS]
            step, body = "narrow", body | {
                "fields": fields, "agencies": names, "classes": [each for each in whom if each not in READERS],
            }  # fmt: skip
        answer = await self.world.post("pp-chp", f"/consents/{basis.id}/{step}", body)
        if answer.status_code == 200:
            basis.taken.append((set(fields), set(whom)))
        else:
            assert answer.status_code == 409

    async def override(self, reader: str, purpose: str, fields: list[str]) -> None:
        body = override_in(self.case_id, recipient=reader, purpose=purpose, fields=fields)
        made = (await self.world.post("pp-chp", "/overrides", body, 201, role="supervisor")).json()
        until = datetime.fromisoformat(made["review_by"])
        self.overrides.append(Basis(made["id"], {reader}, {purpose}, set(fields), until))
        self.bases.append(self.overrides[-1])

    async def judge(self, which: int, step: str) -> None:
        if not self.overrides:
            return
        basis = self.overrides[which % len(self.overrides)]
        live = clock.now() < basis.until
        answer = await self.world.post("pp-chp", f"/overrides/{basis.id}/{step}", OFFICER)
        assert answer.status_code in (200, 409)
        if answer.status_code == 200:
            ends = answer.json()["expires_at"] if step == "uphold" and live else clock.now().isoformat()
            basis.until = min(datetime.fromisoformat(ends), basis.until if step == "revoke" else clock.now() + 99 * DAY)

    async def check(self) -> None:
        """Let everybody read: exactly what is covered is shown, and who knows what no longer is was told."""
        now = clock.now()
        for (reader, purpose), referral_id in self.referrals.items():
            may = {name for name in FIELDS if any(each.lets(reader, purpose, name, now) for each in self.bases)}
            async with self.world.agency(reader) as caller:
                answer = await caller.get(f"/v1/referral/referrals/{referral_id}/disclosure")
            shown = {each["code"] for each in answer.json()["fields"]} if answer.status_code == 200 else set()
            assert (shown, answer.status_code) == (may, 200 if may else 409)
            self.read |= {(reader, purpose, name) for name in shown}
        await Expiry(self.world.runtime).turn()
        notices = (await self.world.get("pp-chp", f"/withdrawals?case_id={self.case_id}&limit=100"))["items"]
        told = {(each["agency"], name) for each in notices for name in each["fields"]}
        for reader, purpose, name in self.read:
            covered = any(each.lets(reader, purpose, name, now) for each in self.bases)
            assert covered or (reader, name) in told


fields_of = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)
whom_of = st.lists(st.sampled_from([*READERS, "INTERNATIONAL", "UNHCR"]), min_size=1, max_size=3, unique=True)
purposes_of = st.lists(st.sampled_from(list(SERVICES.values())), min_size=1, max_size=2, unique=True)
number = st.integers(0, 5)
step_of = st.one_of(
    st.tuples(st.just("give"), whom_of, purposes_of, fields_of, st.integers(1, 20)),
    st.tuples(st.just("narrow"), number, fields_of, st.one_of(st.just([]), whom_of)),
    st.tuples(st.just("withdraw"), number),
    st.tuples(st.just("override"), st.sampled_from(list(READERS)), st.sampled_from(list(SERVICES.values())), fields_of),
    st.tuples(st.just("judge"), number, st.sampled_from(["uphold", "revoke"])),
    st.tuples(st.just("wait"), st.integers(1, 5)),
)


async def taken(history: History, step: tuple[Any, ...]) -> timedelta:
    """Take a step. Returns how long it took."""
    what, *more = step
    if what == "give":
        await history.give(*more)
    elif what in ("narrow", "withdraw"):
        basis = history.consents[more[0] % len(history.consents)]
        await history.take_back(basis, *(more[1:] or ([], [])))
    elif what == "override":
        await history.override(*more)
    elif what == "judge":
        await history.judge(*more)
    return more[0] * DAY if what == "wait" else timedelta(seconds=1)


async def drive(world: World, steps: list[tuple[Any, ...]]) -> None:
    at = clock.now()
    history = History(world, (await world.channelled())["id"])
    await history.open()
    for step in steps:
        with clock.at(at):
            at += await taken(history, step)
        with clock.at(at):
            await history.check()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.long)])
def test_a_field_is_readable_exactly_while_a_live_basis_covers_it(
    run_folder: Path, tmp_path: Path, examples: int
) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        world = runner.run(stack.enter_async_context(opened(run_folder, tmp_path)))
        runner.run(stack.enter_async_context(with_intake(world)))

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(step_of, min_size=4, max_size=8))
        def tried(steps: list[tuple[Any, ...]]) -> None:
            runner.run(drive(world, steps))

        tried()
        runner.run(stack.aclose())
