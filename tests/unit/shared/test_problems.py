"""No answer and no log line holds what a caller sent; every failure is a problem document."""

import json
import logging
from typing import Any

import pytest

from shared.testing import key
from tests.unit.shared.world import CANARY, World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
PATH = "/v1/referral/memos"
ID = "mem_" + "0" * 32

pytestmark = ONE


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", PATH, {"json": {CANARY: 1, "words": "a"}}),
    ("POST", PATH, {"json": {"words": [CANARY]}}),
    ("POST", PATH, {"json": {"words": CANARY * 20}}),
    ("POST", PATH, {"json": {"words": "a", "country": CANARY}}),
    ("POST", PATH, {"json": {"words": "a", "at": CANARY}}),
    ("POST", PATH, {"json": {"words": {CANARY: CANARY}}}),
    ("POST", PATH, {"content": f'{{"words":"{CANARY}'.encode(), "headers": {"content-type": "application/json"}}),
    ("POST", PATH, {"content": CANARY.encode(), "headers": {"content-type": CANARY}}),
    ("POST", PATH, {"json": CANARY}),
    ("POST", PATH, {"json": [CANARY]}),
    ("POST", PATH + "/many", {"json": {"memos": [{"words": "a", CANARY: CANARY}]}}),
    ("POST", PATH + "/many", {"json": {"memos": {CANARY: 1}}}),
    ("POST", PATH, {"json": {"words": "a"}, "headers": {"Idempotency-Key": CANARY + "/"}}),
    ("POST", PATH, {"json": {"words": "bug"}}),
    ("POST", "/v1/referral/hot", {"json": {"words": "bug"}}),
    ("GET", PATH, {"params": {"limit": CANARY}}),
    ("GET", PATH, {"params": {"cursor": CANARY}}),
    ("GET", PATH, {"params": {CANARY: CANARY, "limit": 0}}),
    ("GET", f"{PATH}/{CANARY}", {}),
    ("GET", f"/{CANARY}", {}),
    ("GET", f"{PATH}/{ID}", {"headers": {"X-Request-Id": CANARY, "X-Agency": CANARY, CANARY: CANARY}}),
    ("GET", PATH, {"headers": {"Authorization": f"Bearer {CANARY}"}}),
    ("GET", PATH, {"headers": {"Authorization": CANARY}}),
    ("PATCH", f"{PATH}/{CANARY}", {"json": {"words": "a"}, "headers": {"If-Match": CANARY}}),
    ("DELETE", f"{PATH}/{ID}", {"headers": {"If-Match": CANARY}}),
    (CANARY.upper(), PATH, {}),
    *(("GET", f"/v1/referral/broken/{kind}", {}) for kind in
      ("unforeseen", "value", "unicode", "group", "refused", "timeout", CANARY)),
]  # fmt: skip


async def test_no_answer_and_no_log_line_echoes_what_came(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world.as_() as inm:
        for method, path, more in REQUESTS:
            headers = {**key(), **more.get("headers", {})}
            answer = await inm.request(method, path, **{**more, "headers": headers})
            assert 400 <= answer.status_code < 600, (method, path)
            assert answer.headers["content-type"] == "application/problem+json", (method, path)
            assert CANARY.lower() not in (answer.text + str(answer.headers)).lower(), (method, path)
    ours = [record.getMessage() for record in caplog.records if record.name not in ("httpx", "aiosqlite")]
    assert not [line for line in ours if CANARY.lower() in line.lower()]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("unforeseen", 500), ("value", 500), ("unicode", 500), ("group", 500), ("refused", 503), ("timeout", 503)],
)
async def test_the_unforeseen_is_a_bare_answer_and_one_line_of_where(
    world: World, caplog: pytest.LogCaptureFixture, kind: str, status: int
) -> None:
    caplog.set_level(logging.INFO, "ruta")
    async with world.as_() as inm:
        answer = await inm.get(f"/v1/referral/broken/{kind}")
    assert answer.status_code == status
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "fix", "request_id"}
    failed, request = [json.loads(record.getMessage()) for record in caplog.records if record.name == "ruta"]
    assert failed["request_id"] == request["request_id"] == answer.json()["request_id"]
    assert (failed["event"], request["event"], request["status"]) == ("failed", "request", status)
    assert failed["where"][-1].endswith("break_down")
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", PATH + "/", 404, "not_found"),
        ("GET", f"{PATH}/{ID}", 404, "not_found"),
        ("GET", f"{PATH}/{ID}0", 404, "not_found"),
        ("GET", f"{PATH}/{ID.upper()}", 404, "not_found"),
        ("GET", f"{PATH}/7", 404, "not_found"),
        ("GET", f"{PATH}/{ID}%0a", 404, "not_found"),
        ("POST", f"{PATH}/7/seal", 404, "not_found"),
        ("PUT", PATH, 405, "method_not_allowed"),
        ("HEAD", PATH, 405, "method_not_allowed"),
        ("TRACE", PATH, 405, "method_not_allowed"),
        ("OPTIONS", PATH, 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there(world: World, method: str, path: str, status: int, code: str) -> None:
    async with world.as_() as inm:
        answer = await inm.request(method, path, headers=key())
    assert answer.status_code == status
    if method != "HEAD":
        assert answer.json()["code"] == code
    assert ("allow" in answer.headers) == (status == 405)


async def test_ids_that_are_nobodys_and_ids_of_another_form_look_alike(world: World) -> None:
    async with world.as_() as inm:
        answers = [(await inm.get(f"{PATH}/{name}")).json() for name in (ID, "7", "x" * 300)]
    assert len({json.dumps(answer | {"request_id": None}) for answer in answers}) == 1


async def test_faults_point_and_give_a_reason(world: World) -> None:
    body = {"memos": [{"words": 7}, {"words": "a", "country": "XXX", "agency": "x"}]}
    async with world.as_() as inm:
        answer = await inm.post(PATH + "/many", json=body, headers=key())
        query = await inm.get(PATH, params={"limit": 1000})
    assert answer.json()["errors"] == [
        {"pointer": "/memos/0/words", "reason": "string_type"},
        {"pointer": "/memos/1/country", "reason": "not_acceptable"},
        {"pointer": "/memos/1", "reason": "unknown_field"},
    ]
    assert query.json()["errors"] == [{"pointer": "/query/limit", "reason": "less_than_equal"}]


async def test_a_thousand_faults_are_told_as_ten(world: World) -> None:
    async with world.as_() as inm:
        answer = await inm.post(PATH + "/many", json={"memos": [{}] * 1000}, headers=key())
    assert len(answer.json()["errors"]) == 10


async def test_a_refusal_by_law_names_rule_source_and_what_is_allowed(world: World) -> None:
    async with world.as_() as inm:
        answer = await inm.post(PATH, json={"words": "law"}, headers=key())
    told = answer.json()
    assert (told["rule"], told["source"], told["allowed_actions"]) == ("R0", "LM 1", ["wait"])
    assert (answer.status_code, told["detail"]) == (409, "First the other.")


async def test_who_lacks_a_token_is_told_how_to_come_again(world: World) -> None:
    async with world.as_() as inm:
        answer = await inm.get(PATH, headers={"Authorization": "Bearer x"})
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "reason" not in answer.text


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"agency_kind": "PP"}, 403), ({"scope": "referral:read"}, 403), ({"scope": "referral:writer"}, 403),
        ({"scope": ""}, 403), ({}, 204),
    ],
)  # fmt: skip
async def test_a_guard_asks_for_scope_and_kind(world: World, claims: dict[str, Any], status: int) -> None:
    async with world.as_(**claims) as caller:
        assert (await caller.post(f"{PATH}/{ID}/seal", headers=key())).status_code == status


async def test_a_service_has_no_business_at_a_partners_route(world: World) -> None:
    from shared import auth

    async with world.as_() as caller:
        token = auth.service_token(world.keys.signers["intake"], "referral", "referral:read referral:write")
        answer = await caller.get(PATH, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
