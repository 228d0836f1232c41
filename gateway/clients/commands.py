"""Administer the gateway.

Two ways, and no third:

  Against a running gateway, as an administrator with a key of his own:
      clients | suspensions | changes … --url https://ruta.example.mx --as <your client id> --key <your PEM file>
  What gives rights to a consulate or to an administrator waits then for a second administrator.

  On the database itself, by whoever runs the installation, only while no administrator can act:
      administrators bootstrap --id A --key a.jwk --id B --key b.jwk
  It registers the first two administrators. The settings RUTA_… say which database.

`keys make <file>` makes the key pair that either way asks for. `clients add` writes to the database
of a sandbox, and of nothing else.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.clients import local
from gateway.clients.remote import Gateway, Refused, segment
from gateway.clients.rules import Decision, Reason, State, Subject
from shared import problems
from shared.errors import Refusal

GROUPS = ("clients", "suspensions", "changes", "administrators", "keys")
Work = Callable[[argparse.Namespace], str]


def main(argv: Sequence[str]) -> None:
    """Run one command; ends with a message and exit code 1 when it is refused."""
    given = _parser().parse_args(argv)
    work: Work = given.work
    try:
        print(work(given))
    except ValidationError as error:
        sys.exit("\n".join(f"{fault.pointer or '/'}: {fault.reason}" for fault in problems.faults(error)))
    except (Refused, Refusal, ValueError, OSError) as error:
        sys.exit(str(error))


# -- the command line ----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__, formatter_class=plain)
    groups = parser.add_subparsers(dest="group", required=True)
    for name, add, meaning in (
        ("clients", _add_clients, "register, change, disable clients"),
        ("suspensions", _add_suspensions, "stop a client or an agency at once, and let it in again"),
        ("changes", _add_changes, "what waits for a second administrator"),
        ("administrators", _add_bootstrap, "the first two, on the database"),
        ("keys", _add_keys, "make a key pair"),
    ):
        group = groups.add_parser(name, help=meaning, description=__doc__, formatter_class=plain)
        add(group.add_subparsers(dest="command", required=True))
    return parser


def _remote(commands: Any, name: str, meaning: str, work: Work, *, why: bool = False) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=meaning, description=meaning)
    command.set_defaults(work=work)
    command.add_argument("--url", required=True, help="the gateway's public address, such as https://ruta.example.mx")
    command.add_argument("--as", required=True, dest="administrator", metavar="ID", help="the id of your own client")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the file of your own private key")
    if why:
        command.add_argument("--reason", required=True, choices=[each.value for each in Reason])
        command.add_argument("--reference", help="number of the letter or ticket that says more; never a name")
        command.add_argument("--repeat", default="", metavar="KEY", help="the key of a command whose answer got lost")
    return command


def _add_clients(commands: Any) -> None:
    _remote(commands, "list", "List every client.", _list_clients)
    _remote(commands, "show", "Show a client.", _get("/clients/{id}")).add_argument("id")
    _remote(commands, "me", "Show your own client.", _get("/clients/me"))
    register = _remote(commands, "register", "Register a client.", _register, why=True)
    register.add_argument("id")
    local.describe_client(register)
    register.add_argument("--jwk", type=Path, required=True, help="file with its public key: a JWK, or a set of two")
    register.add_argument("--dpop", action="store_true", help="bind its tokens to a key (RFC 9449)")
    change = _remote(commands, "change", "Change a client.", _change, why=True)
    change.add_argument("id")
    for name, meaning in local.CHANGEABLE.items():
        change.add_argument(f"--{name}", help=meaning)
    change.add_argument("--dpop", action=argparse.BooleanOptionalAction, help="bind its tokens to a key (RFC 9449)")
    add_key = _remote(commands, "add-key", "Add a key to a client.", _add_key, why=True)
    add_key.add_argument("id")
    add_key.add_argument("--jwk", type=Path, required=True, help="file with its public key")
    remove = _remote(
        commands,
        "remove-key",
        "Remove a key of a client, at once.",
        _post("/clients/{id}/keys/remove", "kid"),
        why=True,
    )
    remove.add_argument("id")
    remove.add_argument("--kid", required=True, help="the key's id")
    disable = _remote(commands, "disable", "Disable a client, for ever.", _post("/clients/{id}/disable"), why=True)
    disable.add_argument("id")
    local.describe_add(commands)


def _add_suspensions(commands: Any) -> None:
    _remote(commands, "list", "List the suspensions.", _list_suspensions)
    suspend = _remote(commands, "suspend", "Suspend at once.", _post("/suspensions", "kind", "subject"), why=True)
    suspend.add_argument("kind", choices=[each.value for each in Subject])
    suspend.add_argument("subject", help="the id of the client or of the agency")
    lift = _remote(commands, "lift", "Lift a suspension.", _post("/suspensions/{id}/lift"), why=True)
    lift.add_argument("id")


def _add_changes(commands: Any) -> None:
    listing = _remote(commands, "list", "List what waits for a second administrator.", _list_changes)
    listing.add_argument("--state", choices=[each.value for each in State], default=State.PENDING.value)
    _remote(commands, "show", "Show a change.", _get("/changes/{id}")).add_argument("id")
    approve = _remote(commands, Decision.APPROVE.value, "Approve a change: it is done.", _approve)
    approve.add_argument("id")
    approve.add_argument("--repeat", default="", metavar="KEY", help="the key of a command whose answer got lost")
    reject = _remote(commands, Decision.REJECT.value, "Reject a change.", _post("/changes/{id}/reject"), why=True)
    reject.add_argument("id")


def _add_bootstrap(commands: Any) -> None:
    command = commands.add_parser("bootstrap", help="register exactly two administrators, while there is none")
    command.set_defaults(work=local.bootstrap)
    command.add_argument("--id", action="append", required=True, help="twice: the ids of their clients")
    command.add_argument("--key", action="append", type=Path, required=True, help="twice: their public keys (JWK)")
    command.add_argument("--agency", default="ruta-operations", help="the operator's id (default: %(default)s)")


def _add_keys(commands: Any) -> None:
    command = commands.add_parser("make", help="write a private key (PEM, for you alone) and print its public half")
    command.set_defaults(work=local.make_key)
    command.add_argument("file", type=Path, help="a file that does not exist yet")


# -- what they do --------------------------------------------------------------------------------------


def _gateway(given: argparse.Namespace) -> Gateway:
    return Gateway(given.url, given.administrator, given.key)


def _shown(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _get(path: str) -> Work:
    return lambda given: _shown(_gateway(given).ask("GET", _filled(path, given)).content)


def _post(path: str, *fields: str) -> Work:
    def work(given: argparse.Namespace) -> str:
        return _ask(given, "POST", _filled(path, given), {name: getattr(given, name) for name in fields})

    return work


def _filled(path: str, given: argparse.Namespace) -> str:
    return path.format(id=segment(getattr(given, "id", "")))


def _ask(given: argparse.Namespace, method: str, path: str, body: dict[str, Any], if_match: str = "") -> str:
    full = {**body, "reason": given.reason} | ({"reference": given.reference} if given.reference else {})
    answer = _gateway(given).ask(method, path, full, key=given.repeat, if_match=if_match)
    if answer.status == 202:
        return f"It waits for a second administrator, until {answer.content['expires_at']}:\n{_shown(answer.content)}"
    return _shown(answer.content)


def _list_clients(given: argparse.Namespace) -> str:
    return "\n".join(_line(each) for each in _gateway(given).list("/clients")) or "No client is registered."


def _line(client: dict[str, Any]) -> str:
    place = "/".join(client[name] for name in ("office", "state", "country") if client[name]) or "-"
    state = "disabled" if client["disabled_at"] else "suspended" if client["suspended"] else "active"
    keys = ",".join(f"{key['kid']} until {key['expires_at'][:10]}" for key in client["keys"]) or "-"
    warning = [f"REPLACE SOON: {','.join(client['keys_expiring'])}"] if client["keys_expiring"] else []
    who = (client["agency"], client["agency_kind"], client["role"])
    return "\t".join([client["id"], state, *who, place, keys, " ".join(client["scopes"]), *warning])


def _list_suspensions(given: argparse.Namespace) -> str:
    found = _gateway(given).list("/suspensions")
    lines = [
        "\t".join(
            (each["id"], each["kind"], each["subject"], each["reason"], each["since"], each["lifted_at"] or "open")
        )
        for each in found
    ]
    return "\n".join(lines) or "Nobody is or was suspended."


def _list_changes(given: argparse.Namespace) -> str:
    found = _gateway(given).list("/changes", state=given.state)
    fields = ("id", "state", "action", "subject", "reason", "proposed_by", "expires_at")
    return "\n".join("\t".join(str(each[name]) for name in fields) for each in found) or "Nothing."


def _register(given: argparse.Namespace) -> str:
    body = local.client_fields(given) | {"id": given.id, "keys": local.public_keys(given.jwk), "dpop": given.dpop}
    return _ask(given, "POST", "/clients", body)


def _change(given: argparse.Namespace) -> str:
    """Change what was given; an empty text takes an office or a state away."""
    body: dict[str, Any] = {}
    for name in local.CHANGEABLE:
        value = getattr(given, name)
        if value is not None:
            body[name] = value.split() if name == "scopes" else value or None
    if given.dpop is not None:
        body["dpop"] = given.dpop
    path = f"/clients/{segment(given.id)}"
    now = _gateway(given).ask("GET", path)
    return _ask(given, "PATCH", path, body, if_match=now.etag or "")


def _add_key(given: argparse.Namespace) -> str:
    (key,) = local.public_keys(given.jwk)
    return _ask(given, "POST", f"/clients/{segment(given.id)}/keys", {"key": key})


def _approve(given: argparse.Namespace) -> str:
    gateway = _gateway(given)
    return _shown(gateway.ask("POST", f"/changes/{segment(given.id)}/approve", key=given.repeat).content)
