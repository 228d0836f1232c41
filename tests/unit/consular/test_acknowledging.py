"""A 2xx is received; only an acknowledgement is notified. Once, by the consulate that it is for."""

import asyncio
from datetime import timedelta

from sqlmodel import col, select

from services.consular.notices import chain
from services.consular.worker import worker
from shared import clock
from shared.audit import AuditEntry
from shared.clocks import service as clocks
from shared.delivery.models import Delivery, Event
from shared.testing import key
from tests.unit.consular.world import TAPACHULA, Receiver, World

BASE = "/v1/consular/notices"


async def received(world: World) -> str:
    """Release and deliver a notice. Returns the path of its acknowledgement."""
    await world.release()
    await world.turn()
    return f"{BASE}/{(await world.notice())['id']}/acknowledge"


async def test_acknowledging_meets_the_clock_and_tells_referral(world: World, receiver: Receiver) -> None:
    path = await received(world)
    async with world.consulate() as consulate:
        answer = await consulate.post(path, headers=key())
    assert (answer.status_code, answer.json()["status"]) == (200, "acknowledged")
    assert answer.json()["allowed_actions"] == []
    notice = await world.notice()
    assert [(row["rule"], row["state"], row["met_at"]) for row in notice["clocks"]] == [
        ("C1", "met", notice["acknowledged_at"])
    ]
    await world.turn()
    (told,) = world.referral.events
    assert told["type"] == "notice.acknowledged"
    assert told["data"]["release_id"] == notice["release_id"]
    assert len(receiver.got) == 1


async def test_the_same_key_gets_the_same_answer(world: World, receiver: Receiver) -> None:
    path, one = await received(world), key()
    async with world.consulate() as consulate:
        first, second = [await consulate.post(path, headers=one) for _ in range(2)]
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_said_twice_it_counts_once(world: World, receiver: Receiver) -> None:
    path = await received(world)
    async with world.consulate() as consulate:
        first = await consulate.post(path, headers=key())
        with clock.at(clock.now() + timedelta(hours=1)):
            keys = {"Authorization": f"Bearer {world.token(TAPACHULA, 'CONSULATE', country='HND')}"}
            second = await consulate.post(path, headers=key() | keys)
    assert (second.status_code, second.json()) == (200, first.json())
    async with world.runtime.database.work(write=False) as session:
        events = (await session.exec(select(Event).where(Event.type == "notice.acknowledged"))).all()
        audited = (await session.exec(select(AuditEntry).where(AuditEntry.action == "acknowledge"))).all()
        owed = (await session.exec(select(Delivery))).all()
    assert (len(events), len(audited), len(owed)) == (1, 1, 2)
    assert audited[0].agency == TAPACHULA


async def test_only_consulates_acknowledge(world: World, receiver: Receiver) -> None:
    path = await received(world)
    async with world.agency() as inm:
        answer = await inm.post(path, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await world.notice())["status"] == "issued"


async def test_only_authorities_route_again(world: World, receiver: Receiver) -> None:
    path = (await received(world)).replace("acknowledge", "route_again")
    async with world.consulate() as consulate:
        assert (await consulate.post(path, headers=key())).status_code == 403


async def test_an_acknowledgement_needs_a_key(world: World, receiver: Receiver) -> None:
    path = await received(world)
    async with world.consulate() as consulate:
        answer = await consulate.post(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


# -- its clock -------------------------------------------------------------------------------------


async def test_a_missed_acknowledgement_shows_to_authorities_and_to_nobody_else(
    world: World, receiver: Receiver
) -> None:
    await received(world)
    before = await world.notices(world.consulate())
    for hours in (25, 73):
        with clock.at(clock.now() + timedelta(hours=hours)):
            assert await clocks.fire(world.runtime.database, chain.VOICE) == 1
    clocks_now = [(row["rule"], row["agency"], row["state"]) for row in (await world.notice())["clocks"]]
    assert clocks_now == [("C1", TAPACHULA, "breached"), ("C5", "pp-chp", "running")]  # a person takes it over
    assert await world.notices(world.consulate()) == before
    async with world.runtime.database.work(write=False) as session:
        spoken = (await session.exec(select(AuditEntry).where(AuditEntry.action.startswith("clock.")))).all()
        events = (await session.exec(select(Event.type).order_by(col(Event.id)))).all()
    assert list(events) == ["notice.issued", "clock.moved"]  # the latter to referral alone
    assert [(row.action, row.agency, row.details) for row in spoken] == [
        ("clock.warned", "urn:ruta:consular", {"rule": "C1"}),
        ("clock.breached", "urn:ruta:consular", {"rule": "C1"}),
    ]


async def test_the_worker_sends_what_is_owed(world: World, receiver: Receiver) -> None:
    await world.release()
    app = worker(world.runtime)
    async with app.router.lifespan_context(app):
        for _ in range(100):
            if receiver.got:
                break
            await asyncio.sleep(0.05)
    assert len(receiver.got) == 1
