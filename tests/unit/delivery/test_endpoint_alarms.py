"""What about endpoints needs a person: seen by who may, cleared once, and gone with the endpoint."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from shared.delivery import account
from shared.delivery.models import Alarm
from shared.delivery.parcels import Verdict
from shared.delivery.rules import AlarmKind
from tests.unit.delivery.endpoint_world import ALARMS, DIF, NOWHERE, OPERATOR, PATH, call, opened, read
from tests.unit.delivery.posts import Guard, Post
from tests.unit.shared.world import World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


async def raised(world: World, endpoint_id: str, kind: AlarmKind, delivery_id: str | None = None) -> None:
    async with world.database.work() as session:
        await account.raise_alarm(session, endpoint_id, kind, delivery_id)


async def test_an_owner_sees_its_alarms_and_clears_them(world: World) -> None:
    endpoint_id = await world.owner("inm-chp", NOWHERE)
    foreign = await world.owner("dif-chp", NOWHERE)
    await world.publish(to="inm-chp", gate="rel_1")
    await world.turn(gate=Guard(Verdict.OPEN), sender=Post())
    (gated,) = await world.deliveries()
    await raised(world, endpoint_id, AlarmKind.TLS_FAILED, "dlv_1")
    await raised(world, endpoint_id, AlarmKind.STUCK, gated.id)
    await raised(world, foreign, AlarmKind.GONE)
    items = (await call(world, "GET", ALARMS)).json()["items"]
    assert [(each["kind"], each["delivery_id"], each["cleared_at"]) for each in items] == [
        ("stuck", None, None),  # which delivery behind a gate is nobody's business
        ("tls_failed", "dlv_1", None),
    ]
    shown = (await read(world, endpoint_id))["alarms"]
    assert shown == [{"kind": each["kind"], "raised_at": each["raised_at"]} for each in reversed(items)]
    once = (await clear(world, items[0]["id"])).json()
    assert once["cleared_at"] is not None
    assert (await clear(world, items[0]["id"])).json() == once  # once is enough
    assert [each["kind"] for each in (await read(world, endpoint_id))["alarms"]] == ["tls_failed"]
    assert (await clear(world, items[1]["id"], **DIF)).status_code == 404
    assert [each["kind"] for each in (await call(world, "GET", ALARMS, **DIF)).json()["items"]] == ["gone"]


async def clear(world: World, alarm_id: str, **claims: Any) -> Any:
    return await call(world, "POST", f"{ALARMS}/{alarm_id}/clear", **claims)


async def test_operators_see_and_clear_the_alarms_of_all_but_sisters(world: World) -> None:
    for owner in ("inm-chp", "service:intake"):
        await raised(world, await world.owner(owner, NOWHERE), AlarmKind.SILENT)
    (alarm,) = (await call(world, "GET", ALARMS, **OPERATOR)).json()["items"]
    assert (await clear(world, alarm["id"], **OPERATOR)).status_code == 200
    async with world.database.work(write=False) as session:
        sisters = (await session.exec(select(Alarm).where(col(Alarm.cleared_at).is_(None)))).one()
    assert (await clear(world, sisters.id, **OPERATOR)).status_code == 404


@ONE
async def test_the_alarms_of_what_is_removed_are_over(world: World) -> None:
    endpoint_id = await world.owner("inm-chp", NOWHERE)
    await raised(world, endpoint_id, AlarmKind.SILENT)
    await call(world, "DELETE", f"{PATH}/{endpoint_id}")
    assert (await call(world, "GET", ALARMS)).json()["items"] == []
    async with world.database.work(write=False) as session:
        assert (await session.exec(select(Alarm))).one().cleared_at is not None
