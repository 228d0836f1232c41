"""R24: what referral holds up stands still in intake, too, and nothing says why."""

from datetime import datetime, timedelta

from shared import clock, ids
from shared.clocks.facts import HoldMoved
from tests.unit.intake.test_lodging import lodge, lodged, stay
from tests.unit.intake.test_lodging import step as stay_step
from tests.unit.intake.test_permits import act, granted, permit
from tests.unit.intake.test_permits import step as permit_step
from tests.unit.intake.test_procedures import begin
from tests.unit.intake.world import ENCOUNTERS, Row, World, ago, assert_problem, encounter

SOURCE = "Ley de Migración, art. 74 and 120; LGDNNA, art. 96 and 97; what holds it up is referral's to say"
WAITING = {"purpose": "AWAITING_ASSISTED_RETURN"}


async def told(world: World, child_id: str, hold_id: str, since: datetime, until: datetime | None = None) -> None:
    """Deliver the event by which referral says how a hold stands."""
    fact = HoldMoved(hold_id=hold_id, child_id=child_id, since=since, until=until)
    message: Row = {
        "id": ids.new("evt"), "type": HoldMoved.TYPE, "version": 1, "time": clock.now().isoformat(),
        "audience": "whe_x", "sequence": 1, "data": fact.model_dump(mode="json"),
    }  # fmt: skip
    assert (await world.event(message)).status_code < 300


def refused(problem: Row) -> None:
    assert (problem["rule"], problem["source"], problem["allowed_actions"]) == ("R24", SOURCE, [])
    assert not [word for word in ("refuge", "claim", "comar", "lrpcap", "protect") if word in repr(problem).lower()]


async def test_while_a_hold_stands_no_return_is_prepared_or_recorded_and_the_procedure_stands_still(
    world: World,
) -> None:
    met = await world.met(encounter(occurred_at=ago(hours=9)))
    child, hold, since = met["child_id"], ids.new("hld"), clock.now() - timedelta(hours=3)
    await world.duty_met("D1", child, clock.now() - timedelta(hours=8))
    made = (await begin(world, met["id"], started_at=ago(hours=7))).json()
    assert made["suspended_since"] is None
    given = await granted(world, permit(child, granted_at=ago(hours=8)))
    await told(world, child, hold, since)
    await told(world, child, hold, since)  # the same again
    (shown,) = (await world.get(f"{ENCOUNTERS}/{met['id']}/procedures")).json()["items"]
    assert datetime.fromisoformat(shown["suspended_since"]) == since
    refused(assert_problem(await lodge(world, stay(child, **WAITING)), 409, "refused_by_law"))
    left = act(type="ASSISTED_RETURN")
    refused(assert_problem(await permit_step(world, given["id"], "end", **left), 409, "refused_by_law"))
    before = stay(child, since=ago(hours=6), until=ago(hours=5), end_reason="MOVED", **WAITING)
    await lodged(world, before)  # it was over before the hold began
    sleeps = await lodged(world, stay(child, since=ago(hours=2)))
    gone = {"until": ago(minutes=5), "end_reason": "RETURNED"}
    refused(assert_problem(await stay_step(world, sleeps["id"], "end", **gone), 409, "refused_by_law"))
    assert (await stay_step(world, sleeps["id"], "end", **gone | {"end_reason": "MOVED"})).status_code == 200
    await told(world, child, hold, since, clock.now())
    await told(world, child, hold, since)  # an older word of it changes nothing
    (shown,) = (await world.get(f"{ENCOUNTERS}/{met['id']}/procedures")).json()["items"]
    assert shown["suspended_since"] is None
    assert (await permit_step(world, given["id"], "end", **left)).status_code == 200
    await lodged(world, stay(child, since=clock.now().isoformat(), **WAITING))


async def test_a_hold_keeps_nobody_from_care_and_of_an_erased_child_none_is_kept(world: World) -> None:
    met = await world.met()
    await told(world, met["child_id"], ids.new("hld"), clock.now())
    await lodged(world, stay(met["child_id"]))
    await told(world, ids.new("chd"), ids.new("hld"), clock.now())  # nobody whom intake knows any more
    assert [row["child_id"] for row in await world.rows("child_hold")] == [met["child_id"]]
