"""Our signatures, checked by the npm package `standardwebhooks`: another language, another author.

`.ci/run` installs it into `.cache/npm`, in the version that is tested with.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.delivery import signing
from shared.delivery.signing import Scheme, SigningKey

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "npm"
BODY = json.dumps({"type": "notice.issued", "name": "Procuraduría · Xóchitl ✓"}, ensure_ascii=False).encode()
VERIFY = """
const { Webhook } = require("standardwebhooks");
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
    return "";
  } catch (error) {
    return error.message;
  }
})));
"""
SIGN = """
const { Webhook } = require("standardwebhooks");
const { secret, id, body } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const now = new Date();
const signature = new Webhook(secret).sign(id, now, Buffer.from(body, "base64"));
const timestamp = String(Math.floor(now.getTime() / 1000));
console.log(JSON.stringify({ "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature }));
"""


def node(program: str, given: object) -> Any:
    """Run a program of JavaScript that reads JSON and prints JSON."""
    if not shutil.which("node"):
        pytest.skip("no node: our signatures are not checked by npm's standardwebhooks")
    if not (FOLDER / "node_modules" / "standardwebhooks").is_dir():
        pytest.skip("no standardwebhooks of npm in .cache/npm: .ci/run installs it")
    done = subprocess.run(
        ["node", "-e", program], cwd=FOLDER, input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def refusal(key: SigningKey, headers: dict[str, str], body: bytes = BODY) -> str:
    """Why it does not believe a message; empty if it does."""
    case = {"secret": key.shown, "headers": headers, "body": base64.b64encode(body).decode()}
    (reason,) = node(VERIFY, [case])
    return str(reason)


def test_it_believes_what_we_sign() -> None:
    key = signing.new_key()
    assert refusal(key, signing.headers("evt_1", BODY, keys=[key])) == ""


def test_it_believes_each_of_the_keys_that_sign_side_by_side() -> None:
    old, new, public = signing.new_key(), signing.new_key(), signing.new_key(Scheme.ED25519)
    headers = signing.headers("evt_1", BODY, keys=[public, new, old])
    assert refusal(old, headers) == refusal(new, headers) == ""


def test_it_does_not_believe_others_or_another_message() -> None:
    key = signing.new_key()
    headers = signing.headers("evt_1", BODY, keys=[key])
    assert refusal(signing.new_key(), headers) == "No matching signature found"
    assert refusal(key, headers, BODY + b" ") == "No matching signature found"
    assert refusal(key, headers | {"webhook-id": "evt_2"}) == "No matching signature found"
    assert refusal(key, headers | {"webhook-timestamp": "1"}) == "Message timestamp too old"


def test_we_believe_what_it_signs() -> None:
    key = signing.new_key()
    headers = node(SIGN, {"secret": key.shown, "id": "evt_1", "body": base64.b64encode(BODY).decode()})
    assert signing.verify(headers, BODY, [key.shown]) == "evt_1"
