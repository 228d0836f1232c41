"""One call shows all that an agency owes, in whatever service its clock runs."""

from datetime import timedelta

from services.referral.protection.models import Release
from services.referral.referrals.models import Referral
from shared import clock, ids
from shared.clocks.models import Clock
from tests.unit.referral.test_escalation import HOUR, moved
from tests.unit.referral.world import World, fact


async def test_a_duty_says_what_it_is_about_and_how_long_is_left(world: World) -> None:
    with clock.at(clock.now().replace(microsecond=0)):
        case = await world.file(await world.encounter())
        made = await world.service(case["id"], urgency="3h")
        clock.advance(HOUR)
        (due,) = (await world.get("unicef", "/clocks"))["items"]
    assert (due["rule"], due["case_id"], due["resource"], due["resource_id"]) == (
        "ACK_SERVICE_3H", case["id"], "referral", made["id"],
    )  # fmt: skip
    assert (due["left_seconds"], due["runs_in"], due["extended"], due["paused_at"]) == (7200, "referral", 0, None)


async def test_filters_narrow_the_list(world: World) -> None:
    first, second = [await world.file(await world.encounter()) for _ in range(2)]
    for case, urgency in ((first, "1h"), (first, "3d"), (second, "1d")):
        await world.service(case["id"], urgency=urgency)

    async def found(query: str) -> list[str]:
        return [each["rule"] for each in (await world.get("unicef", f"/clocks?{query}"))["items"]]

    tomorrow = (clock.now() + timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await found("rule=ACK_SERVICE_1D") == ["ACK_SERVICE_1D"]
    assert await found(f"case_id={first['id']}") == ["ACK_SERVICE_1H", "ACK_SERVICE_3D"]
    assert await found(f"due_before={tomorrow}") == ["ACK_SERVICE_1H", "ACK_SERVICE_1D"]
    assert await found(f"due_before={tomorrow}&case_id={first['id']}&state=running") == ["ACK_SERVICE_1H"]
    await world.get("unicef", "/clocks?rule=x'y", 422)


async def test_due_times_that_move_between_pages_hide_nothing(world: World) -> None:
    case = await world.file(await world.encounter())
    for urgency in ("1h", "3h", "1d", "3d"):
        await world.service(case["id"], urgency=urgency)
    page = await world.get("unicef", "/clocks?limit=2")
    async with world.runtime.database.work() as session:
        shown = await session.get_one(Clock, page["items"][-1]["id"])
        shown.due_at += timedelta(days=30)
    rest = await world.get("unicef", f"/clocks?limit=4&cursor={page['next']}")
    assert [each["rule"] for each in rest["items"]] == ["ACK_SERVICE_1D", "ACK_SERVICE_3D", "ACK_SERVICE_3H"]


async def test_intakes_clocks_come_with_the_encounter_and_go_when_they_are_met(world: World) -> None:
    with clock.at(clock.now()):
        child = ids.new("chd")
        clocks = [moved(child, rule=rule) for rule in ("D1", "D2")]
        told = fact(child, clocks=clocks)
        assert (await world.event("encounter.recorded", told)).status_code == 200
        case = await world.file(child)
        owed = (await world.get("inm-chp", f"/clocks?case_id={case['id']}"))["items"]
        assert {(each["rule"], each["resource"], each["runs_in"], each["left_seconds"]) for each in owed} == {
            ("D1", "encounter", "intake", 86400), ("D2", "encounter", "intake", 86400),
        }  # fmt: skip
        met = clocks[0] | {"state": "met", "met_at": clock.now().isoformat()}
        assert (await world.event("clock.moved", met)).status_code == 200
    left = (await world.get("inm-chp", "/clocks?state=running"))["items"]
    assert [each["rule"] for each in left] == ["D2"]
    assert (await world.get("inm-tam", "/clocks", state="MX-TAM"))["items"] == []


async def test_a_notice_that_has_no_way_is_among_what_the_procuraduria_owes(world: World) -> None:
    case = await world.file(await world.encounter())
    release = Release(
        id=ids.opaque("rel"), case_id=case["id"], child_id=case["child_id"], nationality="HND", screened_at=clock.now(),
        told_at=clock.now(), told_in="spa", objects=False, proposed_by="x", created_at=clock.now(),
    )  # fmt: skip
    async with world.runtime.database.work() as session:
        session.add(release)
    await world.event("clock.moved", moved(release.id, rule="C2", agency="pp-chp", resource_id=ids.opaque("ntc")))
    (due,) = (await world.get("pp-chp", "/clocks?rule=C2"))["items"]
    assert (due["case_id"], due["resource"], due["runs_in"]) == (case["id"], "notice", "consular")


async def test_a_clock_with_its_history_is_read_by_who_owes_it_and_by_nobody_else(world: World) -> None:
    case = await world.file(await world.encounter())
    made = await world.service(case["id"])
    (row,) = await world.rows(Clock, Clock.resource_id == made["id"])
    seen = await world.get("unicef", f"/clocks/{row.id}")
    assert (seen["rule"], seen["changes"]) == ("ACK_SERVICE_1D", [])
    for stranger in ("iom", "inm-chp", "dif-chp", "pp-chp"):
        await world.get(stranger, f"/clocks/{row.id}", 404)


async def test_the_chains_are_published(world: World) -> None:
    found = {each["rule"]: each for each in (await world.get("unicef", "/clocks/chains"))["items"]}
    assert found["ACK_DIF"] == {
        "rule": "ACK_DIF", "federal": "DIF", "confidential": False,
        "steps": [
            {"on": "clock.warned", "after_seconds": 0, "to": ["OWNER"]},
            {"on": "clock.breached", "after_seconds": 0, "to": ["OWNER", "SENDER", "FEDERAL"]},
            {"on": "clock.escalated", "after_seconds": 86400, "to": ["PP"]},
        ],
    }  # fmt: skip
    assert len(await world.rows(Referral)) == 0
