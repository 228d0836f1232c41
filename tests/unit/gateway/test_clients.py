"""What a client is, and registering one in a sandbox, on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway import __main__ as program
from gateway.clients import rules, service, store
from gateway.clients.models import Suspension
from gateway.clients.rules import Reason, Subject
from gateway.clients.schemas import ClientIn
from shared import clock, jwt, settings, testing
from shared.db import Database
from shared.errors import Conflict, NotFound
from shared.settings import Settings

GOOD: dict[str, Any] = {
    "id": "dif-chp", "agency": "dif-chp", "agency_kind": "DIF", "role": "officer", "scopes": ["referral:read"]
}  # fmt: skip

MANY = [f"intake:{'x' * 20}{first}{second}" for first in "abcdefgh" for second in "abcdefgh"]


def jwk(**more: Any) -> dict[str, Any]:
    return jwt.Signer(testing.private_pem(), "x").public_jwk() | more


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Ñ"}, {"id": "a"}, {"id": "a b"}, {"agency_kind": "SERVICE"}, {"agency_kind": "dif"}, {"role": ""},
        {"state": "CHP"}, {"country": "HND"}, {"agency_kind": "CONSULATE"},
        {"country": "XXX", "agency_kind": "CONSULATE"},
        {"agency": "referral"}, {"agency": "system"}, {"id": "me"}, {"id": "system"}, {"agency": "con-hnd-tapachula"},
        {"scopes": ["gateway:admin"]}, {"scopes": ["gateway:admin"], "person": "ana"}, {"person": "ana"},
        {"scopes": ["gateway:read"]},
        {"agency_kind": "OPERATOR", "scopes": ["gateway:admin"]},
        {"agency_kind": "CONSULATE", "country": "HND", "scopes": ["consular:read", "referral:read"]},
        {"scopes": []}, {"scopes": ["all"]}, {"scopes": ["a:b c:d"]}, {"scopes": MANY},
        {"keys": [jwk(d="x")]}, {"keys": [jwk(kty="RSA")]}, {"keys": [jwk(crv="P-384")]}, {"keys": [jwk(kid="")]},
        {"keys": [jwk(kid="a\tb")]},
        {"keys": [jwk(x="AAAA")]}, {"keys": [jwk(), jwk(), jwk()]}, {"keys": [jwk(kid="a"), jwk(kid="a")]},
        {"keys": ["x"]}, {"unknown": 1},
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_not_a_client_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClientIn.model_validate(GOOD | wrong)


def test_only_the_public_members_of_a_key_are_kept() -> None:
    kept = ClientIn.model_validate(GOOD | {"keys": [jwk(x5u="http://evil.example", jku="x")]}).keys[0]
    assert set(kept) == {"kty", "crv", "x", "y", "kid"}


async def test_a_client_is_registered_once_and_its_secret_is_not_kept(stored: Settings) -> None:
    database = Database(stored.database_url)
    async with database.work() as session:
        made = await service.register(session, stored, ClientIn.model_validate(GOOD), secret="s" * 40)
        assert made.secret_hash == rules.digest_of("s" * 40) != b"s" * 40
    with pytest.raises(Conflict):
        async with database.work() as session:
            await service.register(session, stored, ClientIn.model_validate(GOOD | {"keys": [jwk()]}))
    await database.close()


async def test_a_client_needs_a_key_and_production_takes_nothing_else(stored: Settings) -> None:
    database = Database(stored.database_url)
    production = stored.model_copy(update={"environment": "production"})
    for current, secret in ((stored, None), (stored, "short"), (production, "s" * 40), (production, None)):
        with pytest.raises(ValueError, match=r"secret|key"):
            async with database.work() as session:
                await service.register(session, current, ClientIn.model_validate(GOOD), secret=secret)
    async with database.work() as session:
        assert await service.everyone(session) == []
        with pytest.raises(NotFound):
            await service.disable(session, "nobody")
    await database.close()


@pytest.fixture
def commands(stored: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(settings, "load", lambda: stored)
    return stored


def add(*more: str) -> list[str]:
    base = ["clients", "add", "dif-chp", "--agency", "dif-chp", "--kind", "DIF", "--role", "officer"]
    return [*base, "--scopes", "referral:read referral:write", *more]


def test_a_sandbox_secret_is_shown_once_and_is_long(commands: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    program.run(add("--secret"))
    said = capsys.readouterr().out
    assert said.startswith("dif-chp is registered for dif-chp.")
    assert len(said.rsplit(" ", 1)[1].strip()) >= 43


def test_what_was_typed_wrong_is_said(commands: Settings, tmp_path: Path) -> None:
    private = tmp_path / "private.json"
    private.write_text(json.dumps(jwk(d="x")))
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    for file, said in ((private, "private key"), (broken, "neither a JWK"), (tmp_path / "none", "No such file")):
        with pytest.raises(SystemExit, match=said):
            program.run(add("--jwk", str(file)))
    with pytest.raises(SystemExit, match=r"/state"):
        program.run(add("--secret", "--state", "CHP"))
    program.run(add("--secret"))
    with pytest.raises(SystemExit, match="registered already"):
        program.run(add("--secret"))


async def test_who_is_disabled_or_suspended_may_have_no_tokens(stored: Settings) -> None:
    database = Database(stored.database_url)
    for subject, kind in (("dif-chp", Subject.CLIENT), ("dif-agency", Subject.AGENCY)):
        async with database.work() as session:
            fields = {"id": f"{subject}-{kind}", "agency": f"dif-{kind}", "keys": [jwk()]}
            client = await service.register(session, stored, ClientIn.model_validate(GOOD | fields))
            assert await service.may_have_tokens(session, client, clock.now())
            other = {"id": f"other-{kind}", "agency": "other", "keys": [jwk()]}
            bystander = await service.register(session, stored, ClientIn.model_validate(GOOD | other))
            name = client.id if kind is Subject.CLIENT else client.agency
            common: dict[str, Any] = {"reason": Reason.MISUSE, "since": clock.now(), "by": "x"}
            session.add(suspension := Suspension(id=f"sus-{kind}", kind=kind, subject=name, **common))
            crossed = Subject.AGENCY if kind is Subject.CLIENT else Subject.CLIENT
            session.add(Suspension(id=f"sus-x-{kind}", kind=crossed, subject=bystander.id + "x", **common))
            await session.flush()
            assert not await service.may_have_tokens(session, client, clock.now())
            assert await service.may_have_tokens(session, bystander, clock.now())
            suspension.lifted_at = clock.now()
            await session.flush()
            assert await service.may_have_tokens(session, client, clock.now())
            await service.disable(session, client.id)
            assert not await service.may_have_tokens(session, client, clock.now())
    await database.close()


async def test_the_scope_of_administrators_makes_nobody_one_but_the_operators_clients(stored: Settings) -> None:
    database = Database(stored.database_url)
    async with database.work() as session:
        admin = {"agency_kind": "OPERATOR", "scopes": ["gateway:admin"], "person": "ana", "keys": [jwk()]}
        client = await service.register(session, stored, ClientIn.model_validate(GOOD | admin))
        assert await service.administers(session, client, clock.now())
        client.agency_kind = "DIF"  # 0.2.0 would have registered it
        assert not await service.administers(session, client, clock.now())
    await database.close()


async def test_a_lookup_of_nobody_finds_nobody(stored: Settings) -> None:
    database = Database(stored.database_url)
    async with database.work(write=False) as session:
        assert await store.find(session, "-") is None
    await database.close()
