"""Blocked, then erased (R35): after that nothing says that there was such a child, but what the law keeps."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlmodel import col, update

from services.intake.children.models import Child
from services.intake.counts import service as counts
from services.intake.erasure import rules, service
from services.intake.erasure.rules import KEPT, REPLIES_LIVE
from shared import clock, ids
from shared.delivery.models import Delivery
from shared.errors import RefusedByLaw
from tests.unit.intake.cases import told
from tests.unit.intake.story import Story
from tests.unit.intake.test_families import MOTHER, recorded
from tests.unit.intake.test_holds import told as held_up
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem, encounter, girl

NOW = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
LONG_AGO = NOW - timedelta(days=30)
DELIVERED: Row = {"state": "delivered", "delivered_at": NOW, "token": None, "sending": False}


async def blocked(world: World, child_id: str) -> None:
    """The record is blocked, and its time passes."""
    change = update(Child).where(col(Child.id) == child_id)
    async with world.runtime.database.work() as session:
        await session.exec(change.values(blocked_at=clock.now(), erase_after=clock.now()))
        await session.exec(update(Delivery).values(**DELIVERED))
    while await counts.turn(world.runtime.database):
        pass


async def standing(world: World, child_id: str) -> set[str]:
    """The tables in which a child's id stands."""
    return {name for name, rows in (await world.everything()).items() if any(child_id in row for row in rows)}


async def with_child_ids(world: World) -> set[str]:
    """The tables with a column that names a child."""
    async with world.runtime.database.engine.connect() as connection:
        columns = await connection.run_sync(lambda sync: inspect(sync).get_multi_columns())
    return {
        str(table) for (_, table), several in columns.items() if any(each["name"] == "child_id" for each in several)
    }


async def attended(world: World, child_id: str) -> None:
    """What the story does not tell: the Procuraduría attends, the procedure begins, referral says how it stands."""
    (met,) = [row for row in await world.rows("encounter") if row["child_id"] == child_id]
    await world.duty_met("D1", child_id)
    await told(world, child_id, 1)
    began = {"reference": "PAM-1", "officer": "opi-0417"}
    await world.send(f"/v1/intake/encounters/{met['id']}/procedures", began)
    today = clock.now().date().isoformat()
    came = {"attended_at": ago(minutes=5), "officer": "pp-0001", "oficio": "OF-1", "oficio_date": today}
    await world.send(f"/v1/intake/encounters/{met['id']}/attendances", came, kind="PP")


@pytest.mark.parametrize(
    ("blocked_at", "erase_after", "owed", "lawful"),
    [
        (LONG_AGO, NOW, False, True),
        (NOW - REPLIES_LIVE, LONG_AGO, False, True),
        (None, None, False, False),
        (None, LONG_AGO, False, False),  # never blocked
        (LONG_AGO, None, False, False),  # no schedule
        (LONG_AGO, NOW + timedelta(seconds=1), False, False),
        (NOW - REPLIES_LIVE + timedelta(seconds=1), LONG_AGO, False, False),
        (LONG_AGO, LONG_AGO, True, False),
    ],
)
def test_a_record_is_erased_once_it_was_blocked_and_its_time_has_come(
    blocked_at: Any, erase_after: Any, owed: bool, lawful: bool
) -> None:
    if lawful:
        return rules.check_erasable(blocked_at, erase_after, NOW, owed=owed)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_erasable(blocked_at, erase_after, NOW, owed=owed)
    assert said.value.law is not None
    assert said.value.law.rule == "R35-RETENTION"
    assert "LGPDPPSO, art. 17 and 18" in said.value.law.source


async def test_of_an_erased_child_no_row_is_left_but_what_the_law_keeps(world: World) -> None:
    story = Story(world)
    await story.tell()
    child = (await world.rows("child", "created_at"))[0]
    sister = await world.met(encounter(child=girl(relatives=[child["id"]])))
    await attended(world, child["id"])
    await held_up(world, child["id"], ids.new("hld"), clock.now())
    before = await standing(world, child["id"])
    assert await with_child_ids(world) - before <= {"statistic_event", "statistic_return"}, "the story makes none yet"
    await blocked(world, child["id"])
    figures = await world.rows("statistic_summary", "measure, month, cell, previous")
    ledger = await world.rows("statistic_event")
    with clock.at(clock.now() + REPLIES_LIVE):
        assert await service.turn(world.runtime) == 1
        assert await service.turn(world.runtime) == 0
    left = await standing(world, child["id"])
    assert left <= {name.partition(".")[0] for name in KEPT}, "erase it there, or say in KEPT why the law keeps it"
    assert [row["id"] for row in await world.rows("child") if child["id"] in str(row)] == [sister["child_id"]]
    assert child["key_id"] not in await world.keyring.find(child["key_id"])
    assert await world.rows("idempotency", "created_at") == []  # no reply that may quote the child
    # What is published stays, of somebody whom nothing names.
    assert await world.rows("statistic_summary", "measure, month, cell, previous") == figures
    now = await world.rows("statistic_event")
    assert [row["id"] for row in now] == [row["id"] for row in ledger]
    assert sum(old["child_id"] != new["child_id"] for old, new in zip(ledger, now, strict=True)) == 1
    assert len({row["person_id"] for row in now}) == len({row["person_id"] for row in ledger}) < len(ledger)
    erased = [row for row in await world.rows("audit_entry") if row["action"] == "erase"]
    assert [(row["resource_id"], row["agency"]) for row in erased] == [(child["id"], "intake")]


async def test_a_number_of_an_erased_child_is_nobodys(world: World) -> None:
    number = {"system": "ICRC", "value": "CH-0417"}
    first = await world.met(encounter(external_ids=[number]))
    await blocked(world, first["child_id"])
    with clock.at(clock.now() + REPLIES_LIVE):
        await service.turn(world.runtime)
        assert await world.rows("external_id") == []
        again = await world.met(encounter(external_ids=[number]))
        (told,) = (await world.get(f"{CHILDREN}/{again['child_id']}/external-ids")).json()["items"]
    assert told["possible_duplicates"] == []


async def test_a_family_goes_with_its_last_child_and_with_its_carers_keys(world: World) -> None:
    one, two = [(await world.met(encounter(child=girl(given_names=name))))["child_id"] for name in ("Ana", "Berta")]
    await recorded(world, one, two, carers=[MOTHER])
    (carer,) = [row["key_id"] for row in await world.rows("family_member") if row["key_id"]]
    for number, child in enumerate((one, two)):
        await blocked(world, child)
        with clock.at(clock.now() + REPLIES_LIVE):
            await service.turn(world.runtime)
        assert (len(await world.rows("family")), len(await world.rows("family_member"))) == ((1, 2), (0, 0))[number]
        assert (carer in await world.keyring.find(carer)) is (number == 0)


async def test_nobody_is_erased_before_the_time_or_while_something_waits(world: World) -> None:
    made = [(await world.met())["child_id"] for _ in range(3)]
    await blocked(world, made[0])
    await blocked(world, made[1])
    async with world.runtime.database.work() as session:
        first = (await world.rows("event", "occurred_at"))[0]
        await session.exec(update(Delivery).where(col(Delivery.event_id) == first["id"]).values(state="pending"))
    assert await service.turn(world.runtime) == 0  # blocked a moment ago
    with clock.at(clock.now() + REPLIES_LIVE):
        waiting = first["case_key"]
        with pytest.raises(RefusedByLaw):
            await service.erase(world.runtime, waiting)
        assert await service.turn(world.runtime) == 1
        with pytest.raises(RefusedByLaw):
            await service.erase(world.runtime, made[2])  # nobody blocked it
    assert {row["id"] for row in await world.rows("child")} == {waiting, made[2]}
    assert_problem(await world.get(f"{CHILDREN}/{waiting}"), 404, "not_found")
