"""The receivers that consulates copy: five languages, one behaviour. Messages are signed by the public package."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import ids
from shared.delivery import signing
from tests.receivers.kit import FOLDER, LANGUAGES, README, Answer, Language, NotReady, Running, require, running
from tests.receivers.messages import (
    NEXT_SECRET,
    ORIGIN,
    SECRET,
    event,
    kept,
    numbered,
    post,
    settings,
    sign,
    times_kept,
)

LIMIT = 64 * 1024
MALFORMED = {
    "empty": b"",
    "no comma": b"v1",
    "no value": b"v1,",
    "bad base64": b"v1,=not*base64=",
    "short": b"v1,AAAA",
    "commas": b",,,,",
    "spaces": b" v1 , v1  ,",
    "10 kB of junk": b"v1,x " * 2000,
    "10 kB in one item": b"v1," + b"A" * 10_000,
    "UTF-8": b"v1,\xc3\xb1",
    "no UTF-8": b"v1,\xff\xfe\x80",
    "only v1a": b"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
}


# -- what Ruta sends -----------------------------------------------------------------------------------


def test_a_signed_event_is_kept_and_answered_204(receiver: Running) -> None:
    event_id, body = event(state="MX-CHP")
    answer = receiver.send("POST", sign(event_id, body), body)
    assert (answer.status, answer.body) == (204, b"")
    (line,) = (line for line in kept(receiver.store) if line["id"] == event_id)
    assert line["event"] == json.loads(body)


@pytest.mark.hard_case(33)
def test_an_event_that_comes_again_is_kept_once_and_never_replaced_by_another(receiver: Running) -> None:
    event_id, body = event(state="MX-CHP")
    assert post(receiver, event_id, body) == 204
    assert post(receiver, event_id, body) == 200
    assert post(receiver, event_id, body.replace(b"MX-CHP", b"MX-OAX")) == 409
    assert post(receiver, event_id, body) == 200
    assert times_kept(receiver, event_id) == 1


def test_an_event_that_comes_eight_times_at_once_is_kept_once(receiver: Running) -> None:
    events = [event() for _ in range(10)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda each: post(receiver, *each), [each for each in events for _ in range(8)]))
    assert [sorted(statuses[at : at + 8]) for at in range(0, 80, 8)] == [[200] * 7 + [204]] * 10
    assert [times_kept(receiver, event_id) for event_id, _ in events] == [1] * 10


def test_what_is_signed_is_bytes_in_any_language(receiver: Running) -> None:
    event_id, body = event(name="Procuraduría de Protección · Xóchitl ñandú 日本 ✓")
    assert post(receiver, event_id, body) == 204
    assert kept(receiver.store)[-1]["event"] == json.loads(body)


def test_a_body_of_several_lines_is_one_line_of_the_store(receiver: Running) -> None:
    event_id, body = event(state="MX-CHP")
    spread = json.dumps(json.loads(body), indent=2).replace("\n", "\r\n").encode()
    assert post(receiver, event_id, spread) == 204
    assert kept(receiver.store)[-1]["event"] == json.loads(body)


@pytest.mark.parametrize("data", ['{"deep":[{"a":[1,null,true,1.5e3,"\\"\\\\{[\u2028\\u00e9"]}]}', '"a\\u0000b"', "[]"])
def test_types_and_data_of_tomorrow_are_kept(receiver: Running, data: str) -> None:
    event_id = ids.new("evt")
    body = f'{{"type":"of.tomorrow","id":"{event_id}","data":{data}}}'.encode()
    assert post(receiver, event_id, body) == 204
    assert kept(receiver.store)[-1]["event"] == json.loads(body)


def test_one_right_signature_among_several_is_enough(receiver: Running) -> None:
    event_id, body = event()
    right = sign(event_id, body)
    others = f"v1a,AAAA v2,BBBB {sign(event_id, body, signing.new_secret())['webhook-signature']!s} "
    signed = right | {"webhook-signature": others + str(right["webhook-signature"])}
    assert receiver.send("POST", signed, body).status == 204


def test_both_keys_count_while_one_replaces_the_other(receiver: Running) -> None:
    for secret in (SECRET, NEXT_SECRET):
        event_id, body = event()
        assert post(receiver, event_id, body, secret=secret) == 204


@pytest.mark.parametrize("age", [timedelta(minutes=4), timedelta(minutes=-4)], ids=["late", "early"])
def test_clocks_may_differ_by_some_minutes(receiver: Running, age: timedelta) -> None:
    event_id, body = event()
    assert post(receiver, event_id, body, age=age) == 204


# -- after Ruta was restored from a backup -------------------------------------------------------------


@pytest.mark.hard_case(47)
def test_an_event_that_comes_again_with_a_greater_epoch_is_known_and_kept_once(receiver: Running) -> None:
    event_id, body = event(state="MX-CHP")
    first, again = numbered(body, epoch=9, sequence=4), numbered(body, epoch=10, sequence=1)
    assert post(receiver, event_id, first) == 204
    assert [post(receiver, event_id, each) for each in (again, again, first)] == [200, 200, 200]
    assert [line["event"] for line in kept(receiver.store) if line["id"] == event_id] == [json.loads(first)]


@pytest.mark.hard_case(47)
def test_another_body_of_the_same_or_a_smaller_epoch_is_409(receiver: Running) -> None:
    event_id, body = event(epoch=1)
    assert post(receiver, event_id, numbered(body, epoch=10)) == 204
    for epoch in (10, 9, 0):
        assert post(receiver, event_id, numbered(body, epoch=epoch, sequence=2, data={"epoch": 99})) == 409
    assert times_kept(receiver, event_id) == 1


@pytest.mark.parametrize("epoch", [None, "99", 99.5, True, [99], {"epoch": 99}], ids=repr)
def test_an_epoch_that_is_no_whole_number_is_less_than_every_epoch(receiver: Running, epoch: Any) -> None:
    event_id, body = event()
    assert post(receiver, event_id, body) == 204
    assert post(receiver, event_id, numbered(body, epoch=epoch)) == 409
    other_id, other = event()
    assert post(receiver, other_id, numbered(other, epoch=epoch)) == 204
    assert post(receiver, other_id, other) == 200


@pytest.mark.hard_case(47)
def test_a_receiver_that_was_killed_still_knows_the_epoch(language: Language, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "events.jsonl"
    event_id, body = event(name="Ñ", epoch=99)
    first, again = numbered(body, epoch=10, sequence=4), numbered(body, epoch=11, sequence=1)
    with running(language, folder, **settings(store)) as before:
        assert post(before, event_id, first) == 204
        assert post(before, event_id, again) == 200
        before.kill()
    with running(language, folder, **settings(store)) as after:
        assert [post(after, event_id, each) for each in (first, again)] == [200, 200]
        for epoch in (10, 9):
            assert post(after, event_id, numbered(body, epoch=epoch, sequence=1)) == 409
        assert [line["event"] for line in kept(store)] == [json.loads(first)]


# -- what others send ----------------------------------------------------------------------------------


def refused(receiver: Running, headers: dict[str, str | bytes], body: bytes) -> bool:
    """Whether it was answered 401, and nothing was kept."""
    before = receiver.store.read_bytes()
    answer = receiver.send("POST", headers, body)
    return answer.status == 401 and receiver.store.read_bytes() == before


@pytest.mark.hard_case(42)
@pytest.mark.parametrize("signature", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_signature_is_refused_and_upsets_nothing(receiver: Running, signature: bytes) -> None:
    event_id, body = event()
    assert refused(receiver, sign(event_id, body) | {"webhook-signature": signature}, body)
    assert post(receiver, event_id, body) == 204


def test_a_tampered_message_is_refused(receiver: Running) -> None:
    event_id, body = event(state="MX-CHP")
    signed = sign(event_id, body)
    assert refused(receiver, signed, body.replace(b"MX-CHP", b"MX-OAX"))
    assert refused(receiver, signed, b"")
    assert refused(receiver, signed | {"webhook-id": ids.new("evt")}, body)
    assert refused(receiver, signed | {"webhook-timestamp": str(int(str(signed["webhook-timestamp"])) + 1)}, body)


def test_a_message_signed_with_another_secret_is_refused(receiver: Running) -> None:
    event_id, body = event()
    assert refused(receiver, sign(event_id, body, signing.new_secret()), body)


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)], ids=["stale", "future"])
def test_a_message_of_another_time_is_refused(receiver: Running, age: timedelta) -> None:
    event_id, body = event()
    assert refused(receiver, sign(event_id, body, age=age), body)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_one_of_its_headers_is_refused(receiver: Running, header: str) -> None:
    event_id, body = event()
    signed = sign(event_id, body)
    assert refused(receiver, {name: value for name, value in signed.items() if name != header}, body)
    assert refused(receiver, signed | {header: ""}, body)


@pytest.mark.parametrize("timestamp", ["x", "-1", "1e9", "1.5", "9" * 13, "9" * 500, "٣"], ids=ascii)
def test_a_malformed_time_is_refused(receiver: Running, timestamp: str) -> None:
    event_id, body = event()
    assert refused(receiver, sign(event_id, body) | {"webhook-timestamp": timestamp.encode()}, body)


def test_an_id_with_which_the_body_could_pose_as_another_message_is_refused(receiver: Running) -> None:
    _, body = event()
    assert refused(receiver, sign("evt.1", body), body)


def test_a_stranger_who_signs_with_an_empty_key_is_refused(receiver: Running) -> None:
    event_id, body = event()
    signed = sign(event_id, body)
    digest = hmac.digest(b"", f"{event_id}.{signed['webhook-timestamp']!s}.".encode() + body, hashlib.sha256)
    assert refused(receiver, signed | {"webhook-signature": "v1," + base64.b64encode(digest).decode()}, body)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"{", b"[]", b"null", b'"text"', b"{}"], ids=repr)
def test_what_is_signed_but_no_event_is_400(receiver: Running, body: bytes) -> None:
    assert post(receiver, ids.new("evt"), body) == 400


def test_a_body_that_is_too_large_is_413(receiver: Running) -> None:
    event_id, body = event(padding="")
    largest = body.replace(b'"padding": ""', b'"padding": "' + b"." * (LIMIT - len(body)) + b'"')
    assert post(receiver, event_id, largest) == 204
    assert post(receiver, ids.new("evt"), largest + b" ") == 413
    assert post(receiver, ids.new("evt"), largest * 20) == 413


def test_a_body_of_unknown_length_is_not_read_for_ever(receiver: Running) -> None:
    event_id, body = event()
    chunk = b"8000\r\n" + b"." * 0x8000 + b"\r\n"
    answer = receiver.send("POST", sign(event_id, body) | {"transfer-encoding": "chunked"}, chunk * 9 + b"0\r\n\r\n")
    assert answer.status in (411, 413)  # the former: it takes no such body at all


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(receiver: Running, method: str) -> None:
    answer = receiver.send(method, {}, b"" if method.startswith("P") else None)
    assert (answer.status, answer.headers.get("allow")) == (405, "OPTIONS, POST")


# -- the proof that the address is the receiver's ------------------------------------------------------


def consent(receiver: Running, **headers: str) -> Answer:
    return receiver.send("OPTIONS", {name.replace("_", "-"): value for name, value in headers.items()})


def test_it_agrees_that_its_own_ruta_sends(receiver: Running) -> None:
    answer = consent(receiver, WebHook_Request_Origin=ORIGIN)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["webhook-allowed-origin"] == ORIGIN
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert answer.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("origin", ["evil.example", "", f"{ORIGIN}.evil.example", "*"])
def test_it_agrees_to_no_other_sender(receiver: Running, origin: str) -> None:
    for answer in (consent(receiver, WebHook_Request_Origin=origin), consent(receiver)):
        assert answer.status == 403
        assert "webhook-allowed-origin" not in answer.headers


def test_it_answers_a_signed_challenge_and_no_other(receiver: Running) -> None:
    event_id, body = event("endpoint.challenge", challenge='7Yl-_x"\\é')
    answer = receiver.send("POST", sign(event_id, body), body)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert json.loads(answer.body) == {"challenge": '7Yl-_x"\\é'}
    assert times_kept(receiver, event_id) == 0
    assert refused(receiver, sign(event_id, body, signing.new_secret()), body)


def test_an_event_that_only_looks_like_a_challenge_is_kept(receiver: Running) -> None:
    data = {"type": "endpoint.challenge", "challenge": "x", "note": '"type":"endpoint.challenge"'}
    event_id = ids.new("evt")
    assert post(receiver, event_id, json.dumps({"data": data, "type": "notice.issued"}).encode()) == 204
    assert times_kept(receiver, event_id) == 1


# -- crashes, settings and the README -------------------------------------------------------------------


def test_a_receiver_that_was_killed_still_knows_what_it_kept(language: Language, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "events.jsonl"
    (first, body), (second, other) = event(name="Ñ"), event(name="Ñ")
    with running(language, folder, **settings(store)) as before:
        assert post(before, first, body) == 204
        before.kill()
    with store.open("ab") as file:
        file.write('{"event":{"torn":"Ñ'.encode()[:-1])  # what a power cut leaves of a line that was being written
    with running(language, folder, **settings(store)) as after:
        assert post(after, first, body) == 200
        assert post(after, first, other) == 409
        assert post(after, second, other) == 204
        assert [line["id"] for line in kept(store)] == [first, second]


@pytest.mark.parametrize("secret", ["", f"{SECRET},", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_")], ids=range(4))
def test_without_good_secrets_it_believes_nobody(language: Language, folder: Path, tmp_path: Path, secret: str) -> None:
    start = running(language, folder, **settings(tmp_path / "events.jsonl", secret))
    if language.folder == "php":  # it reads its settings with each request
        with start as receiver:
            assert post(receiver, *event()) == 503
    else:
        with pytest.raises(NotReady, match="RUTA_SECRET"), start:
            pass


def test_what_cannot_be_kept_is_not_answered_2xx(language: Language, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "gone" / "events.jsonl"
    store.parent.mkdir()
    with running(language, folder, **settings(store)) as receiver:
        event_id, body = event()
        store.parent.rename(tmp_path / "elsewhere")
        assert post(receiver, event_id, body) == 503
        (tmp_path / "elsewhere").rename(store.parent)
        assert post(receiver, event_id, body) == 204


def test_the_readme_shows_how_to_sign_and_send_a_message(receiver: Running) -> None:
    for tool in ("openssl", "curl"):
        require(tool, "the README's way to sign a message is not tested")
    found = re.search(r"```bash\n(BODY=.*?)```\n```text\n(.*?)```", README, re.DOTALL)
    assert found is not None
    environment = receiver.environment | {"RUTA_SECRET": SECRET}
    for promised in (found[2], "200\n"):
        done = subprocess.run(["bash", "-c", found[1]], env=environment, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (promised, "")


def test_every_program_is_in_the_readme() -> None:
    programs = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert programs == {language.folder for language in LANGUAGES}
