"""A file of encounters goes in line by line: what can be recorded is, what cannot is told, and nothing is in twice."""

import asyncio
import csv
import hashlib
import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.intake.bulk.rules import BATCH, COLUMNS
from services.intake.encounters.schemas import EncounterIn
from shared import ids
from shared.bulk.lines import MAX_LINE
from tests.unit.intake.test_kinds import announced
from tests.unit.intake.world import ENCOUNTERS, Row, World, again, ago, assert_problem, encounter, girl

CANARY = "Kanarienzeile"


def line(number: int, **changes: Any) -> Row:
    return encounter(**({"external_id": f"own-{number}"} | changes))


def ndjson(*bodies: Any) -> bytes:
    return b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in bodies)


async def loaded(world: World, content: Any, **how: Any) -> Row:
    answer = await world.upload(content, **how)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/intake/bulk-loads/{answer.json()['id']}"
    return dict(answer.json())


def counted(load: Row) -> tuple[int, int, int]:
    return load["recorded"], load["known"], load["refused"]


async def errors_of(world: World, load: Row, query: str = "") -> list[Row]:
    return list((await world.get(f"/v1/intake/bulk-loads/{load['id']}/errors{query}")).json()["items"])


# -- what goes in ------------------------------------------------------------------------------------


async def test_each_line_is_an_encounter_with_everything_that_belongs_to_it(world: World) -> None:
    help_given = [{"code": "FOOD", "given_at": ago(minutes=5)}]
    numbers = [{"system": "UNHCR_CASE", "value": "217-1"}]
    bodies = [line(n, child=girl(given_names=CANARY), assistance=help_given, external_ids=numbers) for n in range(3)]
    load = await loaded(world, ndjson(*bodies))
    assert (load["state"], load["last_line"], counted(load)) == ("finished", 3, (3, 0, 0))
    expected = {
        "encounter": 3, "child": 3, "assistance": 3, "external_id": 3, "clock": 12, "event": 3, "delivery": 3,
        "event_counter": 3, "audit_entry": 4, "idempotency": 0,
    }  # fmt: skip
    assert {name: len(await world.rows(name, "1")) for name in expected} == expected
    assert CANARY not in repr(await world.everything())
    assert await world.deliver() == 3
    items = (await world.get(ENCOUNTERS)).json()["items"]
    assert {item["external_id"] for item in items} == {"own-0", "own-1", "own-2"}
    assert {item["handover"]["status"] for item in items} == {"delivered"}
    assert (await world.child(items[0]["child_id"]))["identity"]["given_names"] == CANARY


async def test_children_who_are_known_keep_the_order_of_their_events(world: World) -> None:
    child_id = (await world.met())["child_id"]
    bodies = [again(child_id, external_id=f"own-{n}") for n in range(5)]
    assert counted(await loaded(world, ndjson(*bodies, line(9)))) == (6, 0, 0)
    numbers = [row["case_seq"] for row in await world.rows("event", "case_seq") if row["case_key"] == child_id]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert len((await world.met(again(child_id)))["id"]) > 0
    await world.deliver()
    assert sorted(event["sequence"] for event in world.referral.events) == [1, 1, 2, 3, 4, 5, 6, 7]


async def test_an_announcement_in_a_file_starts_no_duty_and_is_answered_once(world: World) -> None:
    told = (await world.met(announced()))["id"]
    child_id = (await world.rows("child"))[0]["id"]
    meetings = [again(child_id, external_id=f"own-{n}", announcement_id=told) for n in range(2)]
    load = await loaded(world, ndjson(announced(external_id="own-7"), *meetings))
    assert counted(load) == (2, 0, 1)
    (error,) = await errors_of(world, load)
    assert (error["line"], error["pointer"]) == (3, "/announcement_id")
    load = await loaded(world, ndjson(again(child_id, external_id="own-9", announcement_id=told)))
    assert counted(load) == (0, 0, 1)


async def test_many_lines_take_many_transactions_and_leave_no_gap(world: World) -> None:
    count = BATCH + 7
    body = json.dumps(line(0)).replace("own-0", "own-%d")
    load = await loaded(world, b"\n".join((body % n).encode() for n in range(count)))  # no end to the last line
    assert (load["last_line"], counted(load)) == (count, (count, 0, 0))
    assert len(await world.rows("bulk_batch", "last_line")) == 2
    assert len(await world.rows("encounter")) == count


# -- what does not -----------------------------------------------------------------------------------


async def test_a_bad_line_leaves_the_others_alone_and_repeats_nothing(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    bad: list[tuple[Any, str, str, str]] = [
        (b'{"kind": ' + CANARY.encode(), "malformed_json", "", "not_json"),
        (b'{"external_id": "a", "external_id": "b"}', "malformed_json", "", "not_json"),
        (b"\xff\xfe", "malformed_json", "", "not_json"),
        (b"[" * 5000, "malformed_json", "", "not_json"),
        (b'"' + b"x" * (MAX_LINE + 9) + b'"', "invalid_request", "", "too_long"),
        (line(1, **{CANARY: 1}), "invalid_request", "", "unknown_field"),
        (line(2, child=girl(birth_date="2999-01-01")), "invalid_request", "/child/birth_date", "not_acceptable"),
        (encounter(), "invalid_request", "/external_id", "missing"),
        (line(3, kind="MEXICAN_RETURNED"), "invalid_request", "/return_point", "missing"),
        (line(4, place={"state": "MX-OAX"}), "forbidden", "", "forbidden"),
        (again(ids.new("chd"), external_id="own-5"), "not_found", "", "not_found"),
        (line(6, child=girl(nationalities=["MEX"])), "refused_by_law", "", "refused_by_law"),
    ]
    load = await loaded(world, ndjson(line(100), *(each for each, *_ in bad), line(101)))
    assert counted(load) == (2, 0, len(bad))
    errors = await errors_of(world, load)
    told = {error["line"]: (error["code"], error["pointer"], error["reason"]) for error in reversed(errors)}
    assert told == {number: tuple(rest) for number, (_, *rest) in enumerate(bad, 2)}
    assert [error["rule"] for error in errors if error["code"] == "refused_by_law"] == ["LM20-XI"]
    assert CANARY not in repr(errors) + repr(await world.everything()) + log.text


@pytest.mark.asyncio(loop_scope="module")
async def test_faults_are_walked_by_line(standing_world: World) -> None:
    load = await loaded(standing_world, ndjson(*[b"{"] * 5))
    first = (await standing_world.get(f"/v1/intake/bulk-loads/{load['id']}/errors?limit=3")).json()
    rest = await errors_of(standing_world, load, f"?limit=3&cursor={first['next']}")
    assert [error["line"] for error in first["items"] + rest] == [1, 2, 3, 4, 5]


@pytest.mark.asyncio(loop_scope="module")
async def test_an_upload_is_read_by_its_agency_alone(standing_world: World) -> None:
    load = await loaded(standing_world, ndjson(line(1), b"{"))
    for path in (f"/v1/intake/bulk-loads/{load['id']}", f"/v1/intake/bulk-loads/{load['id']}/errors"):
        assert_problem(await standing_world.get(path, state="MX-OAX"), 404, "not_found")
        assert_problem(await standing_world.get(path, kind="PP"), 403, "forbidden")
    assert (await standing_world.get(f"/v1/intake/bulk-loads/{load['id']}")).json() == load
    assert_problem(await standing_world.upload(ndjson(line(2)), kind="PP"), 403, "forbidden")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("media_type", "name", "status", "code"),
    [
        ("application/json", "k", 415, "unsupported_media_type"),
        ("text/csv", "a key", 400, "idempotency_key_required"),
        ("text/csv", "k", 422, "invalid_request"),  # no header
    ],
)
async def test_an_upload_that_cannot_begin_is_refused_whole(
    standing_world: World, media_type: str, name: str, status: int, code: str
) -> None:
    assert_problem(await standing_world.upload(b"nothing of this\n", media_type, name), status, code)


@pytest.mark.asyncio(loop_scope="module")
async def test_an_upload_may_be_longer_than_other_bodies(standing_world: World) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"\n" * 16_384
        yield ndjson(line(1))

    assert (await loaded(standing_world, flood()))["last_line"] == 20 * 16_384 + 1


# -- safe to repeat ----------------------------------------------------------------------------------


async def test_a_file_that_is_sent_again_changes_nothing_that_is_in(world: World) -> None:
    bodies = [line(n) for n in range(4)]
    first = await loaded(world, ndjson(*bodies), name="monday")
    kept = {name: await world.rows(name, "1") for name in ("encounter", "child", "event", "clock", "delivery")}
    changed = [body | {"child": girl(given_names="Otra")} for body in bodies]
    second = await loaded(world, ndjson(*changed, line(9)), name="monday")
    assert (second["id"], second["attempts"], counted(second)) == (first["id"], 2, (1, 4, 0))
    third = await loaded(world, ndjson(*bodies, line(9)), name="tuesday")
    assert third["id"] != first["id"]
    assert counted(third) == (0, 5, 0)
    for name, rows in kept.items():
        assert [row for row in await world.rows(name, "1") if row in rows] == rows


async def test_a_line_that_stands_twice_in_a_file_is_one_encounter(world: World) -> None:
    assert counted(await loaded(world, ndjson(line(1), line(2), line(1)))) == (2, 1, 0)


async def test_the_same_file_from_two_sides_at_once_is_in_once(world: World) -> None:
    body = ndjson(*(line(n) for n in range(60)))
    loads = await asyncio.gather(*(loaded(world, body) for _ in range(3)))
    assert sum(load["recorded"] for load in loads) == 60
    assert {load["recorded"] + load["known"] for load in loads} == {60}
    assert len(await world.rows("encounter")) == len(await world.rows("child")) == 60


async def test_agencies_have_ids_of_their_own(world: World) -> None:
    await loaded(world, ndjson(line(1)))
    other = await loaded(world, ndjson(line(1, place={"state": "MX-OAX"})), state="MX-OAX")
    assert counted(other) == (1, 0, 0)


async def test_a_killed_upload_has_every_counted_line_and_no_half_one(world: World, tmp_path: Path) -> None:
    count, body = 3 * BATCH - 7, json.dumps(line(0)).replace("own-0", "own-%d")
    file = tmp_path / "file.ndjson"
    file.write_bytes(b"".join((body % n).encode() + b"\n" for n in range(count)))
    scope = hashlib.sha256("\0".join(("inm-chp-system", f"{ENCOUNTERS}/bulk", "file")).encode()).hexdigest()
    caller = {"client_id": "inm-chp-system", "agency": "inm-chp", "agency_kind": "INM", "role": "officer",
              "scopes": ["intake:write"], "state": "MX-CHP"}  # fmt: skip
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.intake.bulk_program", world.runtime.settings.model_dump_json(),
        json.dumps(caller), scope, str(file), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    assert await program.stdout.readline() == b"ready\n"
    path = f"/v1/intake/bulk-loads/blk_{scope[:32]}"
    while (seen := (await world.get(path)).json()).get("recorded", 0) < BATCH:
        await asyncio.sleep(0.05)
    program.kill()
    await program.wait()
    left = (await world.get(path)).json()
    assert seen["recorded"] <= left["recorded"] < count
    names = ("encounter", "child", "event", "delivery")
    assert {name: len(await world.rows(name)) for name in names} == dict.fromkeys(names, left["recorded"])
    assert (left["state"], left["last_line"]) == ("running", left["recorded"])
    again = await loaded(world, file.read_bytes(), name="file")
    assert (again["id"], again["attempts"]) == (left["id"], 2)
    assert counted(again) == (count - left["recorded"], left["recorded"], 0)
    assert len(await world.rows("encounter")) == count


# -- CSV ---------------------------------------------------------------------------------------------

CELLS: Row = {
    "external_id": "own-1", "kind": "FOREIGN_MET", "state": "MX-CHP", "municipality": 'Tapachula "centro"',
    "point": "Puente, Rodolfo Robles", "outcome": "CHANNELLED", "tie": "CUSTOMARY_CARE",
    "tie_proofs": "CHILD_STATEMENT|OTHER", "adult_relation": "COUSIN", "given_names": "=Ana", "first_surname": "Ñandú",
    "name_form": "ONE_SURNAME", "curp": "PEXF120305MCSXXXA4", "sex": "F", "nationalities": "HND|SLV",
    "residence": "GTM", "stateless_doubt": "true", "languages": "spa | mam", "age_low": "13", "age_high": "15",
    "age_basis": "lo dice,\nnadie más",
}  # fmt: skip


def table(*rows: Row, columns: list[str] | None = None) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, columns or ["occurred_at", *CELLS], restval="")
    writer.writeheader()
    writer.writerows([{"occurred_at": ago(hours=1)} | row for row in rows])
    return written.getvalue().encode()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_table_says_what_a_line_of_json_says(standing_world: World) -> None:
    row = CELLS | {"given_names": "Ana", "external_id": "csv-0"}
    load = await loaded(standing_world, b"\xef\xbb\xbf" + table(row), media_type="text/csv; charset=utf-8")
    assert counted(load) == (1, 0, 0), await errors_of(standing_world, load)
    items = (await standing_world.get(ENCOUNTERS)).json()["items"]
    (met,) = [item for item in items if item["external_id"] == "csv-0"]
    assert met | {
        "municipality": 'Tapachula "centro"', "tie_proofs": ["CHILD_STATEMENT", "OTHER"], "adult_relation": "COUSIN",
        "travel_condition": "SEPARATED", "outcome": "CHANNELLED",
    } == met  # fmt: skip
    child = await standing_world.child(met["child_id"])
    assert (
        child["identity"]["estimated_age"] | {"low": 13, "high": 15, "basis": "lo dice,\nnadie más"}
        == child["identity"]["estimated_age"]
    )
    assert child | {
        "nationalities": ["HND", "SLV"], "languages": ["spa", "mam"], "stateless_doubt": True, "residence": "GTM",
    } == child  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
async def test_a_fault_in_a_table_names_line_and_column(standing_world: World) -> None:
    good = CELLS | {"external_id": "csv-1", "given_names": "Ana", "age_basis": "lo dice"}
    rows = [
        good, good | {"external_id": "csv-2", "age_low": "trece"}, good | {"external_id": "csv-3", "languages": "qqq"},
        good | {"external_id": "csv-4", "given_names": "=cmd()"}, good | {"external_id": "csv-5", "tie": ""},
        good | {"external_id": "csv-6", "stateless_doubt": "quizás"},
    ]  # fmt: skip
    load = await loaded(standing_world, table(*rows) + b'csv-7,"open\n', media_type="text/csv")
    assert counted(load) == (1, 0, 6)
    assert [(error["line"], error["pointer"]) for error in await errors_of(standing_world, load)] == [
        (3, "/age_low"), (4, "/languages"), (5, "/given_names"), (6, "/tie"), (7, "/stateless_doubt"), (8, ""),
    ]  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("columns", "pointer", "reason"),
    [
        (["external_id", "state", "tie"], "/header/occurred_at", "missing_column"),
        (["external_id", "occurred_at", "state", "tie", CANARY], "/header", "unknown_column"),
        (["external_id", "occurred_at", "state", "tie", "tie"], "/header", "doubled_column"),
    ],
)
async def test_a_table_names_its_columns(standing_world: World, columns: list[str], pointer: str, reason: str) -> None:
    answer = await standing_world.upload(",".join(columns).encode() + b"\n1,2,3\n", "text/csv")
    document = assert_problem(answer, 422, "invalid_request")
    assert document["errors"] == [{"pointer": pointer, "reason": reason}]
    assert CANARY not in answer.text


def test_every_column_leads_to_a_field_of_an_encounter() -> None:
    shape = EncounterIn.model_json_schema()
    for name, column in COLUMNS.items():
        part: Any = shape
        for step in column.path:
            options = [part, *part.get("anyOf", [])]
            part = next(each for each in options if "$ref" in each or "properties" in each)
            part = shape["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
            assert step in part["properties"], name
            part = part["properties"][step]
