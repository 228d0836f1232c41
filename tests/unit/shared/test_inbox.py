"""Events of sister services: signed, and each takes effect once."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids
from shared.app import create_app
from shared.delivery import signing
from shared.errors import NotFound
from shared.inbox import Message
from shared.testing import client, event_secret
from tests.unit.shared.world import CANARY, Memo, World

FROM_INTAKE = event_secret("intake", "referral")


async def write(session: AsyncSession, message: Message) -> None:
    """Take an event in: one memo for each."""
    session.add(Memo(id=ids.new("mem"), words="from a sister"))
    await session.flush()
    if message.data.get("refuse"):
        raise NotFound
    if message.data.get("bug"):
        raise LookupError(CANARY)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A service that takes one type of event in."""
    async with World.open(database_url, tmp_path, {"memo.written": write}) as made:
        yield made


def event(**change: Any) -> dict[str, Any]:
    return {
        "id": ids.new("evt"), "type": "memo.written", "version": 1, "time": clock.now().isoformat(), "data": {},
    } | change  # fmt: skip


async def deliver(world: World, body: Any, secret: str = FROM_INTAKE, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = signing.headers("evt_x", raw, [signing.given_key(secret)]) | headers
    async with client(world.app) as sister:
        return await sister.post("/internal/events", content=raw, headers=signed)


def restarted(world: World, from_intake: Any) -> World:
    """The service after an operator has written another secret of intake, or several, into its file."""
    file = world.runtime.settings.event_secrets_file
    assert file is not None
    secrets = json.loads(file.read_text())
    secrets["incoming"]["intake"] = from_intake
    file.write_text(json.dumps(secrets))
    return replace(world, app=create_app(world.runtime, "services.referral", [], handlers={"memo.written": write}))


async def test_the_same_event_has_one_effect(world: World) -> None:
    same = event()
    assert [(await deliver(world, same)).status_code for _ in range(3)] == [200] * 3
    assert await world.count("memo") == await world.count("inbox") == 1


async def test_also_when_it_comes_ten_times_at_once(world: World) -> None:
    same = event()
    answers = await asyncio.gather(*(deliver(world, same) for _ in range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert await world.count("memo") == 1


async def test_another_body_under_the_same_id_is_a_conflict(world: World) -> None:
    same = event()
    await deliver(world, same)
    answer = await deliver(world, same | {"data": {"more": 1}})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await world.count("memo") == 1


@pytest.mark.parametrize(("data", "status"), [({"refuse": True}, 404), ({"bug": True}, 500)])
async def test_an_event_that_could_not_take_effect_may_come_again(
    world: World, data: dict[str, Any], status: int
) -> None:
    assert (await deliver(world, event(data=data))).status_code == status
    assert await world.count("memo") == await world.count("inbox") == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_what_no_sister_signed_is_refused(world: World) -> None:
    body = event()
    later = {"webhook-timestamp": str(int(clock.now().timestamp()) + 60)}
    for answer in (
        await deliver(world, body, event_secret("consular", "intake")),
        await deliver(world, body, **later),
        await deliver(world, body, **{"webhook-id": "evt_y"}),
        await deliver(world, body, **{"webhook-signature": ""}),
        await deliver(world, body, **{"webhook-signature": "v1"}),
        await deliver(world, body, **{"webhook-signature": "v1a,AAAA"}),
        await deliver(world, body, **{"webhook-signature": "v1,%%% v1, v1a,% , v2"}),
        await deliver(world, b"", **{"webhook-signature": "v1,AAAA"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    with clock.at(clock.now() - timedelta(minutes=6)):
        old = signing.headers("evt_x", json.dumps(body).encode(), [signing.given_key(FROM_INTAKE)])
    assert (await deliver(world, body, **old)).status_code == 401
    assert await world.count("memo") == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("scheme", list(signing.Scheme))
async def test_while_a_sisters_key_is_replaced_either_is_believed(world: World, scheme: signing.Scheme) -> None:
    new = signing.new_key(scheme)
    from_consular = event_secret("consular", "referral")
    for written, believed in (
        (FROM_INTAKE, [FROM_INTAKE]),
        ([FROM_INTAKE, new.shown], [FROM_INTAKE, new.key]),
        ([new.shown], [new.key]),
        (new.shown, [new.key]),
        ([], []),
    ):
        service = restarted(world, written)
        for key in (FROM_INTAKE, new.key):
            assert (await deliver(service, event(), key)).status_code == (200 if key in believed else 401)
        assert (await deliver(service, event(), from_consular)).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_an_event_signed_with_both_keys_has_one_effect(world: World) -> None:
    new, body = signing.new_key(), json.dumps(event()).encode()
    signed = signing.headers("evt_x", body, [new, signing.given_key(FROM_INTAKE)])
    for written in (FROM_INTAKE, [FROM_INTAKE, new.shown], new.shown):
        assert (await deliver(restarted(world, written), body, **signed)).status_code == 200
    assert await world.count("memo") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_an_unknown_type_may_be_known_later(world: World) -> None:
    answer = await deliver(world, event(type="memo.burned"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert await world.count("inbox") == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_what_is_signed_but_no_event_is_refused(world: World) -> None:
    for body, status in ((b"{", 400), (b"[]", 422), (event(id=None), 422), (b'{"id":"a","id":"b"}', 400)):
        assert (await deliver(world, body)).status_code == status
    assert (await deliver(world, event(later="a field of a newer version"))).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_its_log_line_is_a_request_like_any_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ruta")
    await deliver(world, event())
    (line,) = [json.loads(record.getMessage()) for record in caplog.records if record.name == "ruta"]
    assert (line["event"], line["route"], line["status"]) == ("request", "/internal/events", 200)
