"""A receiver of Ruta's webhooks. Python 3.9 or newer, nothing but its standard library.

RUTA_SECRET: `whsec_…`, or two with a comma while a key is being replaced. RUTA_ORIGIN: who may send here.
RUTA_STORE: the file that keeps the events. PORT: listens there on 127.0.0.1, behind a web server with TLS.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 64 * 1024  # bytes

# -- take this into your own system: from here -----------------------------------------------------


def read_keys(secrets):
    """Return the keys of `whsec_…,whsec_…`. Anything else is an error: with an empty key anybody could sign."""
    texts = [text.strip() for text in secrets.split(",")]
    keys = [base64.b64decode(text[6:], validate=True) for text in texts if text.startswith("whsec_")]
    if len(keys) < len(texts) or min(len(key) for key in keys) < 24:
        raise ValueError("RUTA_SECRET: each secret is whsec_ and the base64 of at least 24 bytes.")
    return keys


def verify(keys, message_id, timestamp, signatures, body):
    """Whether Ruta sent this, within 5 minutes. Three headers (None if missing), and the body's bytes as they came."""
    if not (message_id and timestamp and signatures):
        return False
    if not re.fullmatch("[A-Za-z0-9_-]+", message_id) or not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    if abs(time.time() - int(timestamp)) > 300:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    given = [item.encode(errors="replace") for item in signatures.split(" ")]  # another version equals none of ours
    return any(hmac.compare_digest(ours, item) for ours in expected for item in given)


# -- to here ---------------------------------------------------------------------------------------


def epoch_of(event):
    """Return the event's epoch, which grows when Ruta is restored from a backup; 0 if it has none."""
    epoch = event.get("epoch")
    return epoch if type(epoch) is int else 0


class Store:
    """Keeps each event once. Yours is a table with the id as its key."""

    def __init__(self, path):
        self.path, self.lock, self.seen = path, threading.Lock(), {}
        with open(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600), "rb") as file:
            for line in file:
                try:
                    kept = json.loads(line)
                except ValueError:
                    continue  # empty, or cut short by a crash: never answered with 2xx, so Ruta sends it again
                self.seen[kept["id"]] = kept["sha256"], epoch_of(kept["event"])

    def keep(self, message_id, epoch, body):
        """Return the status to answer: 204 new and on disk, 200 kept before, 409 the same id with another body."""
        digest = hashlib.sha256(body).hexdigest()
        with self.lock:
            if message_id in self.seen:
                kept_digest, kept_epoch = self.seen[message_id]
                # a greater epoch: Ruta was restored from a backup, and sends what is kept with other numbers
                return 200 if digest == kept_digest or epoch > kept_epoch else 409
            event = body.replace(b"\r", b" ").replace(b"\n", b" ")
            line = b'{"event":%b,"id":"%b","sha256":"%b"}' % (event, message_id.encode(), digest.encode())
            with open(self.path, "ab") as file:
                file.write(b"\n" + line + b"\n")  # the first newline ends a line that a crash cut short
                file.flush()
                os.fsync(file.fileno())
            self.seen[message_id] = digest, epoch
            return 204


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # seconds without a byte
    keys, origin, store = [], "", None  # set at the end of this file

    def do_OPTIONS(self):
        """Ruta asks whether it may send here."""
        if self.headers.get("WebHook-Request-Origin", "") != self.origin:
            return self.answer(403)
        agreed = {"WebHook-Allowed-Origin": self.origin, "WebHook-Allowed-Rate": "*", "Allow": "OPTIONS, POST"}
        return self.answer(200, agreed)

    def do_POST(self):
        """Ruta sends an event, or the challenge that proves that this address is yours."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,12}", length):
            return self.answer(411)
        if int(length) > LIMIT:
            return self.answer(413)
        body = self.rfile.read(int(length))
        message_id, timestamp = self.headers.get("webhook-id"), self.headers.get("webhook-timestamp")
        if not verify(self.keys, message_id, timestamp, self.headers.get("webhook-signature"), body):
            return self.answer(401)
        try:
            event = json.loads(body.decode())
            is_challenge = event["type"] == "endpoint.challenge"
            answer = json.dumps({"challenge": event["data"]["challenge"]}) if is_challenge else ""
        except (ValueError, LookupError, TypeError, RecursionError):
            return self.answer(400)
        if is_challenge:  # answering it proves that this address is yours
            return self.answer(200, {"Content-Type": "application/json"}, answer.encode())
        try:
            status = self.store.keep(message_id, epoch_of(event), body)
        except OSError:
            status = 503  # not kept, so not received: Ruta sends it again
        return self.answer(status)

    def refuse(self):
        self.answer(405, {"Allow": "OPTIONS, POST"})

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = refuse

    def answer(self, status, headers=None, body=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing: what comes in does not belong in a log."""


if __name__ == "__main__":
    Receiver.keys, Receiver.origin = read_keys(os.environ["RUTA_SECRET"]), os.environ["RUTA_ORIGIN"]
    if not Receiver.origin:
        raise SystemExit("RUTA_ORIGIN is empty.")
    Receiver.store = Store(os.environ["RUTA_STORE"])
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
    print("ready", flush=True)
    server.serve_forever()
