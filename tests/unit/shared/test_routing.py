"""One request, one transaction; every POST safe to repeat; the hot path like the standard one."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlmodel import text

from shared.db import Database
from shared.errors import Forbidden
from shared.testing import key
from tests.unit.shared.world import CANARY, World

STANDARD, HOT = "/v1/referral/memos", "/v1/referral/hot"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""Where the database makes no difference, one is enough."""
WAYS = pytest.mark.parametrize("path", [STANDARD, HOT])


@WAYS
async def test_a_write_is_committed_before_it_is_answered(world: World, path: str) -> None:
    async with world.as_() as inm:
        answer = await inm.post(path, json={"words": "hola"}, headers=key())
        assert answer.status_code == 201
        assert answer.headers["location"].endswith(answer.json()["id"])
        assert (await inm.get(answer.headers["location"])).json() == answer.json()


@WAYS
async def test_a_commit_that_fails_is_answered_with_an_error(world: World, path: str) -> None:
    async with world.as_() as inm:
        answer = await inm.post(path, json={"words": "hola", "parent": "mem_nobody"}, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert await world.count("memo") == await world.count("idempotency") == 0


@WAYS
async def test_a_refused_request_leaves_no_trace_and_may_be_repeated(world: World, path: str) -> None:
    same = key()
    async with world.as_() as inm:
        for words in ("conflict", "forbidden", "law", "fault", "bug"):
            assert (await inm.post(path, json={"words": words}, headers=same)).status_code >= 400
            assert await world.count("memo") == await world.count("idempotency") == 0
        assert (await inm.post(path, json={"words": "hola"}, headers=same)).status_code == 201


@ONE
@WAYS
async def test_a_post_without_a_good_key_is_refused(world: World, path: str) -> None:
    async with world.as_() as inm:
        for given in (None, "", " ", "a b", "ñ", "x" * 65, "a\tb", "a/b", "a,b"):
            headers = {} if given is None else {"Idempotency-Key": given.encode()}
            answer = await inm.post(path, json={"words": "hola"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required"), given


@WAYS
async def test_fifty_repetitions_at_once_have_one_effect_and_one_answer(world: World, path: str) -> None:
    same = key()
    async with world.as_() as inm:
        answers = await asyncio.gather(*(inm.post(path, json={"words": "hola"}, headers=same) for _ in range(50)))
        later = await inm.post(path, json={"words": "hola"}, headers=same)
    assert {(each.status_code, each.content, each.headers["location"]) for each in [*answers, later]} == {
        (201, answers[0].content, answers[0].headers["location"])
    }
    assert sum("idempotent-replayed" not in each.headers for each in answers) == 1
    assert later.headers["idempotent-replayed"] == "true"
    assert await world.count("memo") == await world.count("idempotency") == 1


@WAYS
async def test_a_key_belongs_to_one_body(world: World, path: str) -> None:
    same = key()
    async with world.as_() as inm:
        await inm.post(path, json={"words": "hola"}, headers=same)
        for words in ("adios", "conflict"):
            answer = await inm.post(path, json={"words": words}, headers=same)
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await world.count("memo") == 1


@ONE
@WAYS
async def test_a_key_belongs_to_one_client_and_one_path(world: World, path: str) -> None:
    same = key()
    async with world.as_("one") as one, world.as_("other") as other:
        first = await one.post(path, json={"words": "hola"}, headers=same)
        second = await other.post(path, json={"words": "hola"}, headers=same)
        elsewhere = await one.post(HOT if path == STANDARD else STANDARD, json={"words": "hola"}, headers=same)
    assert len({each.json()["id"] for each in (first, second, elsewhere)}) == 3


@WAYS
async def test_what_was_answered_once_stays_answered_though_it_would_now_be_refused(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    same, words = key(), {"words": "hola"}
    async with world.as_() as inm:
        first = await inm.post(path, json=words, headers=same)
        monkeypatch.setattr("tests.unit.shared.world.obey", refuse_all)
        again = await inm.post(path, json=words, headers=same)
    assert (again.status_code, again.content) == (201, first.content)


def refuse_all(_: str) -> None:
    raise Forbidden


async def test_a_post_without_answer_is_repeatable_too(world: World) -> None:
    same = key()
    async with world.as_() as inm:
        path = f"{STANDARD}/mem_{'0' * 32}/seal"
        answers = [await inm.post(path, headers=same) for _ in range(2)]
    assert [(each.status_code, each.content) for each in answers] == [(204, b"")] * 2


@ONE
async def test_stored_answers_are_sealed(world: World) -> None:
    async with world.as_() as inm:
        await inm.post(STANDARD, json={"words": CANARY}, headers=key())
    async with world.database.work(write=False) as session:
        stored = await session.scalar(text("SELECT answer FROM idempotency"))
    assert CANARY.encode() not in bytes(stored)


# -- the same refusals, whichever way --------------------------------------------------------------------

_GOOD = b'{"words":"hola"}'
_JSON = {"content-type": "application/json"}
REQUESTS: list[tuple[str, dict[str, Any], bytes]] = [
    ("good", {**_JSON}, _GOOD),
    ("no key and no body", {"Idempotency-Key": ""}, b""),
    ("no key and an invalid body", {**_JSON, "Idempotency-Key": ""}, b"{}"),
    ("a form", {"content-type": "application/x-www-form-urlencoded"}, b"words=hola"),
    ("text", {"content-type": "text/json"}, _GOOD),
    ("JSON with a charset", {"content-type": "Application/JSON; charset=utf-8"}, _GOOD),
    ("no content type", {}, _GOOD),
    ("nothing", _JSON, b""),
    ("not JSON", _JSON, b"{"),
    ("NaN", _JSON, b'{"words":NaN}'),
    ("a key twice", _JSON, b'{"words":"a","words":"b"}'),
    ("a surrogate", _JSON, b'{"words":"\\ud800"}'),
    ("a NUL", _JSON, b'{"words":"\\u0000"}'),
    ("too deep", _JSON, b'{"words":' + b"[" * 40 + b"]" * 40 + b"}"),
    ("another type", _JSON, b'{"words":7}'),
    ("a list", _JSON, b"[]"),
    ("null", _JSON, b"null"),
    ("a field missing", _JSON, b"{}"),
    ("a field too many", _JSON, b'{"words":"a","agency":"inm"}'),
    ("two lines", _JSON, b'{"words":"a\\nb"}'),
    ("the future", _JSON, b'{"words":"a","at":"2999-01-01T00:00:00Z"}'),
    ("before all time", _JSON, b'{"words":"a","at":"0001-01-01T00:00:00+14:00"}'),
    ("a moment without zone", _JSON, b'{"words":"a","at":"2020-01-01T00:00:00"}'),
    ("a number for a moment", _JSON, b'{"words":"a","at":1577836800}'),
    ("no such country", _JSON, b'{"words":"a","country":"XYZ"}'),
    ("too long", _JSON, b'{"words":"' + b"a" * 300_000 + b'"}'),
    ("refused by the domain", _JSON, b'{"words":"conflict"}'),
    ("refused by law", _JSON, b'{"words":"law"}'),
    ("refused with a fault", _JSON, b'{"words":"fault"}'),
    ("refused as forbidden", _JSON, b'{"words":"forbidden"}'),
    ("a bug", _JSON, b'{"words":"bug"}'),
]
TOKENS: list[tuple[str, dict[str, Any] | None]] = [
    ("an officer", {}),
    ("nobody", None),
    ("somebody without the scope", {"scope": "referral:read"}),
]


def comparable(answer: httpx.Response) -> tuple[int, Any, Any]:
    body = answer.json()
    for name in ("request_id", "id"):
        body.pop(name, None)
    kept = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "location")}
    return answer.status_code, body, {**kept, "content-length": ""}


@pytest.mark.parametrize("claims", [row[1] for row in TOKENS], ids=[row[0] for row in TOKENS])
async def test_the_hot_path_answers_like_the_standard_one(world: World, claims: dict[str, Any] | None) -> None:
    async with world.as_(**claims or {}) as caller:
        if claims is None:
            del caller.headers["authorization"]
        for name, headers, body in REQUESTS:
            answers = [await caller.post(path, content=body, headers={**key(), **headers}) for path in (STANDARD, HOT)]
            assert comparable(answers[0]) == comparable(answers[1]), name
            if claims is not None and not claims and name not in ("a bug",):
                assert answers[0].status_code != 500, name


@ONE
async def test_the_first_question_is_who_asks(world: World) -> None:
    async with world.as_() as inm:
        del inm.headers["authorization"]
        for path in (STANDARD, HOT):
            answer = await inm.post(path, content=b"\xff" * 1000)
            assert answer.status_code == 401


# -- a database that does not serve ----------------------------------------------------------------------


def impatient(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=20")
    cursor.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
@WAYS
async def test_a_locked_database_means_try_again(database_url: str, tmp_path: Path, path: str) -> None:
    async with World.open(database_url, tmp_path) as world:
        event.listen(world.database.engine.sync_engine, "connect", impatient)
        await world.database.engine.dispose()
        async with world.database.work() as writer, world.as_() as inm:
            await writer.connection()
            answer = await inm.post(path, json={"words": "hola"}, headers=key())
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "2"
            assert (await inm.get(STANDARD)).status_code == 200  # who only reads does not wait
        async with world.as_() as inm:
            assert (await inm.post(path, json={"words": "hola"}, headers=key())).status_code == 201


@WAYS
async def test_an_exhausted_pool_means_try_again(database_url: str, tmp_path: Path, path: str) -> None:
    async with World.open(database_url, tmp_path, pool_size=1) as world:
        world.database.engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # five seconds otherwise
        async with world.database.engine.connect(), world.as_() as inm:
            answer = await inm.post(path, json={"words": "hola"}, headers=key())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@WAYS
@pytest.mark.usefixtures("own_database")
@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", 503),  # a standby after a failover
        ("ALTER TABLE memo ADD CHECK (words <> 'hola')", 500),
    ],
)
async def test_what_a_server_says_tells_a_lost_database_from_a_bug(
    world: World, path: str, statement: str, status: int
) -> None:
    name = world.database.url.rpartition("/")[2]
    async with world.database.engine.begin() as connection:
        await connection.execute(text(statement.format(name=name)))
    await world.database.engine.dispose()
    async with world.as_() as inm:
        answer = await inm.post(path, json={"words": "hola"}, headers=key())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@WAYS
@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_server_that_has_gone_means_try_again(world: World, path: str) -> None:
    async with world.as_() as inm:
        assert (await inm.post(path, json={"words": "hola"}, headers=key())).status_code == 201
        await world.database.close()
        world.runtime.database = Database("postgresql://nobody@127.0.0.1:1/nothing")
        answer = await inm.post(path, json={"words": "hola"}, headers=key())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_read_cannot_write_unless_it_is_audited(world: World) -> None:
    async with world.as_() as inm:
        made = (await inm.post(STANDARD, json={"words": "hola"}, headers=key())).headers["location"]
        assert (await inm.get(made + "/touched")).status_code == 200
        assert (await inm.get(made)).headers["etag"] == '"v2"'


# -- If-Match --------------------------------------------------------------------------------------------


@ONE
async def test_an_update_names_the_version_it_was_made_from(world: World) -> None:
    async with world.as_() as inm:
        made = (await inm.post(STANDARD, json={"words": "hola"}, headers=key())).headers["location"]
        assert (await inm.patch(made, json={"words": "adios"})).json()["code"] == "precondition_required"
        for given in ('"v2"', "v1", 'W/"v1"', "*", '"v1", "v2"', "", CANARY):
            answer = await inm.patch(made, json={"words": "adios"}, headers={"If-Match": given})
            assert (answer.status_code, answer.json()["current"]) == (412, '"v1"'), given
            assert CANARY not in answer.text
        assert (await inm.get(made)).json()["words"] == "hola"
        assert (await inm.patch(made, json={"words": "adios"}, headers={"If-Match": '"v1"'})).status_code == 200
        assert (await inm.patch(made, json={"words": "otra vez"}, headers={"If-Match": '"v1"'})).status_code == 412
        assert (await inm.get(made)).json()["words"] == "adios"
