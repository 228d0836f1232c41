"""What leaves, and what does not: real receivers on sockets, the real delivery loop."""

import asyncio
import json
from typing import Any

import pytest
from sqlmodel import select
from standardwebhooks import Webhook

from services.consular.notices.rules import CONTENT_BYTES
from shared import jsons
from shared.delivery.models import Attempt, Delivery, Endpoint
from shared.delivery.parcels import Permit, Verdict
from tests.listening import listening
from tests.unit.consular.world import DIF, PP, SALVADORAN, TAPACHULA, Receiver, World, server


async def rows(world: World, model: Any) -> list[Any]:
    async with world.runtime.database.work(write=False) as session:
        return list((await session.exec(select(model))).all())


async def test_with_a_permit_the_signed_notice_arrives(world: World, receiver: Receiver) -> None:
    release_id = await world.release()
    assert await world.turn() == 1
    ((headers, body),) = receiver.got
    event = Webhook(receiver.registered["secret"]).verify(body, headers)
    assert (event["type"], event["audience"], event["sequence"]) == ("notice.issued", receiver.registered["id"], 1)
    assert (event["data"]["nationality"], event["data"]["state"]) == ("HND", "MX-CHP")
    unknown = {"telephone": None, "email": None}
    assert (event["data"]["pp"], event["data"]["dif"]) == (PP | unknown, DIF | unknown)
    assert event["data"]["notice_id"].startswith("ntc_")
    assert release_id not in body.decode()
    assert world.referral.asked == [release_id]
    assert await world.turn(after=3600) == 0


@pytest.mark.parametrize("said", ["wait", "closed"])
async def test_without_a_permit_nothing_is_sent(world: World, receiver: Receiver, said: str) -> None:
    world.referral.default = said
    await world.release()
    assert await world.turn() == 1
    assert receiver.got == []
    (delivery,) = await rows(world, Delivery)
    assert (delivery.attempts, delivery.sequence, delivery.body) == (0, None, None)
    assert delivery.state == ("pending" if said == "wait" else "cancelled")
    assert await rows(world, Attempt) == []
    endpoint = next(row for row in await rows(world, Endpoint) if row.owner == TAPACHULA)
    assert endpoint.failures == 0


async def test_a_gate_that_waited_is_asked_again(world: World, receiver: Receiver) -> None:
    world.referral.default = "wait"
    await world.release()
    await world.turn()
    assert await world.turn() == 0
    world.referral.default = "open"
    assert await world.turn(after=2.5) == 1
    assert len(receiver.got) == 1


async def test_every_retry_asks_anew_and_stops_when_the_gate_closes(world: World, receiver: Receiver) -> None:
    receiver.status = 500
    release_id = await world.release()
    await world.turn()
    await world.turn(after=60)
    assert (len(receiver.got), world.referral.asked) == (2, [release_id] * 2)
    world.referral.verdicts[release_id] = "closed"
    assert await world.turn(after=600) == 1
    assert await world.turn(after=7200) == 0
    assert (len(receiver.got), world.referral.asked) == (2, [release_id] * 3)


async def test_a_silent_referral_sends_nothing(world: World, receiver: Receiver) -> None:
    world.referral.default = "garbage"
    await world.release()
    await world.turn()
    assert receiver.got == []


async def test_without_a_gate_nothing_is_sent(world: World, receiver: Receiver) -> None:
    async def broken(_: str) -> Permit:
        raise LookupError

    await world.release()
    await world.turn(gate=broken)
    assert receiver.got == []


@pytest.fixture
async def bytes_taken(world: World) -> Any:
    """A receiver that keeps every byte. Yields them."""
    got: list[bytes] = []
    connected: list[None] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(None)
        while chunk := await reader.read(65536):
            got.append(chunk)

    async with listening(take) as port:
        await world.register(f"http://127.0.0.1:{port}/")
        yield got


async def test_an_expired_permit_sends_no_byte(world: World, bytes_taken: list[bytes]) -> None:
    async def expired(_: str) -> Permit:
        return Permit(Verdict.OPEN, until=asyncio.get_running_loop().time() - 0.001)

    await world.release()
    await world.turn(gate=expired)
    await asyncio.sleep(0.05)
    assert bytes_taken == []
    assert [attempt.outcome for attempt in await rows(world, Attempt)] == ["permit_expired"]
    assert all(row.failures == 0 for row in await rows(world, Endpoint))
    assert await world.notices(world.consulate()) == []


async def test_only_the_competent_post_gets_it(world: World, receiver: Receiver) -> None:
    other = Receiver()
    async with server(other.handle) as url:
        await world.register(url, SALVADORAN)
        await world.register(url, "con-hnd-embassy")
        await world.release()
        while await world.turn():
            pass
    assert (len(receiver.got), len(other.got)) == (1, 0)


async def test_webhooks_have_one_size_whatever_they_say(world: World) -> None:
    sizes, receiver = set(), Receiver()
    async with server(receiver.handle) as url:
        for nationality, post in [("HND", TAPACHULA), ("SLV", SALVADORAN), ("NIC", "con-nic-embassy")]:
            await world.register(url, post)
            for name in ("P", "Procuraduría de Protección de Niñas, Niños y Adolescentes " + "ñ" * 100):
                await world.release(nationality, pp={"id": "pp-chp", "name": name})
        while await world.turn():
            pass
    assert len(receiver.got) == 6
    for headers, body in receiver.got:
        sizes.add((len(body), sum(len(name) + len(value) for name, value in headers.items() if name != "host")))
        assert len(jsons.canonical(json.loads(body)["data"])) == CONTENT_BYTES
    assert len(sizes) == 1
