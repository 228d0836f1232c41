"""Commands that work on this machine: the first two administrators, a sandbox's clients, key pairs."""

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import administration, rules, service
from gateway.clients.schemas import ClientIn
from shared import ids, jwt, settings
from shared.db import Database
from shared.settings import Settings

CHANGEABLE = {
    "role": "what the client acts as, such as officer",
    "scopes": 'scopes with spaces between them, such as "referral:read referral:write"',
    "office": "the office's id, where the agency has several",
    "state": "ISO 3166-2, such as MX-CHP",
}
_FIXED = {
    "agency": "the agency's id, such as pp-chp",
    "kind": "the agency's kind, such as PP, DIF, INM, COMAR, CONSULATE",
    "country": "ISO 3166-1 alpha-3, consulates only, fixed from here on",
    "person": "administrators only: staff number of whose client it is",
}
_REQUIRED = ("agency", "kind", "role", "scopes")
_NOT_IN_PRODUCTION = (
    "`clients add` writes past the administrators, so it works in a sandbox only. In production an administrator "
    "registers clients: python -m gateway clients register --url … --as … --key …; the first two administrators are "
    "made by: python -m gateway administrators bootstrap"
)


def describe_client(command: argparse.ArgumentParser) -> None:
    """Add what a client is to a command that registers one."""
    for name, meaning in (_FIXED | CHANGEABLE).items():
        command.add_argument(f"--{name}", required=name in _REQUIRED, help=meaning)


def describe_add(commands: Any) -> None:
    """Add the sandbox's own way to register a client."""
    add = commands.add_parser("add", help="sandbox only: register a client in the database itself")
    add.set_defaults(work=_add)
    add.add_argument("id")
    describe_client(add)
    proof = add.add_mutually_exclusive_group(required=True)
    proof.add_argument("--jwk", type=Path, help="file with its public EC P-256 key: a JWK, or a JWK set of two")
    proof.add_argument("--secret", action="store_true", help="make a secret and print it once")


def client_fields(given: argparse.Namespace) -> dict[str, Any]:
    """Return what a command line says of a client, as the API calls it."""
    fields = {name: getattr(given, name) for name in ("agency", "office", "state", "role", "country", "person")}
    said = {name: value for name, value in fields.items() if value is not None}
    return said | {"agency_kind": given.kind, "scopes": given.scopes.split()}


def public_keys(file: Path) -> list[dict[str, Any]]:
    """Read a JWK or a JWK set. Raises ValueError or OSError."""
    content = json.loads(file.read_bytes())
    keys = content.get("keys", [content]) if isinstance(content, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError(f"{file} holds neither a JWK nor a JWK set.")
    return [rules.public_part(key) for key in keys]  # a private key goes nowhere, not even to the gateway


def make_key(given: argparse.Namespace) -> str:
    """Write a fresh private key that its owner alone may read, and return its public half."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(given.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return json.dumps(rules.public_part(jwt.to_jwk(private.public_key())), indent=2)


def bootstrap(given: argparse.Namespace) -> str:
    """Register the first two administrators, each with one key."""
    if len(given.id) != 2 or len(given.key) != 2:
        raise ValueError("Name exactly two administrators: --id A --key a.jwk --id B --key b.jwk")
    new = [_administrator(given.agency, *each) for each in zip(given.id, given.key, strict=True)]

    async def work(session: AsyncSession, _: Settings) -> str:
        first, second = await administration.bootstrap(session, new)
        return f"{first.id} and {second.id} administer the gateway. Their keys count for {rules.KEY_LIFE.days} days."

    return _in_transaction(work)


def _administrator(agency: str, client_id: str, file: Path) -> ClientIn:
    return ClientIn(
        id=client_id, agency=agency, agency_kind=rules.OPERATOR, role="administrator", scopes=[rules.ADMIN],
        keys=public_keys(file), person=client_id,
    )  # fmt: skip


def _add(given: argparse.Namespace) -> str:
    new = ClientIn(id=given.id, keys=public_keys(given.jwk) if given.jwk else [], **client_fields(given))
    secret = ids.token() if given.secret else None

    async def work(session: AsyncSession, current: Settings) -> str:
        client = await service.register(session, current, new, secret=secret)
        said = f"{client.id} is registered for {client.agency}."
        return said if secret is None else f"{said}\nIts secret, shown only now: {secret}"

    if settings.load().environment != "sandbox":
        raise ValueError(_NOT_IN_PRODUCTION)
    return _in_transaction(work)


def _in_transaction(work: Callable[[AsyncSession, Settings], Awaitable[str]]) -> str:
    current = settings.load()
    current.refuse_unsafe()
    return asyncio.run(_run(current, work))


async def _run(current: Settings, work: Callable[[AsyncSession, Settings], Awaitable[str]]) -> str:
    database = Database(current.database_url, pool_size=1)
    try:
        async with database.work() as session:
            return await work(session, current)
    finally:
        await database.close()
