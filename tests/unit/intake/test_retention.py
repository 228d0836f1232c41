"""How long what identifies is kept (R35): dates that follow from the end of a case, held while it is open."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import update

from services.intake.cases import service
from services.intake.cases.store import MODELS, SEALED
from services.intake.children.models import Child
from services.intake.counts import service as counts
from services.intake.erasure import service as erasure
from services.intake.retention import rules
from services.intake.retention.rules import SCHEDULES, Start, schedules
from shared import clock
from shared.delivery.models import Delivery
from shared.testing import key
from tests.unit.intake.cases import told
from tests.unit.intake.test_erasure import DELIVERED
from tests.unit.intake.test_families import FAMILIES, MOTHER, recorded
from tests.unit.intake.test_orientation import INQUIRIES, inquiry
from tests.unit.intake.test_territory import AUNT
from tests.unit.intake.world import CHILDREN, ENCOUNTERS, Row, World, again, assert_problem, encounter, girl

CLOSED = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
GROWN = datetime(2040, 1, 1, tzinfo=UTC)


# -- the table -------------------------------------------------------------------------------------------


def test_every_record_that_identifies_somebody_has_its_schedule() -> None:
    with_dates = {model.__tablename__ for model in MODELS.values()}
    assert with_dates == {each.record for each in SCHEDULES} == set(schedules())
    dated = {
        table.name
        for table in Child.metadata.sorted_tables
        if {"retention_class", "erase_after"} <= set(table.columns.keys())
    }
    assert dated == with_dates
    for each in SCHEDULES:
        column = MODELS[each.record].model_fields["retention_class"]
        assert each.of is column.default, each.record
        assert (each.verified, "LGPDPPSO" in each.source) == (False, True)
    assert set(SEALED) == set(schedules()) - {"child"}


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda each: each.record)
def test_each_is_kept_then_blocked_then_erased(schedule: rules.Schedule) -> None:
    assert schedule.kept is not None
    erased = schedule.erase_after(CLOSED)
    assert erased == CLOSED + schedule.kept + schedule.blocked
    assert schedule.block_at(erased) == CLOSED + schedule.kept
    late = schedule.erase_after(CLOSED, GROWN)
    assert late == (GROWN + schedule.blocked if schedule.grown else erased)
    assert schedule.erase_after(CLOSED, CLOSED) == erased  # grown up already
    assert (schedule.start is Start.LAST_FACT) is (schedule.record == "paisano_inquiry")


def test_periods_are_configured_by_record_in_days() -> None:
    found = schedules("child=10+5 encounter=never")
    assert found["child"].erase_after(CLOSED) == CLOSED + 15 * DAY
    assert found["encounter"].erase_after(CLOSED) is None
    assert found["family_member"] == schedules()["family_member"]


@pytest.mark.parametrize("wrong", ["children=1+1", "child", "child=1", "child=1+x", "child=-1+1", "child=1y+1"])
def test_a_configuration_that_says_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="RUTA_RETENTION"):
        schedules(wrong)


def test_the_date_tells_the_year_of_majority_and_no_birthday() -> None:
    assert rules.year_over("2029-03") == rules.year_over("2029-12") == datetime(2030, 1, 1, tzinfo=UTC)
    assert rules.year_over(None) is None


# -- what a closing sets ---------------------------------------------------------------------------------


async def dates(world: World) -> dict[str, list[tuple[Any, Any]]]:
    """When each record is erased and was blocked, by table."""
    return {
        name: [(_moment(row["erase_after"]), _moment(row["blocked_at"])) for row in await world.rows(name)]
        for name in schedules()
    }


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def grown_up(child: Row) -> datetime:
    """The end of the year in which a child turns 18."""
    return datetime(int(child["birth_date"][:4]) + 19, 1, 1, tzinfo=UTC)


async def family(world: World) -> tuple[Row, Row]:
    """Two sisters who were met with their aunt, and their mother."""
    one, two = [await world.met(encounter(adult=AUNT, child=girl(given_names=name))) for name in ("Ana", "Berta")]
    await recorded(world, one["child_id"], two["child_id"], carers=[MOTHER])
    return one, two


async def test_the_end_of_a_case_sets_every_date_and_its_new_beginning_takes_them_back(world: World) -> None:
    one, two = await family(world)
    nothing = await dates(world)
    assert {each for rows in nothing.values() for each in rows} == {(None, None)}
    await told(world, one["child_id"], 3, closed_at := clock.now())
    known, grown = schedules(), grown_up(girl())
    found = await dates(world)
    assert found["child"] == [(known["child"].erase_after(closed_at, grown), None), (None, None)]
    assert found["encounter"] == [(known["encounter"].erase_after(closed_at), None), (None, None)]
    assert {each for each, _ in found["family_member"]} == {None}  # the sister's case is open
    await told(world, two["child_id"], 3, closed_at + DAY)
    kept = (await dates(world))["family_member"]
    assert set(kept) == {(None, None), (known["family_member"].erase_after(closed_at + DAY), None)}
    await told(world, one["child_id"], 2, None)  # late: said before the closing
    assert (await dates(world))["child"][0] == found["child"][0]
    await told(world, one["child_id"], 5)
    await told(world, two["child_id"], 5)
    assert await dates(world) == nothing
    held = [row for row in await world.rows("audit_entry") if row["action"] == "hold"]
    assert {row["resource_id"] for row in held} == {one["child_id"], two["child_id"]}


def configure(world: World, periods: str) -> None:
    world.runtime.settings = world.runtime.settings.model_copy(update={"retention": periods})


async def quiet(world: World) -> None:
    """Nothing waits to be delivered or counted."""
    async with world.runtime.database.work() as session:
        await session.exec(update(Delivery).values(**DELIVERED))
    while await counts.turn(world.runtime.database):
        pass


async def test_what_is_due_is_blocked_and_then_erased_and_not_a_moment_earlier(world: World) -> None:
    one, two = await family(world)
    await quiet(world)
    known, closed_at = schedules(), clock.now()
    for each in (one, two):
        await told(world, each["child_id"], 3, closed_at)
    keys = [row["key_id"] for row in await world.rows("family_member") if row["key_id"]]
    adult = known["encounter"]
    assert adult.kept is not None
    with clock.at(closed_at + adult.kept - timedelta(seconds=1)):
        assert await service.turn(world.runtime) == 0
    with clock.at(closed_at + adult.kept):
        assert await service.turn(world.runtime) == 3  # two meetings with the aunt, one mother
        assert_problem(await world.get(f"{ENCOUNTERS}/{one['id']}/adult"), 404, "not_found")
        shown = (await world.get(FAMILIES)).json()["items"][0]
        members = (await world.get(f"{FAMILIES}/{shown['id']}")).json()["members"]
        assert [each["identity"] for each in members if each["role"] == "CARER"] == [None]
        assert (await world.get(f"{CHILDREN}/{one['child_id']}")).status_code == 200
        assert await service.turn(world.runtime) == 0
    with clock.at(closed_at + adult.kept + adult.blocked):
        assert await service.turn(world.runtime) == 3
        assert await service.turn(world.runtime) == 0
    assert [row["adult"] for row in await world.rows("encounter")] == [None, None]
    assert [row["identity"] for row in await world.rows("family_member")] == [None] * 3
    assert await world.keyring.find(*keys) == {}
    (until,) = {each for each, _ in (await dates(world))["child"]}
    with clock.at(known["child"].block_at(until)):
        assert await service.turn(world.runtime) == 2
        assert_problem(await world.get(f"{CHILDREN}/{one['child_id']}"), 404, "not_found")
        assert await erasure.turn(world.runtime) == 0
    with clock.at(until):
        assert await erasure.turn(world.runtime) == 2
    assert await world.rows("child") == []
    done = {(row["action"], row["resource"]) for row in await world.rows("audit_entry") if row["agency"] == "intake"}
    assert done == {
        ("block", "child"), ("block", "encounter"), ("block", "family_member"), ("erase", "child"),
        ("erase", "encounter"), ("erase", "family_member"),
    }  # fmt: skip


async def test_a_child_who_is_met_after_the_closing_is_not_blocked_before_referral_has_said_so(world: World) -> None:
    met = await world.met()
    await told(world, met["child_id"], 3, clock.now())
    await world.met(again(met["child_id"]))
    with clock.at(clock.now() + 40 * 365 * DAY):
        assert await service.turn(world.runtime) == 0
    await told(world, met["child_id"], 4)
    await told(world, met["child_id"], 6, clock.now())
    with clock.at(clock.now() + 40 * 365 * DAY):
        assert await service.turn(world.runtime) == 1


async def test_a_case_that_begins_again_opens_a_blocked_record(world: World) -> None:
    configure(world, "child=1825+730 encounter=1825+730")
    child_id = (await world.met(encounter(adult=AUNT)))["child_id"]
    await told(world, child_id, 3, clock.now())
    with clock.at(clock.now() + 1900 * DAY):
        assert await service.turn(world.runtime) == 2
    assert_problem(await world.get(f"{CHILDREN}/{child_id}"), 404, "not_found")
    await told(world, child_id, 4)
    assert (await world.get(f"{CHILDREN}/{child_id}")).status_code == 200
    (met,) = await world.rows("encounter")
    assert (met["erase_after"], met["blocked_at"]) == (None, None)


async def test_a_birth_date_that_was_corrected_after_the_closing_keeps_the_record_longer(world: World) -> None:
    child_id = (await world.met())["child_id"]
    await told(world, child_id, 3, clock.now())
    async with world.runtime.database.work() as session:  # as if the identity had said another age then
        await session.exec(update(Child).values(erase_after=clock.now() + schedules()["child"].blocked))
    assert await service.turn(world.runtime) == 0
    assert (await dates(world))["child"] == [(grown_up(girl()) + schedules()["child"].blocked, None)]


async def test_without_a_schedule_nothing_has_a_date(world: World) -> None:
    configure(world, "child=never encounter=never")
    child_id = (await world.met(encounter(adult=AUNT)))["child_id"]
    await told(world, child_id, 3, clock.now())
    assert {each for rows in (await dates(world)).values() for each in rows} == {(None, None)}


async def test_who_complained_is_erased_after_the_end_of_the_complaint(world: World) -> None:
    made = await world.send(INQUIRIES, inquiry())
    assert (await dates(world))["paisano_inquiry"] == [(None, None)]  # it is still being seen to
    async with world.calling() as caller:
        answer = await caller.post(
            f"{INQUIRIES}/{made['id']}/resolve", json={"officer": "opi-0417"}, headers=key() | {"If-Match": '"v1"'}
        )
    assert answer.status_code == 200, answer.text
    ((until, _),) = (await dates(world))["paisano_inquiry"]
    schedule = schedules()["paisano_inquiry"]
    with clock.at(schedule.block_at(until)):
        assert await service.turn(world.runtime) == 1
        assert_problem(await world.get(f"{INQUIRIES}/{made['id']}"), 404, "not_found")
    (row,) = await world.rows("paisano_inquiry")
    with clock.at(until):
        assert await service.turn(world.runtime) == 1
    assert [each["complainant"] for each in await world.rows("paisano_inquiry")] == [None]
    assert await world.keyring.find(row["key_id"]) == {}
