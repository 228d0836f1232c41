"""Whatever is wrong with a request, the answer is a problem document that repeats nothing of it."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import clock, ids
from shared.testing import client, key
from tests.unit.intake.world import (
    CHILDREN,
    ENCOUNTERS,
    Row,
    World,
    again,
    ago,
    assert_problem,
    encounter,
    girl,
)

CANARY = "Kanarienvogel"
OFFICER: Row = {"agency": "inm-chp", "agency_kind": "INM", "state": "MX-CHP"}
JSON = {"content-type": "application/json"}


def valid(**changes: Any) -> Row:
    """An encounter that would be recorded, of a girl whose name must not come back."""
    return encounter(child=girl(given_names=CANARY), **changes)


def child(**changes: Any) -> Row:
    return encounter(child=girl(given_names=CANARY) | changes)


def raw(changed: str, instead: str) -> bytes:
    """The text of a valid body, with one part replaced: what no JSON library would write."""
    text = json.dumps(valid())
    assert changed in text
    return text.replace(changed, instead, 1).encode()


@dataclass
class Case:
    """One bad request. Whatever is left out is as it should be."""

    name: str
    status: int
    code: str
    body: Any = None
    pointer: str | None = None
    method: str = "POST"
    path: str = ENCOUNTERS
    headers: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    claims: Row = field(default_factory=dict)
    age: timedelta = timedelta(0)

    def content(self) -> Any:
        body = valid() if self.body is None and self.method == "POST" else self.body
        if body is None or isinstance(body, bytes):
            return body
        return json.dumps(body).encode()


def invalid(name: str, body: Any, pointer: str | None) -> Case:
    return Case(name, 422, "invalid_request", body, pointer)


def malformed(name: str, body: bytes) -> Case:
    return Case(name, 400, "malformed_json", body)


async def flood() -> AsyncIterator[bytes]:
    """Fifty megabytes that nobody announced."""
    for _ in range(800):
        yield CANARY.encode() * 5042


def cases() -> list[Case]:
    """Made afresh, so that their times are of this run."""
    return [
        # shape
        invalid("wrong type", child(nationalities=CANARY), "/child/nationalities"),
        invalid("text for a list item", child(nationalities=[7]), "/child/nationalities/0"),
        invalid("text for a truth value", child(stateless_doubt="true"), "/child/stateless_doubt"),
        invalid("unknown field", valid() | {CANARY: 1}, ""),
        invalid("unknown field inside", child(**{CANARY: 1}), "/child"),
        invalid("missing field", encounter(child=girl(given_names=CANARY), adult=None), "/adult"),
        invalid("missing field inside", child(estimated_age={"low": 1, "basis": CANARY}), "/child/estimated_age/high"),
        invalid("null for a required field", valid() | {"place": None}, "/place"),
        invalid("array body", [valid()], ""),
        invalid("text body", CANARY, ""),
        invalid("null body", b"null", ""),
        invalid("empty object", {}, "/occurred_at"),
        invalid("both child and child_id", valid() | {"child_id": ids.new("chd")}, ""),
        invalid("neither child nor child_id", encounter(child=None), ""),
        invalid("path traversal in an id", again(f"../../{CANARY}"), "/child_id"),
        # values
        invalid("unknown country", child(nationalities=["XXX"]), "/child/nationalities/0"),
        invalid("country in lower case", child(residence="hnd"), "/child/residence"),
        invalid("unknown language", child(languages=["qqq"]), "/child/languages/0"),
        invalid("no language", child(languages=[]), "/child/languages"),
        invalid("unknown sex", child(sex=CANARY), "/child/sex"),
        invalid("unknown state", valid(place={"state": "MX-DIF"}), "/place/state"),
        invalid("unknown tie", valid(adult={"tie": CANARY}), "/adult/tie"),
        invalid("unknown kind", valid(kind=CANARY), "/kind"),
        invalid("empty name", child(first_surname="  "), "/child/first_surname"),
        invalid("control character in a name", child(first_surname=f"{CANARY}\x07x"), "/child/first_surname"),
        invalid("markup in a name", child(first_surname=f"<b>{CANARY}"), "/child/first_surname"),
        invalid("name of 101 letters", child(first_surname="a" * 101), "/child/first_surname"),
        invalid("future birth date", child(birth_date="2999-01-01"), "/child/birth_date"),
        invalid("impossible birth date", child(birth_date="2013-02-29"), "/child/birth_date"),
        invalid("birth date of the nineteenth century", child(birth_date="1899-12-31"), "/child/birth_date"),
        invalid("number for a birth date", child(birth_date=1356998400), "/child/birth_date"),
        invalid("moment for a birth date", child(birth_date="2013-02-28T10:00:00Z"), "/child/birth_date"),
        invalid("date and estimate", child(estimated_age={"low": 1, "high": 2, "basis": CANARY}), "/child"),
        invalid("neither date nor estimate", encounter(child=girl(birth_date=None)), "/child"),
        invalid("future occurred_at", valid(occurred_at=ago(days=-1)), "/occurred_at"),
        invalid("number for a moment", valid(occurred_at=1356998400), "/occurred_at"),
        invalid("number as text for a moment", valid(occurred_at="1356998400"), "/occurred_at"),
        invalid("number as text for a birth date", child(birth_date="1356998400"), "/child/birth_date"),
        invalid("space for the T of a moment", valid(occurred_at="2026-01-01 10:00:00Z"), "/occurred_at"),
        invalid("moment without zone", valid(occurred_at="2026-01-01T10:00:00"), "/occurred_at"),
        invalid("date for a moment", valid(occurred_at="2026-01-01"), "/occurred_at"),
        invalid("21 helps", valid(assistance=[{"code": "FOOD", "given_at": ago(hours=1)}] * 21), "/assistance"),
        invalid("unknown help", valid(assistance=[{"code": CANARY, "given_at": ago(hours=1)}]), "/assistance/0/code"),
        # text that is no JSON of ours
        malformed("NUL", raw(CANARY, CANARY + "\\u0000")),
        malformed("NUL in a key", raw('"sex"', '"sex\\u0000"')),
        malformed("lone surrogate", raw(CANARY, CANARY + "\\ud800")),
        malformed("NaN", raw('"F"', "NaN")),
        malformed("Infinity", raw('"F"', "-Infinity")),
        malformed("duplicate keys", raw('"sex"', f'"sex": "M", "given_names": "{CANARY}", "sex"')),
        malformed("not UTF-8", raw(CANARY, CANARY).replace(b"Flores", b"\xff\xfe")),
        malformed("byte order mark", b"\xef\xbb\xbf" + raw(CANARY, CANARY)),
        malformed("cut short", raw(CANARY, CANARY)[:-1]),
        malformed("two values", raw(CANARY, CANARY) * 2),
        malformed("empty body", b""),
        malformed("depth 10,000", b"[" * 10_000 + b'"' + CANARY.encode() + b'"' + b"]" * 10_000),
        malformed("depth 10,000, never closed", b'{"a":' * 10_000),
        malformed("integer of 5,000 digits", raw('"F"', "9" * 5000)),
        # size and type
        Case("300 KB string", 413, "too_large", child(first_surname=CANARY * 23_100)),
        Case("50 MB", 413, "too_large", CANARY.encode() * 3_850_000),
        Case("wrong content type", 415, "unsupported_media_type", headers={"content-type": f"text/{CANARY}"}),
        Case("form", 415, "unsupported_media_type", headers={"content-type": "application/x-www-form-urlencoded"}),
        Case("no content type", 415, "unsupported_media_type", without=("content-type",)),
        # keys
        Case("missing key", 400, "idempotency_key_required", without=("Idempotency-Key",)),
        Case("empty key", 400, "idempotency_key_required", headers={"Idempotency-Key": ""}),
        Case("bad key", 400, "idempotency_key_required", headers={"Idempotency-Key": f"{CANARY} and more"}),
        Case("key of 65", 400, "idempotency_key_required", headers={"Idempotency-Key": CANARY * 5}),
        # who
        Case("no token", 401, "unauthenticated", without=("Authorization",)),
        Case("token that is none", 401, "unauthenticated", headers={"Authorization": f"Bearer {CANARY}"}),
        Case("other scheme", 401, "unauthenticated", headers={"Authorization": f"Basic {CANARY}"}),
        Case("expired token", 401, "unauthenticated", age=timedelta(minutes=6)),
        Case("token for another API", 401, "unauthenticated", claims={"aud": CANARY}),
        Case("token without an agency", 401, "unauthenticated", claims={"agency": None, "client_id": CANARY}),
        Case("wrong scope", 403, "forbidden", claims={"scope": "intake:read", "client_id": CANARY}),
        Case("wrong agency kind", 403, "forbidden", claims={"agency_kind": "PP", "client_id": CANARY}),
        Case("another state", 403, "forbidden", claims={"state": "MX-OAX", "client_id": CANARY}),
        Case("a child nobody knows", 404, "not_found", again(ids.new("chd"))),
        # addresses
        Case("another agency's id", 404, "not_found", method="GET", path=f"{ENCOUNTERS}/{ids.new('enc')}"),
        Case("traversal", 404, "not_found", method="GET", path=f"{ENCOUNTERS}/..%2f..%2f{CANARY}"),
        Case("traversal in an id", 404, "not_found", method="GET", path=f"{CHILDREN}/%2e%2e{CANARY}"),
        Case("unknown address", 404, "not_found", path=f"/v1/intake/{CANARY}"),
        Case("trailing slash", 404, "not_found", path=f"{ENCOUNTERS}/"),
        Case("method not allowed", 405, "method_not_allowed", method="DELETE"),
        Case("method nobody knows", 405, "method_not_allowed", method=CANARY.upper()),
        # lists
        Case("limit 10^9", 422, "invalid_request", method="GET", path=f"{ENCOUNTERS}?limit=1000000000"),
        Case("limit 0", 422, "invalid_request", method="GET", path=f"{ENCOUNTERS}?limit=0"),
        Case("limit in words", 422, "invalid_request", method="GET", path=f"{ENCOUNTERS}?limit={CANARY}"),
        Case("cursor of our own making", 400, "bad_cursor", method="GET", path=f"{ENCOUNTERS}?cursor={CANARY}"),
        Case("cursor in another alphabet", 400, "bad_cursor", method="GET", path=f"{ENCOUNTERS}?cursor=ñ{CANARY}"),
        Case("long cursor", 422, "invalid_request", method="GET", path=f"{ENCOUNTERS}?cursor={CANARY * 20}"),
    ]


async def send(world: World, case: Case) -> httpx.Response:
    with clock.at(clock.now() - case.age):
        token = world.token(**(OFFICER | case.claims))
    headers = {"Authorization": f"Bearer {token}", **JSON, **key(), **case.headers}
    for name in case.without:
        del headers[name]
    async with client(world.app) as anybody:
        sent = anybody.build_request(case.method, case.path, content=case.content(), headers=headers)
        return await anybody.send(sent)


def assert_untold(answer: httpx.Response, log: pytest.LogCaptureFixture) -> None:
    """Assert that the canary is neither in the answer nor in any line that our process logged."""
    assert CANARY.lower() not in answer.text.lower()
    assert CANARY.lower() not in repr(answer.headers).lower()
    ours = [record.getMessage() for record in log.records if not record.name.startswith("httpx")]
    assert not [line for line in ours if CANARY.lower() in line.lower()]
    assert [line for line in ours if '"event": "request"' in line]
    assert not [record for record in log.records if record.levelno >= logging.ERROR]


async def kept(world: World) -> list[int]:
    tables = ("child", "encounter", "event", "idempotency", "audit_entry")
    return [len(await world.rows(name, order="1")) for name in tables]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_a_bad_request_is_refused(standing_world: World, log: pytest.LogCaptureFixture, case: Case) -> None:
    before = await kept(standing_world)
    answer = await send(standing_world, case)
    document = assert_problem(answer, case.status, case.code)
    assert_untold(answer, log)
    if case.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if case.status == 405:
        assert answer.headers["allow"]
    if case.pointer is not None:
        assert [error["pointer"] for error in document["errors"]][:1] == [case.pointer]
    assert await kept(standing_world) == before


async def test_a_good_request_is_not_refused(world: World, log: pytest.LogCaptureFixture) -> None:
    answer = await send(world, Case("good", 201, ""))
    assert answer.status_code == 201, answer.text
    assert_untold(answer, log)


async def test_a_flood_is_refused_before_it_is_kept(world: World, log: pytest.LogCaptureFixture) -> None:
    headers = {"Authorization": f"Bearer {world.token(**OFFICER)}", **JSON, **key()}
    async with client(world.app) as anybody:
        answer = await anybody.post(ENCOUNTERS, content=flood(), headers=headers)
    assert_problem(answer, 413, "too_large")
    assert_untold(answer, log)


async def test_a_key_with_another_body_is_refused(world: World, log: pytest.LogCaptureFixture) -> None:
    name = key()
    await world.post(encounter(), name)
    answer = await world.post(valid(), name)
    assert_problem(answer, 422, "idempotency_key_reused")
    assert_untold(answer, log)


@pytest.mark.parametrize("etag", ['"v2"', f'"{CANARY}"', CANARY])
async def test_a_stale_etag_is_refused(world: World, log: pytest.LogCaptureFixture, etag: str) -> None:
    child_id = (await world.met())["child_id"]
    answer = await world.patch(child_id, {"sex": "M"}, etag)
    assert assert_problem(answer, 412, "stale_version")["current"] == '"v1"'
    assert_untold(answer, log)


async def test_a_cursor_is_good_for_its_own_list_and_agency_alone(world: World, log: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        await world.met(valid(assistance=[{"code": "FOOD", "given_at": ago(minutes=5)}]))
    cursor = (await world.get(f"{ENCOUNTERS}?limit=1")).json()["next"]
    assert (await world.get(f"{ENCOUNTERS}?limit=1&cursor={cursor}")).status_code == 200
    flipped = cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:]
    answers = [
        await world.get(f"{ENCOUNTERS}?cursor={flipped}"),
        await world.get(f"{ENCOUNTERS}?cursor={cursor[:-4]}"),
        await world.get(f"{ENCOUNTERS}?cursor={cursor}", kind="PP"),
        await world.get(f"/v1/intake/assistance?cursor={cursor}"),
    ]
    for answer in answers:
        assert_problem(answer, 400, "bad_cursor")
        assert_untold(answer, log)
