"""Registering endpoints: what is taken, what is refused, and who sees it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select, text

from shared import clock, testing
from shared.audit import AuditEntry
from shared.delivery.endpoints.rules import MOST_ENDPOINTS
from shared.delivery.models import Endpoint
from shared.testing import key
from tests.unit.delivery.endpoint_world import (
    DIF,
    HOOK,
    NOWHERE,
    OPERATOR,
    PATH,
    act,
    call,
    opened,
    read,
    register,
    strict,
)
from tests.unit.shared.world import World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
NOBODY = "whe_" + "0" * 32


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


# -- what an owner gets ----------------------------------------------------------------------------


async def test_a_webhook_is_pending_until_its_address_is_proven(world: World) -> None:
    with clock.at(datetime(2026, 11, 20, 15, tzinfo=UTC)):
        answer = await call(world, "POST", PATH, {"url": NOWHERE})
        made = answer.json()
        created_at = made["created_at"]
    (signing_key,), secret = made.pop("keys"), made.pop("secret")
    assert made == {
        "id": made["id"], "owner": "inm-chp", "channel": "webhook", "url": NOWHERE, "event_types": None,
        "state": "pending", "cap": 4, "retry_ceiling": None, "mutual_tls": False, "client_certificate": None,
        "heartbeat_seconds": None, "breaker": "closed", "failures": 0, "next_probe_at": None, "last_outcome": None,
        "last_attempt_at": None, "last_success_at": None, "delivered": 0,
        "proof": {"attempts": 0, "last_outcome": None, "next_at": created_at}, "alarms": [],
        "created_at": "2026-11-20T15:00:00Z",
        "allowed_actions": ["change", "pause", "verify", "rotate", "revoke", "remove"],
    }  # fmt: skip
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert (signing_key["scheme"], signing_key["key"], signing_key["expires_at"]) == ("v1", secret, None)
    assert secret.startswith("whsec_")
    kept = await world.endpoint(made["id"])
    assert len(kept.proof_challenge or "") >= 32
    shown = await call(world, "GET", f"{PATH}/{made['id']}")
    assert (shown.json(), shown.headers["etag"]) == (made, answer.headers["etag"])
    assert (await call(world, "GET", PATH)).json() == {"items": [made], "next": None}


async def test_who_reads_a_feed_has_nothing_to_prove(world: World) -> None:
    made = await register(world, None, channel="pull", event_types=["memo.written"])
    assert (made["state"], made["url"], made["proof"]) == ("active", None, None)
    assert made["secret"].startswith("whsec_")


async def test_every_field_is_kept(world: World) -> None:
    with clock.at(clock.now()):
        wanted: dict[str, Any] = {
            "event_types": ["memo.written", "memo.read"], "cap": 8, "retry_ceiling": 60, "heartbeat_seconds": 300,
        }  # fmt: skip
        made = await register(world, **wanted)
        assert {name: made[name] for name in wanted} == wanted
        assert (await world.endpoint(made["id"])).heartbeat_at == clock.now() + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("schemes", "secret"),
    [(["v1"], "whsec_"), (["v1a"], "whpk_"), (["v1a", "v1"], "whsec_"), (["v1", "v1a"], "whsec_")],
)
@ONE
async def test_an_owner_chooses_how_its_events_are_signed(world: World, schemes: list[str], secret: str) -> None:
    made = await register(world, schemes=schemes)
    assert sorted(each["scheme"] for each in made["keys"]) == sorted(schemes)
    assert made["secret"].startswith(secret)
    assert not [each for each in made["keys"] if each["key"].startswith("whsk_")]


async def test_a_repeated_registration_makes_one_endpoint_and_shows_its_keys_again(world: World) -> None:
    headers = key()
    async with world.as_() as inm:
        first, second = [await inm.post(PATH, json={"url": NOWHERE}, headers=headers) for _ in range(2)]
    assert (second.json(), await world.count("endpoint")) == (first.json(), 1)


async def test_keys_are_kept_sealed_and_shown_nowhere_again(world: World) -> None:
    made = await register(world, schemes=["v1", "v1a"])
    async with world.database.work(write=False) as session:
        row = (await session.exec(select(Endpoint))).one()
        answers = [bytes(await session.scalar(text("SELECT answer FROM idempotency")))]
        (audited,) = (await session.exec(select(AuditEntry))).all()
    kept = b"".join([row.secrets, row.signing_keys or b"", *answers])
    for each in made["keys"]:
        assert each["key"].encode() not in kept
    assert (audited.action, audited.resource_id, audited.details) == ("register", made["id"], {"channel": "webhook"})
    for path in (PATH, f"{PATH}/{made['id']}", f"{PATH}/{made['id']}/keys"):
        assert "whsec_" not in (await call(world, "GET", path)).text


async def test_lists_are_paged(world: World) -> None:
    made = [(await register(world))["id"] for _ in range(3)]
    first = (await call(world, "GET", f"{PATH}?limit=2")).json()
    rest = (await call(world, "GET", f"{PATH}?limit=2&cursor={first['next']}")).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]


# -- what is refused -------------------------------------------------------------------------------


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/url", "missing"),
    ({"channel": "webhook"}, "/url", "missing"),
    ({"channel": "mail", "url": NOWHERE}, "/channel", "enum"),
    ({"channel": "pull", "url": NOWHERE}, "/url", "webhook_only"),
    ({"channel": "pull", "mutual_tls": True}, "/mutual_tls", "webhook_only"),
    ({"channel": "pull", "heartbeat_seconds": 300}, "/heartbeat_seconds", "webhook_only"),
    ({"url": NOWHERE, "mutual_tls": True}, "/mutual_tls", "no_client_certificate"),
    ({"url": NOWHERE, "cap": 0}, "/cap", "greater_than_equal"),
    ({"url": NOWHERE, "cap": 9}, "/cap", "less_than_equal"),
    ({"url": NOWHERE, "cap": "4"}, "/cap", "int_type"),
    ({"url": NOWHERE, "retry_ceiling": 59}, "/retry_ceiling", "greater_than_equal"),
    ({"url": NOWHERE, "retry_ceiling": 86401}, "/retry_ceiling", "less_than_equal"),
    ({"url": NOWHERE, "heartbeat_seconds": 299}, "/heartbeat_seconds", "greater_than_equal"),
    ({"url": NOWHERE, "heartbeat_seconds": 86401}, "/heartbeat_seconds", "less_than_equal"),
    ({"url": NOWHERE, "event_types": []}, "/event_types", "too_short"),
    ({"url": NOWHERE, "event_types": ["*"]}, "/event_types/0", "string_pattern_mismatch"),
    ({"url": NOWHERE, "schemes": []}, "/schemes", "too_short"),
    ({"url": NOWHERE, "schemes": ["v2"]}, "/schemes/0", "enum"),
    ({"url": NOWHERE, "schemes": ["v1", "v1"]}, "", "not_acceptable"),
    ({"url": NOWHERE, "owner": "dif-chp"}, "", "unknown_field"),
]  # fmt: skip


@ONE
async def test_a_registration_is_refused_where_it_is_wrong(world: World) -> None:
    for body, pointer, reason in REFUSED:
        answer = await call(world, "POST", PATH, body)
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": pointer, "reason": reason}]), body
    assert await world.count("endpoint") == 0


async def reasons(world: World, urls: Iterable[str]) -> dict[str, str]:
    """Say of each URL why it is refused, or under which name it is kept."""
    strict(world)
    found = {}
    for url in urls:
        answer = await call(world, "POST", PATH, {"url": url})
        if answer.status_code == 201:
            found[url] = answer.json()["url"]
            continue
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, "/url")
        found[url] = error["reason"]
    return found


READ_IN_TWO_WAYS = (
    "ftp://hooks.example.org/", "hooks.example.org", "//hooks.example.org/", "https:///x", "https://", "https:/a.org",
    "https://me@hooks.example.org/", "https://me:secret@hooks.example.org/", "https://@hooks.example.org/",
    "https://hooks.example.org:0/", "https://hooks.example.org:65536/", "https://hooks.example.org:x/",
    "https://hooks.example.org:/", "https://hooks.example.org:0443/", "https://hooks.example.org:+443/",
    "https://hооks.example.org/", "https://hooks.example.org\u3002evil.org/", "https://ｈooks.example.org/",
    "https://hooks.example.org./", "https://.example.org/", "https://hooks..example.org/", "https://-a.example.org/",
    "https://hooks.ex%61mple.org/", "https://hooks.example.org/#here", "https://hooks.exa\tmple.org/",
    "https://hooks.example.org\\@evil.org/", "https://hooks.example.org/a b", "https://hooks.example.org/{id}",
    "https://[::1", "https://[v1.x]/", "https://[fe80::1%25eth0]/", "https://a.org[::1]/", "https://[::1]a.org/",
    "https://" + "a" * 64 + ".org/", "https://" + ".".join(["abcdefgh"] * 30) + "/",
)  # fmt: skip


@ONE
@pytest.mark.hard_case(22)
async def test_an_address_that_could_be_read_in_two_ways_is_refused(world: World) -> None:
    assert await reasons(world, READ_IN_TWO_WAYS) == dict.fromkeys(READ_IN_TWO_WAYS, "not_acceptable")
    others = {
        "http://hooks.example.org": "not_https", "https://hooks.example.org:22/": "not_a_web_port",
        "https://hooks.example.org:8080/": "not_a_web_port", "https://referral/": "not_public",
        "https://db.internal/": "not_public", "https://hooks.example.org/" + "a" * 500: "string_too_long",
    }  # fmt: skip
    assert await reasons(world, others) == others
    assert await world.count("endpoint") == 0


@ONE
@pytest.mark.hard_case(22)
async def test_an_address_is_kept_in_one_form(world: World) -> None:
    kept = {
        HOOK: HOOK,
        "HTTPS://Hooks.Example.ORG/Ruta?To=A%2fB": "https://hooks.example.org/Ruta?To=A%2fB",
        "  https://hooks.example.org:8443  ": "https://hooks.example.org:8443",
        "https://xn--mxico-bsa.example.org:443/?": "https://xn--mxico-bsa.example.org:443/?",
        "https://[2A00:1450:4001:81B::200E]/x": "https://[2a00:1450:4001:81b::200e]/x",
    }
    assert await reasons(world, kept) == kept


NOT_PUBLIC = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "10.0.0.8", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "224.0.0.1", "[ff0e::1]",
    "255.255.255.255", "localhost", "db.localhost",
)  # fmt: skip


@ONE
@pytest.mark.hard_case(20)
async def test_an_address_that_is_not_public_is_refused_whatever_its_form(world: World) -> None:
    urls = [f"https://{host}/" for host in NOT_PUBLIC]
    assert await reasons(world, urls) == dict.fromkeys(urls, "not_public")


async def test_an_owner_has_ten_endpoints_at_most(world: World) -> None:
    made = await asyncio.gather(*(call(world, "POST", PATH, {"url": NOWHERE}) for _ in range(MOST_ENDPOINTS + 2)))
    assert sorted(answer.status_code for answer in made) == [201] * MOST_ENDPOINTS + [409] * 2
    assert await world.count("endpoint") == MOST_ENDPOINTS
    await register(world, claims=DIF)
    (one, *_) = [answer.json()["id"] for answer in made if answer.status_code == 201]
    assert (await call(world, "DELETE", f"{PATH}/{one}")).status_code == 204
    await register(world)
    assert (await call(world, "POST", PATH, {"url": NOWHERE})).json()["code"] == "conflict"


# -- who may ---------------------------------------------------------------------------------------


async def test_nobody_learns_of_the_endpoints_of_another_owner(world: World) -> None:
    made = await register(world)
    key_id = made["keys"][0]["id"]
    own = f"{PATH}/{made['id']}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", own, None), ("PATCH", own, ('"v1"', {"cap": 1})), ("DELETE", own, None), ("GET", f"{own}/keys", None),
        ("POST", f"{own}/keys", {"scheme": "v1"}), ("POST", f"{own}/keys/{key_id}/revoke", None),
        *(("POST", f"{own}/{step}", None) for step in ("pause", "resume", "verify", "test")),
    ]  # fmt: skip
    for method, path, body in calls:
        theirs = await call(world, method, path, body, **DIF)
        nobodys = await call(world, method, path.replace(made["id"], NOBODY), body, **DIF)
        assert (theirs.status_code, nobodys.status_code) == (404, 404), path
        assert theirs.json() | {"request_id": ""} == nobodys.json() | {"request_id": ""}
    assert (await call(world, "GET", PATH, **DIF)).json()["items"] == []
    assert (await call(world, "GET", PATH)).json()["items"] == [await read(world, made["id"])]


async def test_operators_see_every_endpoint_outside_and_look_after_it(world: World) -> None:
    made = await register(world)
    await world.owner("service:intake", "http://intake")
    (shown,) = (await call(world, "GET", PATH, **OPERATOR)).json()["items"]
    assert (shown["id"], shown["owner"], shown["allowed_actions"]) == (made["id"], "inm-chp", ["pause", "verify"])
    for step, state in (("verify", "pending"), ("pause", "paused"), ("resume", "pending")):
        assert (await act(world, made["id"], step, **OPERATOR)).json()["state"] == state
    assert (await call(world, "GET", f"{PATH}/{made['id']}/keys", **OPERATOR)).status_code == 200


async def test_operators_change_nothing_that_is_its_owners(world: World) -> None:
    made = await register(world)
    own = f"{PATH}/{made['id']}"
    refused: list[tuple[str, str, Any]] = [
        ("POST", PATH, {"url": NOWHERE}), ("PATCH", own, ('"v1"', {"cap": 1})), ("DELETE", own, None),
        ("POST", f"{own}/test", None), ("POST", f"{own}/keys", {"scheme": "v1"}),
        ("POST", f"{own}/keys/{made['keys'][0]['id']}/revoke", None),
    ]  # fmt: skip
    for method, path, body in refused:
        assert (await call(world, method, path, body, **OPERATOR)).json()["code"] == "forbidden", path
    assert await read(world, made["id"]) == {name: made[name] for name in made if name not in ("keys", "secret")}


@ONE
async def test_only_the_kinds_that_a_service_names_may_register(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path, kinds=("DIF", "OPERATOR")) as world:
        assert (await call(world, "POST", PATH, {"url": NOWHERE})).status_code == 403
        assert (await call(world, "POST", PATH, {"url": NOWHERE}, **OPERATOR)).status_code == 403
        assert (await register(world, claims=DIF))["owner"] == "dif-chp"
        assert (await call(world, "GET", PATH)).status_code == 200


@ONE
@pytest.mark.parametrize("scope", ["referral:read", "intake:write"])
async def test_to_write_takes_the_scope_to_write(world: World, scope: str) -> None:
    made = await register(world)
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{made['id']}"), ("DELETE", f"{PATH}/{made['id']}")):
        assert (await call(world, method, path, {}, scope=scope)).status_code == 403
    assert (await act(world, made["id"], "pause", scope=scope)).status_code == 403


# -- mutual TLS ------------------------------------------------------------------------------------


@ONE
async def test_a_receiver_sees_the_certificate_by_which_it_knows_us_and_no_key(world: World, tmp_path: Path) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nTUVO\n-----END CERTIFICATE-----\n"
    file = tmp_path / "client.pem"
    file.write_text("Subject: Ruta\n" + certificate + testing.private_pem().decode() + certificate)
    strict(world, webhook_certificate_file=file)
    made = await register(world, HOOK, mutual_tls=True)
    assert (await read(world, made["id"]))["client_certificate"] == certificate * 2
    assert (await register(world, HOOK))["client_certificate"] is None
