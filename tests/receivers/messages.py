"""Messages as Ruta sends them, signed by the public package, and what a receiver kept of them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from shared import clock, ids
from shared.delivery import signing
from tests.receivers.kit import Running

ORIGIN = "ruta.example"
SECRET, NEXT_SECRET = signing.new_secret(), signing.new_secret()


def settings(store: Path, secret: str = SECRET) -> dict[str, str]:
    return {"RUTA_SECRET": secret, "RUTA_ORIGIN": ORIGIN, "RUTA_STORE": str(store)}


def event(event_type: str = "notice.issued", **data: Any) -> tuple[str, bytes]:
    """The id and the body of a new event."""
    event_id = ids.new("evt")
    fields = {"id": event_id, "type": event_type, "version": 1, "time": "2026-11-20T15:04:05+00:00"}
    place = {"audience": "whe_1", "epoch": 1, "sequence": 1}
    return event_id, json.dumps(fields | place | {"data": data}, ensure_ascii=False).encode()


def numbered(body: bytes, **place: Any) -> bytes:
    """The same event with another place, its fields in Ruta's order: `data` comes before `epoch`."""
    return json.dumps(json.loads(body) | place, sort_keys=True, ensure_ascii=False).encode()


def sign(event_id: str, body: bytes, secret: str = SECRET, age: timedelta = timedelta()) -> dict[str, str | bytes]:
    moment = clock.now() - age
    signature = Webhook(secret).sign(event_id, moment, body.decode())
    timestamp = str(int(moment.timestamp()))
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def post(receiver: Running, event_id: str, body: bytes, **how: Any) -> int:
    return receiver.send("POST", sign(event_id, body, **how), body).status


def kept(store: Path) -> list[dict[str, Any]]:
    """The lines of a store; those that a crash cut short are not among them."""
    lines = [line for line in store.read_bytes().split(b"\n") if line and not line.startswith(b'{"event":{"torn')]
    return [json.loads(line) for line in lines]


def times_kept(receiver: Running, event_id: str) -> int:
    return [line["id"] for line in kept(receiver.store)].count(event_id)
