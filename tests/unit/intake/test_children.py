"""A child's identity is sealed, its reading is recorded, and a correction is never made blindly."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import text

from shared import clock, ids, telemetry, testing
from shared.db import run
from tests.unit.intake.world import (
    CHILDREN,
    Row,
    World,
    again,
    assert_problem,
    encounter,
    estimated,
    girl,
    same_but_for_request,
)

CANARIES = {
    "given_names": "Xochiquetzalcanary",
    "first_surname": "Tlazolcanary",
    "second_surname": "Cuauhtlicanary",
    "birth_date": "2013-11-29",
    "basis": "Basiscanary",
}


async def new(world: World, **changes: Any) -> str:
    """Record a girl; returns her id."""
    made = await world.met(encounter(child=girl(**changes)))
    return str(made["child_id"])


# -- sealed ------------------------------------------------------------------------------------------


async def test_identity_stands_nowhere_in_the_clear(world: World, log: pytest.LogCaptureFixture) -> None:
    names = {name: value for name, value in CANARIES.items() if name != "basis"}
    basis = {"low": 13, "high": 15, "basis": CANARIES["basis"]}
    child_id = await new(world, **names)
    other_id = await new(world, **names | {"birth_date": None, "estimated_age": basis})
    await world.child(child_id)
    await world.patch(child_id, {"identity": names, "sex": "X"})
    await world.patch(child_id, {"identity": names}, etag='"v1"')  # refused
    await world.patch(other_id, {"nationalities": ["SLV"]})
    await world.post(encounter(child=girl(**names | {"birth_date": "1990-11-29"})))  # refused
    await world.deliver()

    kept = {name: "\n".join(rows) for name, rows in (await world.everything()).items()}
    said = {
        "log": log.text,
        "metrics": telemetry.metrics()[0].decode(),
        "events": repr(world.referral.events),
        "facts": repr(world.referral.facts),
        "files": world.files().decode("latin-1"),
    }
    for place, content in (kept | said).items():
        found = [canary for canary in CANARIES.values() if canary in content]
        assert not found, f"{place} tells {found}"
    assert child_id in kept["child"]
    assert child_id in said["log"] or child_id in said["events"]
    assert (await world.child(child_id))["identity"]["given_names"] == CANARIES["given_names"]


async def test_an_identity_opens_only_in_its_own_row(world: World) -> None:
    ours, other = await new(world), await new(world, given_names="Berta")
    rows = {row["id"]: row for row in await world.rows("child")}
    assert rows[ours]["key_id"] != rows[other]["key_id"]
    assert b"Ana" not in rows[ours]["identity"]


async def test_writing_the_same_identity_again_makes_another_seal(world: World) -> None:
    child_id = await new(world)
    before = (await world.rows("child"))[0]["identity"]
    identity = (await world.child(child_id))["identity"]
    assert (await world.patch(child_id, {"identity": identity})).status_code == 200
    assert (await world.rows("child"))[0]["identity"] != before


# -- read --------------------------------------------------------------------------------------------


async def test_the_authorities_of_the_state_read_a_child(world: World) -> None:
    relative = ids.new("chd")
    child_id = await new(
        world, second_surname="O'Higgins-Ñandú", nationalities=["HND", "SLV"], residence="GTM", stateless_doubt=True,
        languages=["spa", "mam"], relatives=[relative], sex="F", birth_date="2013-11-29",
    )  # fmt: skip
    answer = await world.get(f"{CHILDREN}/{child_id}", kind="PP")
    assert answer.headers["etag"] == '"v1"'
    shown = answer.json()
    assert shown.pop("created_at")
    assert shown == {
        "id": child_id, "sex": "F", "nationalities": ["HND", "SLV"], "residence": "GTM", "stateless_doubt": True,
        "languages": ["spa", "mam"], "relatives": [relative], "state": "MX-CHP", "version": 1,
        "identity": {
            "given_names": "Ana", "first_surname": "Flores", "second_surname": "O'Higgins-Ñandú",
            "birth_date": "2013-11-29", "estimated_age": None, "name_form": None, "curp": None,
        },
        "alerts": None, "curp_warnings": [], "age_decision": None, "retention_class": "CHILD_RECORD",
    }  # fmt: skip


async def test_every_reading_is_recorded(world: World) -> None:
    child_id = await new(world)
    answers = [await world.get(f"{CHILDREN}/{child_id}", kind="PP") for _ in range(2)]
    entries = [entry for entry in await world.rows("audit_entry") if entry["action"] == "read"]
    assert [(entry["resource"], entry["resource_id"], entry["agency"]) for entry in entries] == [
        ("child", child_id, "pp-chp")
    ] * 2
    assert [entry["request_id"] for entry in entries] == [answer.headers["x-request-id"] for answer in answers]


async def test_a_reading_that_cannot_be_recorded_is_not_given(world: World) -> None:
    """R34 refuses nothing by name: who may read does, and no answer leaves without its row in the audit."""
    child_id = await new(world)
    async with world.runtime.database.work() as session:
        await run(session, text("ALTER TABLE audit_entry RENAME TO audit_elsewhere"))
    try:
        answer = await world.get(f"{CHILDREN}/{child_id}")
    finally:
        async with world.runtime.database.work() as session:
            await run(session, text("ALTER TABLE audit_elsewhere RENAME TO audit_entry"))
    assert answer.status_code >= 500
    assert "Ana" not in answer.text


@pytest.mark.parametrize("who", [{"state": "MX-OAX"}, {"kind": "PP", "state": "MX-OAX"}])
async def test_a_child_of_another_state_is_as_unknown_as_nobody(world: World, who: Row) -> None:
    child_id = await new(world)
    before = await world.everything()
    answers = [await world.get(f"{CHILDREN}/{name}", **who) for name in (child_id, ids.new("chd"), "nobody")]
    assert_problem(answers[0], 404, "not_found")
    assert same_but_for_request(answers[0]) == same_but_for_request(answers[1]) == same_but_for_request(answers[2])
    assert await world.everything() == before


@pytest.mark.parametrize("kind", ["DIF", "COMAR", "CONSULATE", "UNICEF"])
async def test_no_other_agency_reads_children(world: World, kind: str) -> None:
    child_id = await new(world)
    assert_problem(await world.get(f"{CHILDREN}/{child_id}", kind=kind), 403, "forbidden")


async def test_the_guard_gets_facts_and_no_identity(world: World) -> None:
    child_id = await new(world, residence="GTM")
    async with world.service("referral", "facts:read") as referral:
        answer = await referral.get(f"/internal/children/{child_id}/facts")
        nobody = await referral.get(f"/internal/children/{ids.new('chd')}/facts")
    assert answer.json() == {
        "child_id": child_id, "version": 1, "nationalities": ["HND"], "residence": "GTM", "stateless_doubt": False,
        "languages": ["spa"], "relatives": [],
    }  # fmt: skip
    assert_problem(nobody, 404, "not_found")


async def test_facts_are_for_services_alone(world: World) -> None:
    child_id = await new(world)
    path = f"/internal/children/{child_id}/facts"
    assert_problem(await world.get(path, scope="facts:read"), 403, "forbidden")
    async with world.service("referral", "facts:write") as referral:
        assert_problem(await referral.get(path), 403, "forbidden")


# -- corrected ---------------------------------------------------------------------------------------


async def test_a_correction_of_identity_needs_no_referral(world: World) -> None:
    child_id = await new(world.without_referral())
    answer = await world.patch(child_id, {"identity": {"given_names": "Inés", "birth_date": "2013-11-29"}})
    shown = answer.json()
    assert (answer.status_code, answer.headers["etag"], shown["version"]) == (200, '"v2"', 2)
    assert (shown["identity"]["given_names"], shown["identity"]["first_surname"]) == ("Inés", None)
    assert await world.child(child_id) == shown
    assert world.referral.facts == []


async def test_a_correction_is_recorded_with_field_names_alone(world: World) -> None:
    child_id = await new(world)
    await world.patch(child_id, {"sex": "M", "identity": {"given_names": "Inés", "birth_date": "2013-11-29"}})
    entries = [row for row in await world.rows("audit_entry") if row["action"] == "correct"]
    assert len(entries) == 1
    assert "Inés" not in repr(entries)
    assert "identity" in repr(entries[0]["details"])


@pytest.mark.parametrize(
    ("body", "etag", "status", "code"),
    [
        ({"sex": "M"}, None, 428, "precondition_required"),
        ({"sex": "M"}, '"v2"', 412, "stale_version"),
        ({"sex": "M"}, "v1", 412, "stale_version"),
        ({"sex": "M"}, "*", 412, "stale_version"),
        ({"sex": "M"}, 'W/"v1"', 412, "stale_version"),
        ({}, '"v1"', 422, "invalid_request"),
        ({"sex": None}, '"v1"', 422, "invalid_request"),
        ({"identity": None}, '"v1"', 422, "invalid_request"),
        ({"nationalities": None}, '"v1"', 422, "invalid_request"),
        ({"stateless_doubt": None}, '"v1"', 422, "invalid_request"),
        ({"languages": None}, '"v1"', 422, "invalid_request"),
        ({"languages": []}, '"v1"', 422, "invalid_request"),
        ({"relatives": None}, '"v1"', 422, "invalid_request"),
        ({"relatives": ["somebody"]}, '"v1"', 422, "invalid_request"),
        ({"nationalities": ["HND", "XXY"]}, '"v1"', 422, "invalid_request"),
        ({"identity": {"given_names": "Inés"}}, '"v1"', 422, "invalid_request"),  # neither date nor estimate
        ({"identity": {"birth_date": "2999-01-01"}}, '"v1"', 422, "invalid_request"),
        ({"state": "MX-OAX"}, '"v1"', 422, "invalid_request"),
        ({"version": 7}, '"v1"', 422, "invalid_request"),
        ({"identity": {"birth_date": "1990-01-01"}}, '"v1"', 409, "refused_by_law"),
        ({"identity": {"estimated_age": {"low": 18, "high": 19, "basis": "x"}}}, '"v1"', 409, "refused_by_law"),
    ],
)
async def test_a_correction_that_is_refused_changes_nothing(
    world: World, body: Row, etag: str | None, status: int, code: str
) -> None:
    child_id = await new(world)
    before = await world.everything()
    document = assert_problem(await world.patch(child_id, body, etag), status, code)
    if status == 412:
        assert document["current"] == '"v1"'
    assert await world.everything() == before
    assert world.referral.facts == []


@pytest.mark.parametrize("field", ["sex", "identity"])
async def test_two_corrections_from_one_version_do_not_overwrite_each_other(world: World, field: str) -> None:
    child_id = await new(world)
    bodies: dict[str, Any] = {"sex": "M", "identity": {"birth_date": "2013-11-29"}}
    answers = [await world.patch(child_id, {field: bodies[field]}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[1].json()["current"] == '"v2"'


async def test_only_the_residence_may_become_unknown(world: World) -> None:
    child_id = await new(world, residence="GTM")
    answer = await world.patch(child_id, {"residence": None})
    assert (answer.status_code, answer.json()["residence"]) == (200, None)


@pytest.mark.parametrize("who", [{"state": "MX-OAX"}, {"kind": "PP"}])
async def test_only_inm_of_the_state_corrects(world: World, who: Row) -> None:
    child_id = await new(world)
    answer = await world.patch(child_id, {"sex": "M"}, **who)
    assert (answer.status_code, answer.json()["code"]) in {(404, "not_found"), (403, "forbidden")}
    assert (await world.child(child_id))["version"] == 1


# -- what the guard goes by is confirmed first -------------------------------------------------------

FACTS: list[Row] = [
    {"nationalities": ["SLV"]},
    {"nationalities": []},
    {"residence": "GTM"},
    {"stateless_doubt": True},
    {"languages": ["kek"]},
    {"relatives": ["chd_" + "0" * 32]},
]


def name_of(body: Row) -> str:
    return "-".join(body)


@pytest.mark.parametrize("body", FACTS, ids=name_of)
async def test_referral_confirms_a_fact_before_it_counts(world: World, body: Row) -> None:
    child_id = await new(world)
    answer = await world.patch(child_id, body | {"sex": "M"})
    assert answer.status_code == 200
    ((path, authorization, facts),) = world.referral.facts
    assert path == f"/internal/facts/{child_id}"
    assert facts == {
        "child_id": child_id, "version": 2, "nationalities": ["HND"], "residence": None, "stateless_doubt": False,
        "languages": ["spa"], "relatives": [],
    } | body  # fmt: skip
    caller = await world.referrals_verifier().caller(testing.request_of(authorization.encode()))
    assert (caller.client_id, caller.agency_kind, caller.scopes) == (
        "urn:ruta:intake",
        "SERVICE",
        frozenset({"facts:write"}),
    )
    shown = await world.child(child_id)
    assert shown | body | {"sex": "M", "version": 2} == shown


@pytest.mark.parametrize("body", FACTS[:2], ids=name_of)
async def test_without_referral_no_fact_changes(world: World, body: Row) -> None:
    child_id = await new(world)
    before = await world.everything()
    answer = await world.without_referral().patch(child_id, body | {"sex": "M"})
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
    assert await world.everything() == before


@pytest.mark.parametrize("status", [201, 403, 404, 409, 500])
async def test_any_other_answer_of_referral_is_no_confirmation(world: World, status: int) -> None:
    child_id = await new(world)
    world.referral.status = status
    before = await world.everything()
    assert_problem(await world.patch(child_id, {"nationalities": ["SLV"]}), 503, "unavailable")
    assert await world.everything() == before


# -- ages in a correction ----------------------------------------------------------------------------


async def test_an_estimate_gives_way_to_a_birth_date(world: World) -> None:
    made = await world.met(encounter(child=estimated(13, 15)))
    answer = await world.patch(made["child_id"], {"identity": {"birth_date": "2013-11-29"}})
    assert answer.json()["identity"]["estimated_age"] is None


async def test_whoever_turned_18_meanwhile_is_still_corrected(world: World) -> None:
    born = (clock.now() - timedelta(days=17 * 365)).date().isoformat()
    child_id = await new(world, birth_date=born)
    with clock.at(clock.now() + timedelta(days=700)):
        answer = await world.patch(child_id, {"identity": {"given_names": "Inés", "birth_date": born}})
        refused = await world.post(again(child_id))
    assert answer.status_code == 200, answer.text
    assert assert_problem(refused, 409, "refused_by_law")["rule"] == "LM3-XVI"


async def test_a_correction_counts_the_age_on_the_local_day_of_the_first_meeting(world: World) -> None:
    eve = clock.now().fromisoformat("2026-05-02T05:30:00+00:00")  # 23:30 of 1 May in Chiapas
    with clock.at(eve):
        child_id = await new(world, birth_date="2009-01-01")
        answer = await world.patch(child_id, {"identity": {"birth_date": "2008-05-02"}})
        refused = await world.patch(child_id, {"identity": {"birth_date": "2008-05-01"}}, '"v2"')
        unborn = await world.patch(child_id, {"identity": {"birth_date": "2026-05-02"}}, '"v2"')
    assert answer.status_code == 200, answer.text
    assert_problem(refused, 409, "refused_by_law")
    assert assert_problem(unborn, 422, "invalid_request")["errors"] == [
        {"pointer": "/identity/birth_date", "reason": "before_birth"}
    ]


# -- erased ------------------------------------------------------------------------------------------


async def test_an_erased_child_is_gone_for_readers_and_writers(world: World) -> None:
    made = await world.met()
    child_id = made["child_id"]
    await world.keyring.erase((await world.rows("child"))[0]["key_id"])
    before = await world.everything()
    identity = {"identity": {"birth_date": "2013-11-29"}}
    answers = [
        await world.get(f"{CHILDREN}/{child_id}"),
        await world.patch(child_id, identity),
        await world.patch(child_id, {"sex": "M"}),
        await world.patch(child_id, {"nationalities": ["SLV"]}),
        await world.post(again(child_id)),
    ]
    for answer in answers:
        assert "erased" in assert_problem(answer, 404, "not_found")["detail"]
    assert await world.everything() == before
    assert world.referral.facts == []
    assert (await world.get(f"/v1/intake/encounters/{made['id']}")).status_code == 200
