"""Nobody acknowledges: a reminder, then the embassy, then a person. Each step behind the same gate."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from services.consular.notices import chain
from services.consular.notices.rules import CHAIN, ESCALATION
from shared import clock
from shared.delivery import chains
from shared.delivery.facts import EventReminder
from shared.delivery.models import Alarm, Delivery
from shared.delivery.rules import AlarmKind, DeliveryState, StepKind
from shared.events import NoticeIssued
from shared.testing import key
from tests.unit.consular.world import TAPACHULA, Receiver, World, server

BASE = "/v1/consular/notices"
EMBASSY = "con-hnd-embassy"
HOUR = 3600.0


@pytest.fixture
async def embassy(world: World) -> AsyncIterator[Receiver]:
    """The system of the Honduran embassy, registered."""
    made = Receiver()
    async with server(made.handle) as url:
        made.registered = await world.register(url, EMBASSY)
        yield made


async def hours(world: World, count: float) -> None:
    """Let the steps that are due so many hours from now happen, and deliver what they owe."""
    with clock.at(clock.now() + timedelta(hours=count)):
        await chains.step(world.runtime.database, {NoticeIssued.TYPE: CHAIN}, chain.escalate)
    while await world.turn(after=count * HOUR + 1):
        pass


def got(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.got]


async def alarms(world: World) -> list[AlarmKind]:
    async with world.runtime.database.work(write=False) as session:
        return [alarm.kind for alarm in (await session.exec(select(Alarm))).all()]


async def acknowledge(world: World, post: str, notice_id: str) -> int:
    async with world.consulate(post) as consulate:
        answer = await consulate.post(f"{BASE}/{notice_id}/acknowledge", headers=key())
    return int(answer.status_code)


def test_the_chain_is_what_its_rule_says() -> None:
    assert [(step.after, step.kind) for step in CHAIN] == [
        (timedelta(hours=24), StepKind.REMIND),
        (timedelta(hours=48), StepKind.ESCALATE),
        (timedelta(hours=72), StepKind.PERSON),
    ]
    assert not ESCALATION.verified
    for text in (ESCALATION.text.en, ESCALATION.text.es):
        assert [text.index(number) for number in ("24", "48", "72")] == sorted(map(text.index, ("24", "48", "72")))


async def test_a_reminder_then_the_embassy_then_a_person(world: World, receiver: Receiver, embassy: Receiver) -> None:
    await world.release()
    await world.turn()
    await hours(world, 23)
    assert [message["type"] for message in got(receiver)] == ["notice.issued"]
    await hours(world, 25)
    notice, reminder = got(receiver)
    assert (reminder["type"], reminder["sequence"]) == (EventReminder.TYPE, 2)
    assert reminder["data"]["event_id"] == notice["id"]
    assert got(embassy) == []
    await hours(world, 49)
    (copy,) = got(embassy)
    assert (copy["type"], copy["data"], copy["sequence"]) == ("notice.issued", notice["data"], 1)
    assert len(got(receiver)) == 2
    assert await alarms(world) == []
    await hours(world, 73)
    assert set(await alarms(world)) == {AlarmKind.UNACKNOWLEDGED}
    assert (len(got(receiver)), len(got(embassy))) == (2, 1)


async def test_an_acknowledgement_ends_it(world: World, receiver: Receiver, embassy: Receiver) -> None:
    await world.release()
    await world.turn()
    assert await acknowledge(world, TAPACHULA, (await world.notice())["id"]) == 200
    await hours(world, 100)
    assert [message["type"] for message in got(receiver)] == ["notice.issued"]
    assert got(embassy) == []
    assert await alarms(world) == []


async def test_the_embassy_may_acknowledge_for_all(world: World, receiver: Receiver, embassy: Receiver) -> None:
    await world.release()
    await world.turn()
    notice_id = (await world.notice())["id"]
    assert await acknowledge(world, EMBASSY, notice_id) == 404  # it has not got it yet
    for count in (25, 49):
        await hours(world, count)
    async with world.consulate(EMBASSY) as consulate:
        assert [item["id"] for item in (await consulate.get(BASE)).json()["items"]] == [notice_id]
    assert await acknowledge(world, EMBASSY, notice_id) == 200
    await hours(world, 100)
    assert await alarms(world) == []
    async with world.consulate(TAPACHULA) as consulate:
        assert [item["status"] for item in (await consulate.get(BASE)).json()["items"]] == ["acknowledged"]


async def test_a_dead_consulate_gets_no_reminder_and_the_embassy_gets_the_notice(
    world: World, receiver: Receiver, embassy: Receiver
) -> None:
    receiver.status = 500
    await world.release()
    await world.turn()
    for count in (25, 49):
        await hours(world, count)
    assert {message["type"] for message in got(receiver)} == {"notice.issued"}
    assert [message["type"] for message in got(embassy)] == ["notice.issued"]


async def test_when_the_guard_has_closed_no_step_sends_anything(
    world: World, receiver: Receiver, embassy: Receiver
) -> None:
    release_id = await world.release()
    await world.turn()
    world.referral.verdicts[release_id] = "closed"
    for count in (25, 49):
        await hours(world, count)
    assert [message["type"] for message in got(receiver)] == ["notice.issued"]
    assert got(embassy) == []
    async with world.consulate(EMBASSY) as consulate:
        assert (await consulate.get(BASE)).json()["items"] == []
        assert (await consulate.get(f"{BASE}/{(await world.notice())['id']}")).status_code == 404
    async with world.runtime.database.work(write=False) as session:
        states = [row.state for row in (await session.exec(select(Delivery))).all()]
    assert sorted(states) == sorted([DeliveryState.DELIVERED, *[DeliveryState.CANCELLED] * 2])


async def test_an_embassy_that_takes_no_messages_is_owed_a_letter(world: World, receiver: Receiver) -> None:
    await world.release()
    await world.turn()
    for count in (25, 49, 73):
        await hours(world, count)
    assert await alarms(world) == [AlarmKind.UNACKNOWLEDGED]
    notice = await world.notice()
    assert notice["escalated_to"] == EMBASSY
    assert [(row["consulate_id"], row["status"]) for row in notice["letters"]] == [(EMBASSY, "to_send")]


async def test_what_the_gate_withholds_never_escalates(world: World, receiver: Receiver, embassy: Receiver) -> None:
    world.referral.default = "wait"
    await world.release()
    for count in (0, 25, 49, 73):
        await hours(world, count)
    assert (receiver.got, embassy.got, await alarms(world)) == ([], [], [])


async def test_a_consulate_without_a_server_that_reads_and_says_nothing_is_escalated_too(
    world: World, embassy: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.delivery.events.service.HELD", 0)
    async with world.consulate() as consulate:
        made = await consulate.post("/v1/consular/endpoints", json={"channel": "pull"}, headers=key())
        assert (made.status_code, made.json()["state"]) == (201, "active")
        await world.release()
        (notice,) = (await consulate.get("/v1/consular/events")).json()["items"]
    assert notice["type"] == "notice.issued"
    await hours(world, 49)
    await hours(world, 49)
    assert [message["data"] for message in got(embassy)] == [notice["data"]]
