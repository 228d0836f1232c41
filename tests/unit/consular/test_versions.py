"""The directory of consulates by versions: nothing is overwritten, files go in whole or not at all, gaps are seen."""

import json
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from services.consular.consulates import rules, schemas, service, table
from services.consular.consulates.models import Consulate, Jurisdiction
from services.consular.consulates.rules import RCM, Coverage, PostKind, PostStatus, Weekday
from services.consular.consulates.schemas import ConsulateContent, ConsulateIn, DutyHours, ServedState
from shared.audit import AuditEntry
from shared.shapes import State
from shared.testing import key
from tests.unit.consular.world import TAPACHULA, World

BASE = "/v1/consular/consulates"
NEW: dict[str, Any] = {
    "id": "con-hnd-ejemplo", "country": "HND", "city": "Ejemplo", "state": "MX-OAX", "kind": "consulate",
    "status": "open", "source": "Registro (ficticio)", "reason": "Apertura",
    "states": [{"state": "MX-OAX", "source": "Registro (ficticio)"}],
}  # fmt: skip
FIRST = {"If-Match": '"v1"'}


def operator(world: World) -> Any:
    return world.agency("ruta-operations", "OPERATOR", "MX-CMX")


async def sent(
    world: World, method: str, path: str, body: Any = None, who: Any = None, **headers: str
) -> httpx.Response:
    async with who or operator(world) as caller:
        answer: httpx.Response = await caller.request(method, path, json=body, headers=key() | headers)
    return answer


async def changed(world: World, who: Any = None, **change: Any) -> httpx.Response:
    """Change the post at Tapachula as it was shipped."""
    return await sent(world, "PATCH", f"{BASE}/{TAPACHULA}", {"reason": "Nota 12"} | change, who, **FIRST)


async def uploaded(world: World, content: bytes, tail: str = "import", who: Any = None) -> httpx.Response:
    async with who or operator(world) as caller:
        given = key() | {"Content-Type": "text/csv"}
        answer: httpx.Response = await caller.post(f"{BASE}/{tail}", content=content, headers=given)
    return answer


async def exported(world: World) -> bytes:
    async with operator(world) as caller:
        return bytes((await caller.get(f"{BASE}/export")).content)


# -- versions ------------------------------------------------------------------------------------------------


async def test_a_change_is_a_new_version_with_who_when_and_why(world: World) -> None:
    done = await changed(world, status="closed", valid_to="2026-11-01")
    assert (done.status_code, done.json()["status"], done.json()["version"]) == (200, "closed", 2)
    assert done.headers["etag"] == '"v2"'
    assert (await changed(world, status="open")).status_code == 412
    shipped, second = await world.notices(world.agency(), f"{BASE}/{TAPACHULA}/history")
    assert (shipped["version"], shipped["changed_by"], shipped["changed_at"]) == (1, "ruta", None)
    assert shipped["content"]["status"] == "open"
    assert [row["state"] for row in shipped["content"]["states"]] == ["MX-CHP"]
    assert (second["version"], second["changed_by"], second["reason"]) == (2, "ruta-operations", "Nota 12")
    assert (second["content"]["status"], second["content"]["valid_to"]) == ("closed", "2026-11-01")
    async with world.runtime.database.work(write=False) as session:
        rows = (await session.exec(select(AuditEntry).where(AuditEntry.resource == "consulate"))).all()
    assert [(row.action, row.resource_id, row.details) for row in rows] == [("update", TAPACHULA, {"version": 2})]


async def test_notices_go_by_the_version_that_counts(world: World) -> None:
    await changed(world, status="closed")
    await world.release()
    assert (await world.notice())["consulate_id"] == "con-hnd-embassy"
    assert (await sent(world, "POST", BASE, NEW)).status_code == 201
    await world.release(state="MX-OAX")
    (second,) = await world.notices(world.agency("inm-oax", "INM", "MX-OAX"), "/v1/consular/notices")
    assert second["consulate_id"] == NEW["id"]


async def test_a_post_is_entered_once_and_read_with_its_hours(world: World) -> None:
    more = {
        "telephone": "+529515550100", "email": "guardia@example.org", "address": "Calle 1", "duty_text": "Siempre",
        "hours": [{"days": [day.value for day in Weekday], "opens": "00:00", "closes": "23:59"}],
        "holidays": ["2026-12-25"], "holidays_text": "Navidad",
    }  # fmt: skip
    made = await sent(world, "POST", BASE, NEW | more)
    assert (made.status_code, made.headers["location"]) == (201, f"{BASE}/{NEW['id']}")
    shown = (await sent(world, "GET", f"{BASE}/{NEW['id']}")).json()
    assert {name: shown[name] for name in more} == more
    assert (shown["version"], shown["allowed_actions"]) == (1, ["update"])
    async with world.agency() as inm:
        assert (await inm.get(f"{BASE}/{NEW['id']}")).json()["allowed_actions"] == []
    assert (await sent(world, "POST", BASE, NEW)).json()["code"] == "conflict"


async def test_what_says_nothing_new_is_no_version(world: World) -> None:
    same = await changed(world, status="open")
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert await world.notices(world.agency(), f"{BASE}/{TAPACHULA}/history") == []


async def test_an_edition_leaves_alone_what_was_changed_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await changed(world, city="Aquí")
    await sent(world, "POST", BASE, NEW)
    monkeypatch.setattr(service, "EDITION", service.EDITION + 1)
    async with world.runtime.database.work() as session:
        await service.load(world.runtime, session)
    shown = (await sent(world, "GET", f"{BASE}/{TAPACHULA}")).json()
    assert (shown["city"], [row["state"] for row in shown["states"]]) == ("Aquí", ["MX-CHP"])
    async with world.runtime.database.work(write=False) as session:
        rows = (await session.exec(select(Jurisdiction.consulate_id, Jurisdiction.state))).all()
    assert len(rows) == len(set(rows)) == len(service.read()[1]) + 1


async def test_only_who_keeps_the_directory_changes_it(world: World) -> None:
    for kind, agency in (("INM", "inm-chp"), ("DIF", "dif-chp"), ("CONSULATE", TAPACHULA)):

        def who(kind: str = kind, agency: str = agency) -> Any:
            return world.consulate() if kind == "CONSULATE" else world.agency(agency, kind)

        answers = [
            await sent(world, "POST", BASE, NEW, who()),
            await changed(world, who(), city="x"),
            await uploaded(world, b"", who=who()),
            await sent(world, "GET", f"{BASE}/export", who=who()),
        ]
        assert {answer.status_code for answer in answers} == {403}
    assert (await sent(world, "POST", BASE, NEW, world.agency("sre", "SRE", "MX-CMX"))).status_code == 201


_STATE: dict[str, Any] = NEW["states"][0]
_ENDS_BEFORE = {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}


@pytest.mark.parametrize(
    ("change", "pointer", "reason"),
    [
        ({"id": "con-slv-ejemplo"}, "/id", "not_of_its_country"),
        ({"id": "con-mex-ejemplo", "country": "MEX"}, "/country", "of_no_foreign_state"),
        (_ENDS_BEFORE, "/valid_to", "not_after_valid_from"),
        ({"city": "=1+1"}, "/city", "like_a_formula"),
        ({"holidays": ["2026-12-25", "2026-12-25"]}, "/holidays", "repeated"),
        ({"states": [_STATE, _STATE]}, "/states", "repeated"),
        ({"states": [_STATE | {"source": "@x"}]}, "/states", "like_a_formula"),
        ({"states": [_STATE | _ENDS_BEFORE]}, "/states", "not_after_valid_from"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], pointer: str, reason: str) -> None:
    body = ConsulateIn.model_validate_json(json.dumps(NEW | change), strict=True)
    assert list(schemas.faults(body)) == [(pointer.removeprefix("/"), reason)]


async def test_what_does_not_fit_is_told_by_its_field(world: World) -> None:
    answer = await sent(world, "POST", BASE, NEW | {"city": "=1+1"})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/city", "reason": "like_a_formula"}])


# -- files ---------------------------------------------------------------------------------------------------


async def test_what_is_exported_is_imported_as_it_was(world: World) -> None:
    content = await exported(world)
    checked = await uploaded(world, content, "import/check")
    assert checked.json() == {"added": 0, "changed": 0, "unchanged": len(service.read()[0]), "faults": []}
    assert (await uploaded(world, content)).json()["changed"] == 0
    assert await exported(world) == content


async def test_a_file_enters_and_changes_posts_each_as_a_version(world: World) -> None:
    before = await exported(world)
    lines = before.decode().replace("con-hnd-tapachula,HND,Tapachula", "con-hnd-tapachula,HND,Otra").split("\r\n")
    told = [line + "Mudanza" if line.startswith("post,con-hnd-tapachula") else line for line in lines]
    new = "post,con-hnd-ejemplo,HND,Ejemplo,MX-OAX,consulate,open,,,Registro,false,,,,,MO TU 09:00-14:00,,,Apertura"
    told[-1:] = [new, "state,con-hnd-ejemplo,,,MX-OAX,,,2026-01-01,,Registro,true,,,,,,,,", ""]
    content = "\r\n".join(told).encode()
    assert (await uploaded(world, content, "import/check")).json()["faults"] == []
    assert await exported(world) == before
    done = (await uploaded(world, content)).json()
    assert (done["added"], done["changed"]) == (1, 1)
    history = await world.notices(world.agency(), f"{BASE}/{TAPACHULA}/history")
    assert [(row["version"], row["content"]["city"], row["reason"]) for row in history][1] == (2, "Otra", "Mudanza")
    made = (await sent(world, "GET", f"{BASE}/con-hnd-ejemplo")).json()
    assert made["hours"] == [{"days": ["MO", "TU"], "opens": "09:00", "closes": "14:00"}]
    assert [(row["state"], row["valid_from"], row["verified"]) for row in made["states"]] == [
        ("MX-OAX", "2026-01-01", True)
    ]


HEADER = ",".join(table.COLUMNS)
GOOD = "post,con-hnd-ejemplo,HND,Ejemplo,MX-OAX,consulate,open,,,Registro,false,,,,,,,,Apertura"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (GOOD.replace("HND,", "XXX,"), "country", None),
        (GOOD.replace("MX-OAX", "MX-XXX"), "state", None),
        (GOOD.replace("false", "maybe"), "verified", None),
        (GOOD.replace("Apertura", ""), "reason", "missing"),
        (GOOD.replace("Apertura", "x" * 201), "reason", "too_long"),
        (GOOD.replace("post,", "posts,"), "record", "unknown"),
        (GOOD.replace(",,,,Apertura", ",MO 14:00-09:00,,,Apertura"), "hours", None),
        (GOOD.replace("con-hnd-ejemplo,HND", "con-hnd-ejemplo,SLV"), "id", "not_of_its_country"),
        (GOOD.replace("con-hnd-ejemplo", "con-hnd-otra"), "id", "repeated"),
        (GOOD + ",one more", "", "another_number_of_cells"),
        ("state,con-hnd-nowhere,,,MX-OAX,,,,,Registro,false,,,,,,,,", "id", "no_post_before_it"),
        ("state,con-hnd-otra,HND,,MX-OAX,,,,,Registro,false,,,,,,,,", "country", "not_of_a_state"),
    ],
)
def test_a_bad_line_is_told_by_its_number(line: str, field: str, reason: str | None) -> None:
    other = GOOD.replace("con-hnd-ejemplo", "con-hnd-otra")
    lines = [(number, text.encode()) for number, text in enumerate((HEADER, other, line), 1)]
    found = table.planned(lines, *service.read()).faults
    assert [(each.line, each.field) for each in found] == [(3, field)]
    assert reason is None or found[0].reason == reason


async def test_a_file_with_a_bad_line_does_nothing_at_all(world: World) -> None:
    other = GOOD.replace("con-hnd-ejemplo", "con-hnd-otra")
    content = "\r\n".join([HEADER, other, GOOD.replace("MX-OAX", "MX-XXX"), ""]).encode()
    refused = await uploaded(world, content)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/lines/3/state")
    assert (await sent(world, "GET", f"{BASE}/con-hnd-otra")).status_code == 404


def test_the_country_of_a_post_never_changes() -> None:
    posts, rows = service.read()
    content = table.written([post for post in posts if post.id == TAPACHULA], rows).decode()
    told = content.replace(f"{TAPACHULA},HND", f"{TAPACHULA},SLV").encode().splitlines()
    found = table.planned(list(enumerate(told, 1)), posts, rows).faults
    assert {each.reason for each in found} == {"never_changes", "not_of_its_country", "missing"}


_TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs")), max_size=12).map(
    lambda text: f"x{text}x"
)
_HOURS = st.builds(
    DutyHours,
    days=st.lists(st.sampled_from(Weekday), min_size=1, max_size=3, unique=True),
    opens=st.just("08:30"),
    closes=st.sampled_from(["09:00", "23:59"]),
)


@settings(max_examples=40, deadline=None)
@given(
    text=_TEXT,
    address=st.none() | _TEXT,
    verified=st.booleans(),
    hours=st.lists(_HOURS, max_size=3),
    holidays=st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=3, unique=True),
    states=st.lists(st.sampled_from(State), max_size=4, unique=True),
    since=st.none() | st.dates(date(2020, 1, 1), date(2026, 1, 1)),
)
def test_any_post_survives_the_file(
    text: str, address: str | None, verified: bool, hours: Any, holidays: Any, states: Any, since: Any
) -> None:
    said = ConsulateContent(
        id="con-hnd-x", country="HND", city=text, state=State.CHP, kind=PostKind.CONSULATE, status=PostStatus.OPEN,
        valid_from=since, source=text, verified=verified, address=address, hours=hours, holidays=holidays,
        states=[ServedState(state=each, valid_from=since, source=text, verified=verified) for each in states],
    ).content()  # fmt: skip
    typed = {"kind": PostKind.CONSULATE, "status": PostStatus.OPEN, "valid_from": since}
    post = Consulate(**{name: value for name, value in said.items() if name != "states"} | typed, edition=0)
    rows = [Jurisdiction(**row | {"valid_from": since}, consulate_id=post.id) for row in said["states"]]
    lines = [(number, line) for number, line in enumerate(table.written([post], rows).split(b"\r\n"), 1) if line]
    plan = table.planned(lines, [post], rows)
    assert (plan.faults, plan.changes, plan.unchanged) == ([], [], 1)


# -- who covers what -----------------------------------------------------------------------------------------


async def test_the_report_covers_every_state_for_all_members_of_the_conference(world: World) -> None:
    assert len(RCM) == 11
    async with world.agency() as inm:
        told = (await inm.get(f"{BASE}/coverage")).json()
        haiti = (await inm.get(f"{BASE}/coverage", params={"country": "HTI", "on": "2021-11-18"})).json()
    assert len(told["items"]) == 11 * 32
    totals = {row["country"]: row for row in told["totals"]}
    assert set(totals) == set(RCM)
    assert all(sum(row[how.value] for how in Coverage) == 32 for row in totals.values())
    assert totals["MEX"]["not_foreign"] == 32
    assert {country for country, row in totals.items() if row["nobody"]} == set()
    assert totals["HND"]["consulate"] == 6
    by_place = {(row["country"], row["state"]): (row["how"], row["consulate_id"]) for row in told["items"]}
    assert by_place["HND", "MX-CHP"] == ("consulate", TAPACHULA)
    assert by_place["NIC", "MX-CHP"] == ("embassy", "con-nic-embassy")
    assert by_place["MEX", "MX-CHP"] == ("not_foreign", None)
    assert {row["how"] for row in haiti["items"] if row["state"] == "MX-CHP"} == {"embassy"}  # opened the next day
    async with world.consulate() as consulate:
        assert (await consulate.get(f"{BASE}/coverage")).status_code == 403


def test_where_nobody_is_open_the_report_says_so() -> None:
    posts, rows = service.read()
    found = {each.how for each in rules.coverage(["ECU"], ["MX-CMX"], lambda _: date(2026, 11, 20), posts, rows)}
    assert found == {Coverage.NOBODY}


def test_a_consular_section_takes_what_falls_back_and_the_embassy_what_is_escalated() -> None:
    posts, rows = service.read()
    embassy = next(post for post in posts if post.id == "con-hnd-embassy")
    section = embassy.model_copy(update={"id": "con-hnd-section", "kind": PostKind.CONSULAR_SECTION})
    day = date(2026, 11, 20)
    found = rules.route("HND", "MX-SON", day, [*posts, section], rows)
    upper = rules.embassy("HND", day, [*posts, section])
    assert (found and found.id, upper and upper.id) == ("con-hnd-section", "con-hnd-embassy")


WEEKDAYS = [DutyHours(days=[Weekday.MO, Weekday.FR], opens="09:00", closes="14:00")]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T09:00:00", True), ("2026-11-20T13:59:59", True), ("2026-11-20T14:00:00", False),
        ("2026-11-20T08:59:59", False), ("2026-11-21T10:00:00", False), ("2026-11-23T10:00:00", False),
    ],
)  # fmt: skip
def test_a_post_is_on_duty_in_its_hours(moment: str, expected: bool) -> None:
    assert rules.on_duty(WEEKDAYS, [date(2026, 11, 23)], datetime.fromisoformat(moment)) is expected
    assert rules.on_duty([], [], datetime.fromisoformat(moment)) is None
