"""What follows from an encounter: one case, two referrals, two clocks, whatever is repeated."""

from services.referral.cases.models import Case
from services.referral.referrals.models import Referral
from shared import clock, ids
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from tests.unit.referral.world import World, fact, together


async def test_an_encounter_opens_the_case_and_what_the_law_orders(world: World) -> None:
    await world.register("pp-chp", "dif-chp", "inm-chp")
    child = await world.encounter()
    file = await world.file(child, "inm-chp")
    assert (file["status"], file["stage"], file["state"]) == ("DETECTED", 1, "MX-CHP")
    assert (file["representation"], file["representative"]) == ("PP_EN_SUPLENCIA", "pp-chp")
    opened = {each["kind"]: (each["sender"], each["recipient"], each["state"]) for each in file["referrals"]}
    assert opened == {
        "PP_NOTICE": ("inm-chp", "pp-chp", "sent"),
        "DIF_HANDOVER": ("inm-chp", "dif-chp", "sent"),
    }
    assert {(each["rule"], each["agency"]) for each in file["clocks"]} == {("ACK_PP", "pp-chp"), ("ACK_DIF", "dif-chp")}
    for agency, count in (("pp-chp", 1), ("dif-chp", 1), ("inm-chp", 2)):
        events = await world.sent(agency)
        assert [event.type for event in events] == ["referral.sent"] * count
        assert all(set(event.data) == {"referral_id", "state"} for event in events)


async def test_the_same_event_twice_takes_effect_once(world: World) -> None:
    child, event_id = ids.new("chd"), ids.new("evt")
    with clock.at(clock.now()):
        for _ in range(2):
            assert (await world.event("encounter.recorded", fact(child), event_id)).status_code == 200
        assert len(await world.rows(Case)) == 1
        assert len(await world.rows(Referral)) == 2
        assert len(await world.rows(AuditEntry)) == 3  # the case and two referrals
        forged = await world.event("encounter.recorded", fact(child, state="MX-OAX"), event_id)
        assert forged.status_code == 409


async def test_a_second_encounter_of_a_child_opens_nothing_new(world: World) -> None:
    child = await world.encounter()
    await world.encounter(child)
    assert len(await world.rows(Case)) == 1
    assert len(await world.rows(Referral)) == 2
    assert len(await world.rows(Clock)) == 2


async def test_encounters_of_one_child_at_the_same_time_make_one_case(world: World) -> None:
    child = ids.new("chd")
    await together(*(world.encounter(child) for _ in range(5)))
    assert len(await world.rows(Case)) == 1
    assert len(await world.rows(Referral)) == 2


async def test_an_encounter_in_another_state_tells_that_state_too(world: World) -> None:
    child = await world.encounter()
    await world.encounter(child, state="MX-OAX", agency="inm-oax")
    assert len(await world.rows(Case)) == 1
    recipients = {row.recipient for row in await world.rows(Referral)}
    assert recipients == {"pp-chp", "dif-chp", "pp-oax", "dif-oax"}
    assert (await world.file(child, "pp-oax", state="MX-OAX"))["state"] == "MX-CHP"


async def test_a_later_encounter_learns_that_the_procuraduria_knows_already(world: World) -> None:
    child = await world.encounter()
    notice = await world.opened(child, "PP_NOTICE")
    await world.post("pp-chp", f"/referrals/{notice['id']}/receive", status=200)
    await world.encounter(child)
    assert [event.data["duty"] for event in await world.sent("service:intake")] == ["D1", "D1"]


async def test_after_the_first_notice_is_closed_a_later_encounter_is_notified_anew(world: World) -> None:
    child = await world.encounter()
    notice = await world.opened(child, "PP_NOTICE")
    await world.post("pp-chp", f"/referrals/{notice['id']}/accept", status=200)
    await world.post("pp-chp", f"/referrals/{notice['id']}/complete", {}, 200)
    await world.encounter(child)
    assert (await world.opened(child, "PP_NOTICE"))["state"] == "sent"
    assert len(await world.sent("service:intake")) == 1


async def test_what_a_clock_of_intake_says_reaches_who_owes_the_duty(world: World) -> None:
    await world.register("inm-chp", "pp-fed")
    fact = {
        "clock_id": "clk",
        "rule": "D1",
        "resource_id": "enc",
        "due_at": "2026-01-01T00:00:00Z",
        "agency": "inm-chp",
    }
    for event_type in ("clock.warned", "clock.breached"):
        assert (await world.event(event_type, fact)).status_code == 200
    assert [event.type for event in await world.sent("inm-chp")] == ["clock.warned", "clock.breached"]
    assert [event.type for event in await world.sent("pp-fed")] == ["clock.breached"]
