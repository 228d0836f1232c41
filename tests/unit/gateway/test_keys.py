"""The keys that sign tokens: switched by plan without anybody noticing, and at once when one was stolen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.clients import service as clients
from gateway.clients.models import Client
from gateway.keys import rules, service, store
from gateway.keys.models import SigningKey
from gateway.keys.rules import KeyState, Reason
from shared import audit, clock, testing
from shared.audit import AuditEntry
from shared.auth import ACCESS_LIFE
from shared.errors import Conflict
from shared.jwt import Signer
from shared.runtime import Runtime
from shared.settings import Settings
from shared.testing import Keys
from shared.trust.standing import OLDEST
from tests.unit.gateway.issuing import KEY_PEM, Server, new_client, serve

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what is the same rule whichever database holds the rows."""
ADMIN = clients.SYSTEM


@pytest.fixture
async def server(stored: Settings) -> AsyncIterator[Server]:
    with clock.at(NOW):
        made = await serve(stored)
        yield made
        await made.runtime.close()


async def rotate(server: Server, *, compromised: bool = False) -> None:
    async with server.runtime.database.work() as session:
        reason = Reason.KEY_COMPROMISED if compromised else Reason.PLANNED
        await service.rotate(session, server.runtime, ADMIN, compromised=compromised, reason=reason)


async def upkeep(server: Server) -> None:
    async with server.runtime.database.work() as session:
        await service.upkeep(session, server.runtime)


async def kept(server: Server) -> dict[str, SigningKey]:
    async with server.runtime.database.work(write=False) as session:
        return {key.kid: key for key in (await session.exec(select(SigningKey))).all()}


async def states(server: Server) -> list[str]:
    return sorted(key.state for key in (await kept(server)).values())


async def published(server: Server) -> set[str]:
    async with testing.client(server.app) as client:
        return {key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]}


async def test_the_first_key_is_that_of_the_file_and_the_next_one_is_published_with_it(
    server: Server, keys: Keys
) -> None:
    found = await kept(server)
    assert found[keys.signers["gateway"].kid].state is KeyState.CURRENT
    assert await states(server) == ["current", "next"]
    assert await published(server) == found.keys()


@ONE_DATABASE
async def test_a_private_key_is_kept_sealed_and_only_as_long_as_it_signs(server: Server, keys: Keys) -> None:
    for key in (await kept(server)).values():
        assert key.private is not None
        assert b"PRIVATE KEY" not in key.private
        assert "d" not in key.public
    clock.advance(DAY)
    await rotate(server)
    assert (await kept(server))[keys.signers["gateway"].kid].private is None


async def test_a_planned_switch_waits_until_the_next_key_was_published_for_a_day(server: Server) -> None:
    clock.advance(DAY - SECOND)
    with pytest.raises(Conflict, match="may sign from 2026-11-23T12:00Z"):
        await rotate(server)
    assert await states(server) == ["current", "next"]
    clock.advance(SECOND)
    await rotate(server)
    assert await states(server) == ["current", "next", "previous"]


@ONE_DATABASE
async def test_planned_switches_refuse_nobody_whichever_gateway_signs_or_verifies(server: Server) -> None:
    """Two gateways that look at the database at different times; every token is good to its last second."""
    second = await Server.started(server.runtime.settings)
    alive: list[tuple[str, datetime]] = []
    signed_by: set[str] = set()
    for _ in range(3):
        clock.advance(30 * DAY)
        alive.clear()
        for step in range(8):
            if step == 2:
                await rotate(server)
            if step == 3:
                await server.looks()
            clock.advance(1.9 * SECOND if step < 5 else 0.98 * ACCESS_LIFE / 3)
            for gateway in (server, second):
                if step != 2:  # between the switch and its next look, a gateway signs with the key before
                    await gateway.looks()
                token = await gateway.token()
                signed_by.add(gateway.runtime.signer.kid)
                alive.append((token, clock.now() + ACCESS_LIFE))
            for token, until in alive:
                if clock.now() < until:
                    assert [await server.takes(token), await second.takes(token)] == ["ok", "ok"]
        await upkeep(server)
    assert len(signed_by) == 4
    await second.runtime.close()


async def test_the_previous_key_is_removed_once_its_last_token_has_expired(server: Server, keys: Keys) -> None:
    first = keys.signers["gateway"].kid
    clock.advance(DAY)
    await server.looks()
    await rotate(server)
    clock.advance(OLDEST)
    last = await server.token()  # it has not looked since: after this second it would sign nothing
    clock.advance(rules.PREVIOUS_LIFE - OLDEST - SECOND)
    await upkeep(server)
    await server.looks()
    assert first in await published(server)
    assert await server.takes(last) == "unauthenticated", "it has expired by then"
    clock.advance(-6 * SECOND)
    await server.looks()
    assert await server.takes(last) == "ok", "and counted to its last second"
    clock.advance(7 * SECOND)
    await server.looks()
    assert first not in await published(server), "without waiting for the upkeep"
    await upkeep(server)
    assert await states(server) == ["current", "next", "removed"]
    assert (await kept(server))[first].removed_at == clock.now()


async def test_of_a_stolen_key_nothing_counts_and_nobody_else_notices(server: Server, keys: Keys) -> None:
    """T20"""
    second = await Server.started(server.runtime.settings)
    clock.advance(DAY)
    await rotate(server)
    for gateway in (server, second):
        await gateway.looks()
    older = keys.signers["gateway"].sign
    honest = older(_claims(), typ="at+jwt", life=ACCESS_LIFE)  # by the key before: it was not stolen
    stolen = await server.token()
    await rotate(server, compromised=True)
    assert await states(server) == ["current", "next", "previous", "removed"]
    for gateway in (server, second):
        await gateway.looks()
        assert await gateway.takes(stolen) == "unauthenticated"
        assert await gateway.takes(honest) == "ok"
        assert await second.takes(await gateway.token()) == "ok"
    (removed,) = [key for key in (await kept(server)).values() if key.state is KeyState.REMOVED]
    assert removed.kid not in await published(second)
    assert removed.private is None
    await rotate(server, compromised=True)  # and again at once: the next key never has to wait for it
    await server.looks()
    assert await server.takes(await server.token()) == "ok"
    await second.runtime.close()


def _claims() -> dict[str, Any]:
    return {
        "aud": "ruta", "sub": "pp-chp-system", "client_id": "pp-chp-system", "jti": "j", "scope": "referral:read",
        "agency": "pp-chp", "agency_kind": "PP", "role": "officer",
    }  # fmt: skip


async def test_keys_are_switched_by_themselves_after_thirty_days(server: Server, keys: Keys) -> None:
    clock.advance(30 * DAY - SECOND)
    await upkeep(server)
    assert await states(server) == ["current", "next"]
    clock.advance(SECOND)
    await upkeep(server)
    await upkeep(server)
    assert await states(server) == ["current", "next", "previous"]
    (row,) = await audited(server)
    assert (row.client_id, row.details) == (
        "system", {"replaced": keys.signers["gateway"].kid, "compromised": False, "reason": "planned"}
    )  # fmt: skip


@ONE_DATABASE
async def test_a_switch_that_is_due_waits_for_a_next_key_that_is_too_young(server: Server) -> None:
    clock.advance(30 * DAY - 2 * SECOND)
    await rotate(server, compromised=True)
    async with server.runtime.database.work() as session:
        for key in await store.kept(session):
            if key.state is KeyState.CURRENT:
                key.current_since = NOW - 60 * DAY
    await upkeep(server)
    assert await states(server) == ["current", "next", "removed"]
    clock.advance(DAY)
    await upkeep(server)
    assert await states(server) == ["current", "next", "previous", "removed"]


async def audited(server: Server) -> list[AuditEntry]:
    async with server.runtime.database.work(write=False) as session:
        return list((await session.exec(select(AuditEntry).where(AuditEntry.action == "rotate"))).all())


async def test_gateways_that_begin_or_switch_together_do_it_once(stored: Settings) -> None:
    with clock.at(NOW):
        several = [Server(Runtime.build(stored)) for _ in range(3)]
        await asyncio.gather(*(each.looks() for each in several))
        assert await states(several[0]) == ["current", "next"]
        assert len({each.runtime.signer.kid for each in several}) == 1
        clock.advance(30 * DAY)
        await asyncio.gather(*(upkeep(each) for each in several))
        assert await states(several[0]) == ["current", "next", "previous"]
        assert len(await audited(several[0])) == 1
        for each in several:
            await each.runtime.close()


async def test_a_switch_that_fails_has_not_happened(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_audit(*_: Any, **__: Any) -> None:
        raise RuntimeError

    before = await kept(server)
    with monkeypatch.context() as patched:
        patched.setattr(audit, "wrote", no_audit)
        with pytest.raises(RuntimeError):
            await rotate(server, compromised=True)
    assert {kid: key.state for kid, key in (await kept(server)).items()} == {
        kid: key.state for kid, key in before.items()
    }


@ONE_DATABASE
async def test_after_a_switch_the_key_file_is_history(server: Server) -> None:
    await rotate(server, compromised=True)
    restarted = await Server.started(server.runtime.settings)
    current = [key.kid for key in (await kept(server)).values() if key.state is KeyState.CURRENT]
    assert [restarted.runtime.signer.kid] == current
    await server.looks()
    assert await server.takes(await restarted.token()) == "ok"
    await restarted.runtime.close()


# -- over HTTP -------------------------------------------------------------------------------------------


async def admin_token(server: Server, **more: Any) -> str:
    fields = {"id": "ops-one", "agency": "ruta-operations", "agency_kind": "OPERATOR", "state": None,
              "scopes": ["gateway:admin"], "person": "p-1"} | more  # fmt: skip
    async with server.runtime.database.work() as session:
        await clients.register(session, server.runtime.settings, new_client(**fields))
    return await server.token(_as(fields["id"]))


def _as(client_id: str) -> Signer:
    return Signer(KEY_PEM, client_id)


@ONE_DATABASE
async def test_an_administrator_sees_the_keys_and_switches_them(server: Server) -> None:
    async with testing.client(server.app, await admin_token(server)) as admin:
        listed = (await admin.get("/v1/gateway/signing-keys")).json()["items"]
        assert sorted(key["state"] for key in listed) == ["current", "next"]
        assert all(
            set(key) == {"kid", "state", "made_at", "current_since", "retired_at", "removed_at"} for key in listed
        )
        body = {"compromised": False, "reason": "staff_changed"}
        early = await admin.post("/v1/gateway/signing-keys/rotate", json=body, headers=testing.key())
        assert (early.status_code, early.json()["code"]) == (409, "conflict")
        clock.advance(DAY)
    await server.looks()
    async with testing.client(server.app, await server.token(_as("ops-one"))) as admin:
        done = await admin.post("/v1/gateway/signing-keys/rotate", json=body, headers=testing.key())
        assert done.status_code == 200, done.text
        assert sorted(key["state"] for key in done.json()["items"]) == ["current", "next", "previous"]
    (row,) = await audited(server)
    assert row.client_id == "ops-one"
    assert row.details is not None
    assert row.details["reason"] == "staff_changed"


@ONE_DATABASE
async def test_nobody_else_does(server: Server) -> None:
    async with testing.client(server.app, await server.token()) as partner:
        assert (await partner.get("/v1/gateway/signing-keys")).status_code == 403
        body = {"compromised": True, "reason": "drill"}
        answer = await partner.post("/v1/gateway/signing-keys/rotate", json=body, headers=testing.key())
        assert answer.status_code == 403
    async with testing.client(server.app) as stranger:
        assert (await stranger.get("/v1/gateway/signing-keys")).status_code == 401
    assert await states(server) == ["current", "next"]


@ONE_DATABASE
async def test_nor_does_an_administrator_who_was_stopped_since_the_token_was_issued(server: Server) -> None:
    token = await admin_token(server)
    async with server.runtime.database.work() as session:
        client = await session.get(Client, "ops-one")
        assert client is not None
        client.disabled_at = clock.now()
    async with testing.client(server.app, token) as admin:
        body = {"compromised": True, "reason": "drill"}
        answer = await admin.post("/v1/gateway/signing-keys/rotate", json=body, headers=testing.key())
        assert answer.status_code == 403, answer.text
    assert await states(server) == ["current", "next"]
