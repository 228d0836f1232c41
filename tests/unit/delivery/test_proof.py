"""An address is put to the proof before anything leaves for it: consent, then a challenge that is given back."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from shared import clock
from shared.delivery import rules
from shared.delivery.endpoints.proof import Prover
from shared.delivery.endpoints.rules import gives_back
from shared.delivery.models import Alarm
from shared.delivery.parcels import Parcel, Result
from shared.delivery.rules import EndpointState, Outcome
from shared.delivery.sender import Consent
from tests.unit.delivery.endpoint_world import (
    NOWHERE,
    Hook,
    change,
    opened,
    prove,
    prover,
    read,
    register,
)
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import World, server

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


# -- the proof -------------------------------------------------------------------------------------


async def test_an_address_is_proven_by_consent_and_by_giving_the_challenge_back(
    world: World, hook: tuple[Hook, str]
) -> None:
    receiver, url = hook
    made = await register(world, url, schemes=["v1", "v1a"])
    challenge = (await world.endpoint(made["id"])).proof_challenge
    assert await prove(world) == 1
    assert receiver.consents == ["gateway.test"]
    for each in made["keys"]:
        receiver.verified(each["key"])
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert told | {"time": ""} == {
        "id": headers["webhook-id"], "type": "endpoint.challenge", "version": 1, "time": "", "audience": made["id"],
        "epoch": 1, "sequence": 0, "data": {"challenge": challenge},
    }  # fmt: skip
    shown = await read(world, made["id"])
    assert (shown["state"], shown["proof"], shown["delivered"]) == ("active", None, 0)
    kept = await world.endpoint(made["id"])
    assert (kept.proof_challenge, kept.proof_due_at, kept.proof_attempts, kept.proof_outcome) == (None, None, 0, None)
    assert (kept.failures, kept.pace, kept.hold_until) == (0, 1, None)
    assert await prove(world) == 0


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no_consent", {"welcome": None}),
    ("no_consent", {"welcome": "elsewhere.test"}),
    ("wrong_answer", {"answer": lambda _: {"challenge": "x"}}),
    ("wrong_answer", {"answer": lambda _: {}}),
    ("wrong_answer", {"answer": lambda challenge: challenge}),
    ("wrong_answer", {"answer": lambda challenge: [challenge]}),
    ("wrong_answer", {"answer": lambda challenge: {"challenge": [challenge]}}),
    ("wrong_answer", {"answer": lambda challenge: {"pad": "x" * 3000, "challenge": challenge}}),
    ("wrong_answer", {"answer": lambda _: "[" * 2000}),
    ("failed", {"status": 500}),
    ("gone", {"status": 410}),
    ("misconfigured", {"status": 307, "headers": {"location": "http://127.0.0.1:1/"}}),
]


@ONE
@pytest.mark.parametrize(("outcome", "behaviour"), WRONG)
async def test_without_it_the_address_is_not_proven(
    world: World, hook: tuple[Hook, str], outcome: str, behaviour: dict[str, Any]
) -> None:
    receiver, url = hook
    for name, value in behaviour.items():
        setattr(receiver, name, value)
    made = await register(world, url)
    with clock.at(clock.now()):
        assert await prove(world) == 1
        proof = (await read(world, made["id"]))["proof"]
        assert (proof["attempts"], proof["last_outcome"]) == (1, outcome)
        wait = (await world.endpoint(made["id"])).proof_due_at
        assert wait is not None
        assert timedelta(seconds=4) <= wait - clock.now() <= timedelta(seconds=6)
        assert len(receiver.got) == (0 if outcome == "no_consent" else 1)
        assert await prove(world) == 0
        clock.advance(timedelta(seconds=6))
        assert await prove(world) == 1
    assert (await read(world, made["id"]))["proof"]["attempts"] == 2


@ONE
@pytest.mark.parametrize(
    "answer",
    [
        lambda challenge: {"challenge": challenge, "status": "ok", "more": [1, {}]},
        lambda challenge: f'\n {{ "challenge" :\t"{challenge}" }} \r\n',
    ],
)
async def test_what_else_an_answer_says_does_not_matter(world: World, hook: tuple[Hook, str], answer: Any) -> None:
    receiver, url = hook
    receiver.answer = answer
    made = await register(world, url)
    await prove(world)
    assert (await read(world, made["id"]))["state"] == "active"


@pytest.mark.parametrize("answer", [b"", b"null", b'{"challenge":"a"}', b'{"challenge":"A","challenge":"A"}', b"\xff"])
def test_only_the_challenge_itself_proves_anything(answer: bytes) -> None:
    assert not gives_back(answer, "A")
    assert not gives_back('{"challenge":"é"}'.encode(), "A")


@ONE
async def test_a_receiver_that_is_silent_or_not_there_is_tried_again(world: World) -> None:
    async def hang(*_: Any) -> Any:
        await asyncio.sleep(5)

    async with server(hang) as url, prover(world, patience=0.2) as made:
        silent, missing = await register(world, url), await register(world, NOWHERE)
        assert await made.turn() == 2
        assert (await read(world, silent["id"]))["proof"]["last_outcome"] == "timeout"
        assert (await read(world, missing["id"]))["proof"]["last_outcome"] == "unreachable"


# -- the time it takes -----------------------------------------------------------------------------


class Faulty:
    """A sender that never gets as far as the receiver's answer."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    async def ask_consent(self, url: str, origin: str, *, mutual_tls: bool) -> Consent:
        return Consent(granted=False, outcome=self.outcome)


def with_sender(world: World, sender: Any) -> Prover:
    return Prover(world.database, world.runtime.vault, sender, "gateway.test")


async def test_a_person_is_told_when_three_days_have_brought_no_proof(world: World, hook: tuple[Hook, str]) -> None:
    receiver, url = hook
    with clock.at(clock.now()):
        made = await register(world, url)
        receiver.welcome = None
        for hours, alarms in ((0, 0), (71, 0), (2, 1), (1.3, 1)):
            clock.advance(timedelta(hours=hours))
            assert await prove(world) == 1
            assert len((await read(world, made["id"]))["alarms"]) == alarms
        due = (await world.endpoint(made["id"])).proof_due_at
        assert due is not None
        clock.advance(due - clock.now())
        receiver.welcome = "*"
        assert await prove(world) == 1
        shown = await read(world, made["id"])
        assert (shown["state"], shown["alarms"]) == ("active", [])
        async with world.database.work(write=False) as session:
            assert [each.kind.value for each in (await session.exec(select(Alarm))).all()] == ["unproven"]
        assert (await change(world, made["id"], {"url": NOWHERE})).json()["state"] == "pending"
        assert await prove(world) == 1
        assert (await read(world, made["id"]))["alarms"] == []  # its three days begin with the change


@ONE
async def test_it_is_tried_hourly_in_the_end_for_ever(world: World) -> None:
    made = await register(world)
    worker = with_sender(world, Faulty(Outcome.UNREACHABLE))
    with clock.at(clock.now()):
        for attempt in range(1, 12):
            assert await worker.turn() == 1
            due = (await world.endpoint(made["id"])).proof_due_at
            assert due is not None
            step = rules.SCHEDULE[min(attempt, len(rules.SCHEDULE)) - 1]
            assert 0.8 * step <= due - clock.now() <= 1.2 * step
            clock.advance(due - clock.now())


@ONE
async def test_our_own_way_out_being_closed_charges_nothing(world: World) -> None:
    made = await register(world)
    with clock.at(clock.now()):
        await with_sender(world, Faulty(Outcome.PROXY_DOWN)).turn()
        proof = (await read(world, made["id"]))["proof"]
        assert (proof["attempts"], proof["last_outcome"]) == (0, None)
        assert (await world.endpoint(made["id"])).proof_due_at == clock.now() + rules.GATE_WAIT


async def test_two_workers_prove_an_address_once(world: World, hook: tuple[Hook, str]) -> None:
    receiver, url = hook
    made = await register(world, url)
    async with prover(world) as one, prover(world) as other:
        taken = await asyncio.gather(one.turn(), other.turn())
    assert (sum(taken), len(receiver.got)) == (1, 1)
    assert (await read(world, made["id"]))["state"] == "active"


@ONE
async def test_a_worker_that_died_over_a_proof_holds_it_up_for_a_minute(world: World, hook: tuple[Hook, str]) -> None:
    _, url = hook
    made = await register(world, url)

    class Dying(Faulty):
        async def ask_consent(self, url: str, origin: str, *, mutual_tls: bool) -> Consent:
            raise RuntimeError

    with clock.at(clock.now()):
        assert await with_sender(world, Dying(Outcome.UNKNOWN)).turn() == 1
        assert await prove(world) == 0
        clock.advance(timedelta(seconds=60))
        assert await prove(world) == 1
    assert (await read(world, made["id"]))["state"] == "active"


# -- what is no proof, and of what --------------------------------------------------------------------


@ONE
async def test_sisters_and_feeds_are_never_put_to_the_proof(world: World) -> None:
    await register(world, None, channel="pull")
    sister = await world.owner("service:intake", NOWHERE)
    assert (await world.endpoint(sister)).state is EndpointState.ACTIVE
    assert await prove(world) == 0


@ONE
async def test_the_challenge_is_no_delivery(world: World, hook: tuple[Hook, str]) -> None:
    _, url = hook
    await register(world, url)
    await prove(world)
    assert await world.count("delivery") == await world.count("event") == await world.count("attempt") == 0


@ONE
async def test_mutual_tls_is_asked_for_in_both_steps(world: World) -> None:
    made = await register(world)
    await world.change_endpoint(made["id"], mutual_tls=True)
    asked: list[bool] = []

    class Noting(Post):
        async def ask_consent(self, url: str, origin: str, *, mutual_tls: bool) -> Consent:
            asked.append(mutual_tls)
            return Consent(granted=True, outcome=Outcome.DELIVERED)

        async def send(self, parcel: Parcel) -> Result:
            asked.append(parcel.mutual_tls)
            return await super().send(parcel)

    await with_sender(world, Noting()).turn()
    assert asked == [True, True]
