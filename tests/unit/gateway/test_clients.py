"""Registering partners, on both databases: by code and by the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway import __main__ as program
from gateway.clients import rules, service, store
from gateway.clients.schemas import ClientIn
from shared import jwt, settings, testing
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
        {"agency": "referral"}, {"agency": "system"},
        {"agency_kind": "CONSULATE", "country": "HND", "scopes": ["consular:read", "referral:read"]},
        {"scopes": []}, {"scopes": ["all"]}, {"scopes": ["a:b c:d"]}, {"scopes": MANY},
        {"keys": [jwk(d="x")]}, {"keys": [jwk(kty="RSA")]}, {"keys": [jwk(crv="P-384")]}, {"keys": [jwk(kid="")]},
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


def test_an_administrator_adds_lists_and_disables_clients(
    commands: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = jwk()
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"keys": [public]}))
    program.run(["clients", "list"])
    program.run(add("--jwk", str(file), "--state", "MX-CHP"))
    program.run(["clients", "list"])
    program.run(["clients", "disable", "dif-chp"])
    program.run(["clients", "list"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "No client is registered."
    assert lines[1] == "dif-chp is registered for dif-chp."
    assert lines[2].split("\t") == [
        "dif-chp", "active", "dif-chp", "DIF", "officer", "MX-CHP", public["kid"], "referral:read referral:write"
    ]  # fmt: skip
    assert lines[4].split("\t")[1].startswith("disabled 20")


def test_a_sandbox_secret_is_shown_once_and_is_long(commands: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    program.run(add("--secret"))
    secret = capsys.readouterr().out.rsplit(" ", 1)[1].strip()
    assert len(secret) >= 43
    program.run(["clients", "list"])
    assert secret not in capsys.readouterr().out


def test_what_an_administrator_got_wrong_is_said(commands: Settings, tmp_path: Path) -> None:
    private = tmp_path / "private.json"
    private.write_text(json.dumps(jwk(d="x")))
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    for file, said in ((private, "/keys/0"), (broken, "neither a JWK"), (tmp_path / "none", "No such file")):
        with pytest.raises(SystemExit, match=said):
            program.run(add("--jwk", str(file)))
    with pytest.raises(SystemExit, match=r"not_found"):
        program.run(["clients", "disable", "nobody"])
    program.run(add("--secret"))
    with pytest.raises(SystemExit, match="registered already"):
        program.run(add("--secret"))


async def test_a_lookup_of_nobody_finds_nobody(stored: Settings) -> None:
    database = Database(stored.database_url)
    async with database.work(write=False) as session:
        assert await store.find(session, "-") is None
    await database.close()
