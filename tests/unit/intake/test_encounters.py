"""INM records an encounter: what is answered, what is written, what is refused."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared import clock, ids
from shared.testing import key
from tests.unit.intake.world import (
    ENCOUNTERS,
    Row,
    World,
    again,
    ago,
    assert_problem,
    encounter,
    estimated,
    girl,
    same_but_for_request,
)


def moment(value: Any) -> datetime:
    return datetime.fromisoformat(value)


# -- recorded ----------------------------------------------------------------------------------------


async def test_an_officer_records_an_encounter(world: World) -> None:
    occurred, given = ago(hours=2), ago(hours=1)
    body = encounter(
        occurred_at=occurred,
        place={"state": "MX-CHP", "municipality": "Tapachula", "point": "Puente Rodolfo Robles"},
        adult={"tie": "OTHER_ADULT", "proofs": ["CHILD_STATEMENT", "OTHER"]},
        assistance=[
            {"code": "FOOD", "given_at": given},
            {"code": "PHONE_CALL", "given_at": given, "declined": True},
        ],
    )
    answer = await world.post(body, office="inm-chp-tap")
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"{ENCOUNTERS}/{made['id']}"
    assert made["id"].startswith("enc_")
    assert made["child_id"].startswith("chd_")
    expected = {
        "kind": "FOREIGN_MET", "state": "MX-CHP", "municipality": "Tapachula", "point": "Puente Rodolfo Robles",
        "agency": "inm-chp", "office": "inm-chp-tap", "tie": "OTHER_ADULT", "travel_condition": "UNACCOMPANIED",
        "age_group": "ADOLESCENT", "age_presumed": False, "handover": {"to": "referral", "status": "pending"},
        "carer_presentation": "NOT_A_CARER", "tie_proofs": ["CHILD_STATEMENT", "OTHER"],
        "unmet_needs": ["HEALTH", "REST"], "possible_matches": [],
    }  # fmt: skip
    assert made | expected == made
    unsaid = {name for name, value in made.items() if value is None}
    assert unsaid == {
        "external_id", "outcome", "return_point", "returned_from", "state_of_origin", "announced_by", "met_by",
        "announcing_agency", "announcing_country", "announcement_id", "adult_relation", "carer_presented_at",
        "pp_attended_at", "oficio",
    }  # fmt: skip
    assert made.keys() - expected.keys() - unsaid == {"id", "child_id", "occurred_at", "recorded_at", "clocks"}
    assert moment(made["occurred_at"]) == moment(occurred)
    assert clock.now() - moment(made["recorded_at"]) < timedelta(seconds=10)


async def test_what_was_answered_can_be_read_again(world: World) -> None:
    made = await world.met()
    shown = (await world.get(f"{ENCOUNTERS}/{made['id']}")).json()
    listed = (await world.get(ENCOUNTERS)).json()
    assert listed == {"items": [shown], "next": None}
    times = {"occurred_at", "recorded_at", "clocks"}
    assert {k: v for k, v in shown.items() if k not in times} == {k: v for k, v in made.items() if k not in times}
    assert moment(shown["occurred_at"]) == moment(made["occurred_at"])
    assert [each["id"] for each in shown["clocks"]] == [each["id"] for each in made["clocks"]]


async def test_the_columns_that_the_tables_count_are_filled(world: World) -> None:
    made = await world.met(encounter(child=girl(nationalities=["SLV", "HND"], sex="X")))
    (row,) = await world.rows("encounter")
    assert (row["nationality"], row["sex"], row["child_id"]) == ("SLV", "X", made["child_id"])


async def test_help_is_logged_and_listed(world: World) -> None:
    given = ago(minutes=30)
    made = await world.met(encounter(assistance=[{"code": "REST", "given_at": given, "declined": True}]))
    await world.met(encounter(assistance=[{"code": "LEGAL", "given_at": given}]))
    for query in (f"encounter_id={made['id']}", f"child_id={made['child_id']}"):
        (item,) = (await world.get(f"/v1/intake/assistance?{query}")).json()["items"]
        assert (item["code"], item["declined"], item["agency"]) == ("REST", True, "inm-chp")
        assert moment(item["given_at"]) == moment(given)
    assert len((await world.get("/v1/intake/assistance")).json()["items"]) == 2
    assert (await world.get("/v1/intake/assistance", state="MX-OAX")).json()["items"] == []


async def test_the_clocks_of_d1_and_d2_start_at_detection(world: World) -> None:
    occurred = ago(minutes=50)
    made = await world.met(encounter(occurred_at=occurred))
    assert [each["rule"] for each in made["clocks"]] == ["D1", "D2", "NEEDS", "VRH"]
    for each in made["clocks"][:2]:
        assert (each["state"], each["agency"], each["resource_id"]) == ("running", "inm-chp", made["id"])
        assert moment(each["started_at"]) == moment(occurred)
        assert moment(each["due_at"]) == moment(occurred) + timedelta(hours=24)
        assert each["met_at"] is each["breached_at"] is None


async def test_referral_is_told_by_one_event_that_names_nobody(world: World) -> None:
    made = await world.met()
    assert await world.deliver() == 1
    (event,) = world.referral.events
    started = event["data"].pop("clocks")
    assert [(each["clock_id"], each["rule"], each["due_at"]) for each in started] == [
        (each["id"], each["rule"], each["due_at"]) for each in made["clocks"]
    ]
    assert {(each["agency"], each["subject"], each["state"]) for each in started} == {
        ("inm-chp", made["child_id"], "running")
    }
    assert event["data"] == {
        "encounter_id": made["id"], "child_id": made["child_id"], "kind": "FOREIGN_MET", "state": "MX-CHP",
        "agency": "inm-chp", "facts_version": 1, "referrals": ["PP", "DIF"], "carer_with_child": False,
    }  # fmt: skip
    assert (event["type"], event["version"], event["sequence"]) == ("encounter.recorded", 1, 1)
    shown = (await world.get(f"{ENCOUNTERS}/{made['id']}")).json()
    assert shown["handover"] == {"to": "referral", "status": "delivered"}
    assert await world.deliver() == 0


async def test_a_clock_that_speaks_does_not_make_the_handover_pending_again(world: World) -> None:
    made = await world.met(encounter(occurred_at=ago(days=2)))
    await world.deliver()
    assert await world.fire() == 3
    shown = (await world.get(f"{ENCOUNTERS}/{made['id']}")).json()
    assert shown["handover"]["status"] == "delivered"


async def test_an_encounter_is_recorded_while_referral_is_down(world: World) -> None:
    made = await world.without_referral().met()
    assert made["handover"]["status"] == "pending"


# -- the audit row is part of the transaction --------------------------------------------------------


async def test_recording_is_audited_with_the_request_that_did_it(world: World) -> None:
    answer = await world.post(encounter(), office="inm-chp-tap")
    made = answer.json()
    (entry,) = await world.rows("audit_entry")
    assert (entry["action"], entry["resource"], entry["resource_id"]) == ("record", "encounter", made["id"])
    assert (entry["client_id"], entry["agency"], entry["office"]) == ("inm-chp-system", "inm-chp", "inm-chp-tap")
    assert entry["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("table", ["audit_entry", "clock", "delivery", "assistance"])
async def test_without_any_of_its_rows_there_is_no_encounter(world: World, table: str) -> None:
    rename = text(f'ALTER TABLE "{table}" RENAME TO lost'), text(f'ALTER TABLE lost RENAME TO "{table}"')
    async with world.runtime.database.engine.begin() as connection:
        await connection.execute(rename[0])
    answer = await world.post(encounter(assistance=[{"code": "FOOD", "given_at": ago(minutes=1)}]))
    async with world.runtime.database.engine.begin() as connection:
        await connection.execute(rename[1])
    assert answer.status_code >= 500
    for name in ("encounter", "child", "event", "event_counter", "idempotency", table):
        assert await world.rows(name, order="1") == [], name


# -- safe to repeat ----------------------------------------------------------------------------------


async def test_a_repetition_gets_the_first_answer_again(world: World) -> None:
    body, name = encounter(), key()
    first, second = [await world.post(body, name) for _ in range(2)]
    assert second.status_code == first.status_code == 201
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(await world.rows("encounter")) == 1


async def test_a_key_with_another_body_is_refused(world: World) -> None:
    name = key()
    await world.post(encounter(), name)
    answer = await world.post(encounter(child=girl(given_names="Berta")), name)
    assert_problem(answer, 422, "idempotency_key_reused")
    assert len(await world.rows("encounter")) == len(await world.rows("child")) == 1


async def test_a_key_belongs_to_its_client(world: World) -> None:
    body, name = encounter(), key()
    first = await world.post(body, name)
    second = await world.post(body, name, client_id="inm-chp-other")
    assert first.json()["id"] != second.json()["id"]


async def test_a_refused_request_may_be_repeated_with_its_key(world: World) -> None:
    name = key()
    assert (await world.post(encounter(child=estimated(18, 20)), name)).status_code == 409
    assert (await world.post(encounter(), name)).status_code == 201


async def test_thirty_repetitions_at_once_make_one_encounter(world: World) -> None:
    body, name = encounter(), key()
    answers = await asyncio.gather(*(world.post(body, name) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    for table in ("encounter", "child", "event", "delivery", "audit_entry", "idempotency"):
        assert len(await world.rows(table, order="1")) == 1, table
    assert len(await world.rows("clock")) == 4


async def test_twenty_encounters_of_one_child_at_once_leave_no_gap(world: World) -> None:
    child_id = (await world.met())["child_id"]
    answers = await asyncio.gather(*(world.post(again(child_id)) for _ in range(20)))
    made = {answer.json()["id"] for answer in answers}
    assert {answer.status_code for answer in answers} == {201}
    assert len(made) == 20
    events, deliveries = await world.rows("event"), await world.rows("delivery")
    assert sorted(event["case_seq"] for event in events) == list(range(1, 22))
    assert {event["case_key"] for event in events} == {child_id}
    assert made < {event["subject"] for event in events}
    numbers = {event["id"]: event["case_seq"] for event in events}
    assert {row["event_id"]: row["case_seq"] for row in deliveries} == numbers
    assert len(deliveries) == 21
    assert {row["endpoint_id"] for row in deliveries} == {world.runtime.sisters["referral"]}


async def test_referral_gets_the_events_of_a_child_in_order(world: World) -> None:
    child_id = (await world.met())["child_id"]
    made = [(await world.met(again(child_id)))["id"] for _ in range(5)]
    await world.deliver()
    assert [event["sequence"] for event in world.referral.events] == list(range(1, 7))
    assert [event["data"]["encounter_id"] for event in world.referral.events][1:] == made


# -- a child who is known ----------------------------------------------------------------------------


async def test_a_known_child_is_met_again(world: World) -> None:
    first = await world.met()
    second = await world.met(again(first["child_id"], adult={"tie": "CUSTOMARY_CARE"}))
    assert (second["child_id"], second["travel_condition"]) == (first["child_id"], "SEPARATED")
    assert second["id"] != first["id"]
    assert len(await world.rows("child")) == 1


async def test_a_federal_office_records_and_reads_everywhere(world: World) -> None:
    made = await world.met(state=None)
    other = await world.met(again(made["child_id"], place={"state": "MX-OAX"}), state=None)
    items = (await world.get(ENCOUNTERS, state=None)).json()["items"]
    assert [item["id"] for item in items] == [other["id"], made["id"]]


async def test_a_child_of_another_state_is_as_unknown_as_nobody(world: World) -> None:
    child_id = (await world.met())["child_id"]
    before = await world.everything()
    here: Row = {"state": "MX-OAX"}
    answers = [await world.post(again(name, place=here), **here) for name in (child_id, ids.new("chd"))]
    assert_problem(answers[0], 404, "not_found")
    assert same_but_for_request(answers[0]) == same_but_for_request(answers[1])
    assert await world.everything() == before


async def test_an_encounter_of_another_state_is_as_unknown_as_nobody(world: World) -> None:
    made = await world.met()
    paths = (f"{ENCOUNTERS}/{made['id']}", f"{ENCOUNTERS}/{ids.new('enc')}", f"{ENCOUNTERS}/somebody")
    answers = [await world.get(path, state="MX-OAX") for path in paths]
    assert_problem(answers[0], 404, "not_found")
    assert same_but_for_request(answers[0]) == same_but_for_request(answers[1]) == same_but_for_request(answers[2])
    assert (await world.get(ENCOUNTERS, state="MX-OAX")).json() == {"items": [], "next": None}


async def test_the_procuraduria_of_the_state_reads_and_records_nothing(world: World) -> None:
    made = await world.met()
    assert (await world.get(f"{ENCOUNTERS}/{made['id']}", kind="PP")).json()["id"] == made["id"]
    assert_problem(await world.post(encounter(), kind="PP"), 403, "forbidden")


# -- refused -----------------------------------------------------------------------------------------


async def nothing_is_written(world: World, body: Row, status: int, code: str, **who: Any) -> Row:
    before = await world.everything()
    document = assert_problem(await world.post(body, **who), status, code)
    after = await world.everything()
    assert {name for name in after if after[name] != before[name]} <= {"data_key"}  # made ahead, for nobody
    return document


async def test_an_officer_does_not_record_in_another_state(world: World) -> None:
    await nothing_is_written(world, encounter(), 403, "forbidden", state="MX-OAX")


async def test_an_adult_is_refused_by_law(world: World) -> None:
    born = (clock.now() - timedelta(days=19 * 366)).date().isoformat()
    refused = await nothing_is_written(world, encounter(child=girl(birth_date=born)), 409, "refused_by_law")
    assert (refused["rule"], refused["source"]) == ("LM3-XVI", "Ley de Migración, art. 3, fr. XVI")


@pytest.mark.parametrize(("low", "high"), [(18, 18), (18, 25), (30, 30)])
async def test_an_estimate_of_18_or_more_is_refused(world: World, low: int, high: int) -> None:
    refused = await nothing_is_written(world, encounter(child=estimated(low, high)), 409, "refused_by_law")
    assert refused["rule"] == "R3"
    assert "Procuraduría" in refused["detail"]


async def test_doubt_about_18_makes_an_adolescent(world: World) -> None:
    made = await world.met(encounter(child=estimated(16, 20)))
    assert (made["age_group"], made["age_presumed"]) == ("ADOLESCENT", True)


async def test_nobody_was_met_before_birth(world: World) -> None:
    body = encounter(occurred_at=ago(days=30), child=girl(birth_date=clock.now().date().isoformat()))
    refused = await nothing_is_written(world, body, 422, "invalid_request")
    assert refused["errors"] == [{"pointer": "/child/birth_date", "reason": "before_birth"}]


async def test_a_known_child_was_not_met_before_birth(world: World) -> None:
    made = await world.met(encounter(child=girl(birth_date=ago(days=30)[:10])))
    refused = await nothing_is_written(world, again(made["child_id"], occurred_at=ago(days=60)), 422, "invalid_request")
    assert refused["errors"] == [{"pointer": "/occurred_at", "reason": "before_birth"}]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "occurred_at",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-12-31T23:59:59-14:00", "1999-12-31T23:59:59Z",
     "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["encounter", "assistance"])
async def test_times_out_of_this_world_are_refused(standing_world: World, occurred_at: str, where: str) -> None:
    help_given = [{"code": "FOOD", "given_at": occurred_at}]
    body = encounter(occurred_at=occurred_at) if where == "encounter" else encounter(assistance=help_given)
    await nothing_is_written(standing_world, body, 422, "invalid_request")


async def test_before_it_knows_its_sister_intake_takes_nothing_in(world: World) -> None:
    world.runtime.sisters.clear()
    answer = await world.post(encounter())
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]


# -- lists -------------------------------------------------------------------------------------------


async def test_a_list_is_walked_page_by_page(world: World) -> None:
    child_id = (await world.met())["child_id"]
    made = [(await world.met(again(child_id)))["id"] for _ in range(4)]
    seen: list[str] = []
    path: str | None = f"{ENCOUNTERS}?limit=2"
    while path:
        page = (await world.get(path)).json()
        seen += [item["id"] for item in page["items"]]
        path = page["next"] and f"{ENCOUNTERS}?limit=2&cursor={page['next']}"
    assert seen[:4] == made[::-1]
    assert len(seen) == 5
