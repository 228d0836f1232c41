"""`python -m gateway clients add | list | disable`: how an administrator registers partners."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import service
from gateway.clients.models import Client
from gateway.clients.schemas import ClientIn
from shared import ids, problems, settings
from shared.db import Database
from shared.errors import Refusal
from shared.settings import Settings

Work = Callable[[AsyncSession, Settings], Awaitable[str]]


def main(argv: Sequence[str]) -> None:
    """Run one command; ends with a message and exit code 1 when it is refused."""
    given = _parser().parse_args(argv)
    current = settings.load()
    current.refuse_unsafe()
    try:
        print(asyncio.run(_in_transaction(current, _work(given))))
    except ValidationError as error:
        sys.exit("\n".join(f"{fault.pointer or '/'}: {fault.reason}" for fault in problems.faults(error)))
    except (Refusal, ValueError, OSError) as error:
        sys.exit(str(error))


async def _in_transaction(current: Settings, work: Work) -> str:
    database = Database(current.database_url, pool_size=1)
    try:
        async with database.work() as session:
            return await work(session, current)
    finally:
        await database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway clients", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="register a client")
    add.add_argument("id")
    for name, meaning in _TEXTS.items():
        add.add_argument(f"--{name}", required=name in _REQUIRED, help=meaning)
    proof = add.add_mutually_exclusive_group(required=True)
    proof.add_argument("--jwk", type=Path, help="file with its public EC P-256 key: a JWK, or a JWK set of two")
    proof.add_argument("--secret", action="store_true", help="sandbox only: make a secret and print it once")
    commands.add_parser("list", help="list every client")
    commands.add_parser("disable", help="give a client no more tokens").add_argument("id")
    return parser


_TEXTS = {
    "agency": "the agency's id, such as pp-chp",
    "kind": "the agency's kind, such as PP, DIF, INM, COMAR, CONSULATE",
    "role": "what the client acts as, such as officer",
    "scopes": 'scopes with spaces between them, such as "referral:read referral:write"',
    "office": "the office's id, where the agency has several",
    "state": "ISO 3166-2, such as MX-CHP",
    "country": "ISO 3166-1 alpha-3, consulates only, fixed from here on",
}
_REQUIRED = ("agency", "kind", "role", "scopes")


def _work(given: argparse.Namespace) -> Work:
    if given.command == "list":
        return _list
    if given.command == "disable":
        return lambda session, _: _disable(session, given.id)
    return lambda session, current: _add(session, current, given)


async def _add(session: AsyncSession, current: Settings, given: argparse.Namespace) -> str:
    fields: dict[str, Any] = {name: getattr(given, name) for name in ("id", "agency", "office", "state", "role")}
    new = ClientIn(
        **fields, agency_kind=given.kind, country=given.country, scopes=given.scopes.split(), keys=_keys(given.jwk)
    )
    secret = ids.token() if given.secret else None
    client = await service.register(session, current, new, secret=secret)
    said = f"{client.id} is registered for {client.agency}."
    return said if secret is None else f"{said}\nIts secret, shown only now: {secret}"


def _keys(file: Path | None) -> list[dict[str, Any]]:
    if file is None:
        return []
    content = json.loads(file.read_bytes())
    keys = content.get("keys", [content]) if isinstance(content, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError(f"{file} holds neither a JWK nor a JWK set.")
    return keys


async def _list(session: AsyncSession, _: Settings) -> str:
    return "\n".join(_line(client) for client in await service.everyone(session)) or "No client is registered."


def _line(client: Client) -> str:
    place = "/".join(part for part in (client.office, client.state, client.country) if part) or "-"
    proof = ",".join(key["kid"] for key in client.jwks["keys"]) or "secret"
    state = f"disabled {client.disabled_at:%Y-%m-%dT%H:%MZ}" if client.disabled_at else "active"
    parts = (client.id, state, client.agency, client.agency_kind, client.role, place, proof, " ".join(client.scopes))
    return "\t".join(parts)


async def _disable(session: AsyncSession, client_id: str) -> str:
    client = await service.disable(session, client_id)
    return f"{client.id} gets no more tokens."
