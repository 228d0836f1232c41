"""Clocks: what is due, and who learns when it is late."""

from datetime import timedelta

from services.referral.clocks.service import fired
from services.referral.referrals.models import Referral
from services.referral.worker import worker
from shared import clock
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from tests.unit.referral.world import World, together


async def fire(world: World) -> int:
    return await clocks.fire(world.runtime.database, fired)


async def test_clocks_warn_once_and_escalate_once(world: World) -> None:
    everybody = ("pp-chp", "dif-chp", "inm-chp", "pp-fed", "dif-nacional")
    with clock.at(clock.now()):
        await world.register(*everybody)
        await world.encounter()
        assert await fire(world) == 0
        clock.advance(timedelta(hours=1))
        assert [await fire(world), await fire(world)] == [2, 0]
        assert await spoken(world, "pp-chp") == ["clock.warned ACK_PP"]
        assert await spoken(world, "inm-chp") == []
        clock.advance(timedelta(hours=23))
        assert [await fire(world), await fire(world)] == [2, 0]
    assert await spoken(world, "pp-chp") == ["clock.warned ACK_PP", "clock.breached ACK_PP"]
    assert await spoken(world, "dif-chp") == ["clock.warned ACK_DIF", "clock.breached ACK_DIF"]
    assert sorted(await spoken(world, "inm-chp")) == ["clock.breached ACK_DIF", "clock.breached ACK_PP"]
    assert await spoken(world, "pp-fed") == ["clock.breached ACK_PP"]
    assert await spoken(world, "dif-nacional") == ["clock.breached ACK_DIF"]


async def spoken(world: World, agency: str) -> list[str]:
    events = [event for event in await world.sent(agency) if event.type.startswith("clock.")]
    return [f"{event.type} {event.data['rule']}" for event in events]


async def test_whoever_hears_of_a_breach_may_read_what_it_is_about(world: World) -> None:
    with clock.at(clock.now()):
        child = await world.encounter()
        handover = await world.opened(child, "DIF_HANDOVER")
        await world.get("dif-nacional", f"/referrals/{handover['id']}", 404)
        clock.advance(timedelta(hours=24))
        await fire(world)
        seen = await world.get("dif-nacional", f"/referrals/{handover['id']}")
        assert (seen["escalated_to"], seen["allowed_actions"]) == ("dif-nacional", [])
        file = await world.get("dif-nacional", f"/cases/{handover['case_id']}")
        assert [each["kind"] for each in file["referrals"]] == ["DIF_HANDOVER"]


async def test_an_answer_in_time_stops_the_clock_and_a_late_one_stays_late(world: World) -> None:
    with clock.at(clock.now()):
        child = await world.encounter()
        notice, handover = [await world.opened(child, kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
        await world.post("pp-chp", f"/referrals/{notice['id']}/receive", status=200)
        clock.advance(timedelta(hours=25))
        assert await fire(world) == 1
        await world.post("dif-chp", f"/referrals/{handover['id']}/accept", status=200)
        assert await fire(world) == 0
        rows = {row.rule: row for row in await world.rows(Clock)}
    assert (rows["ACK_PP"].state, rows["ACK_PP"].breached_at) == (ClockState.MET, None)
    assert (rows["ACK_DIF"].state, rows["ACK_DIF"].breached_at) == (ClockState.MET, rows["ACK_DIF"].due_at)


async def test_an_agency_lists_what_it_owes_soonest_first(world: World) -> None:
    file = await world.file(await world.encounter())
    for urgency in ("3d", "1h", "1d", "3h"):
        await world.service(file["id"], urgency=urgency)
    found, cursor = [], ""
    while True:
        page = await world.get("unicef", f"/clocks?limit=3{cursor}")
        found += [each["rule"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == ["ACK_SERVICE_1H", "ACK_SERVICE_3H", "ACK_SERVICE_1D", "ACK_SERVICE_3D"]
    first = (await world.rows(Referral, Referral.urgency == "1h", Referral.recipient == "unicef"))[0]
    await world.post("unicef", f"/referrals/{first.id}/accept", status=200)
    assert [each["rule"] for each in (await world.get("unicef", "/clocks?state=met"))["items"]] == ["ACK_SERVICE_1H"]
    running = [each["rule"] for each in (await world.get("unicef", "/clocks?state=running"))["items"]]
    assert sorted(running) == ["ACK_SERVICE_1D", "ACK_SERVICE_3D", "ACK_SERVICE_3H", "START_SERVICE_1H"]
    assert (await world.get("iom", "/clocks"))["items"] == []


async def test_answers_and_breaches_at_the_same_time_do_not_block_each_other(world: World) -> None:
    with clock.at(clock.now()):
        children = [await world.encounter() for _ in range(6)]
        notices = [await world.opened(child, "PP_NOTICE") for child in children]
        clock.advance(timedelta(hours=24))
        answers = await together(
            *(world.post("pp-chp", f"/referrals/{notice['id']}/accept") for notice in notices), fire(world), fire(world)
        )
        assert [answer.status_code for answer in answers[:6]] == [200] * 6
        await fire(world)
        rows = await world.rows(Clock)
    late = {(row.rule, row.state, row.breached_at == row.due_at) for row in rows if row.rule == "ACK_DIF"}
    assert late == {("ACK_DIF", ClockState.BREACHED, True)}


async def test_the_worker_builds_and_knows_its_loops(world: World) -> None:
    app = worker(world.runtime)
    assert app.title == "Ruta: referral worker"
