"""The law of delivery without any delivery: schedule, signatures, addresses, URLs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared import clock
from shared.delivery import egress, rules, signing
from shared.delivery.rules import SCHEDULE, SISTER_SCHEDULE, Outcome
from shared.delivery.schemas import EndpointIn
from shared.delivery.signing import BadSignature

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


# -- rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (199, Outcome.REFUSED), (200, Outcome.DELIVERED), (202, Outcome.DELIVERED), (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED), (300, Outcome.REFUSED), (304, Outcome.REFUSED), (307, Outcome.REFUSED),
        (400, Outcome.REFUSED), (401, Outcome.REFUSED), (404, Outcome.REFUSED), (410, Outcome.GONE),
        (429, Outcome.REFUSED), (500, Outcome.REFUSED), (503, Outcome.REFUSED), (999, Outcome.REFUSED),
    ],
)  # fmt: skip
def test_a_status_means(status: int, outcome: Outcome) -> None:
    assert rules.classify(status) is outcome


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("0", 0), ("7", 7), ("3600", 3600), ("3601", 3600), ("1000000000", 3600),
        ("9" * 5000, 3600), ("-1", None), ("+1", None), ("1.5", None), (" 7", None), ("٧", None), ("²", None),
        ("Sun, 22 Nov 2026 12:00:00 GMT", None), ("soon", None),
    ],
)  # fmt: skip
def test_a_receiver_may_ask_for_patience_up_to_an_hour(value: str | None, seconds: int | None) -> None:
    assert rules.retry_after(value) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 3600), (10_000, 3600)]
)
def test_repetitions_wait_longer_and_longer_and_never_end(attempts: int, seconds: int) -> None:
    assert rules.next_due(attempts, NOW, SCHEDULE, chance=0.5) == NOW + timedelta(seconds=seconds)


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 10**6))
def test_no_wait_is_shorter_than_asked_nor_longer_than_an_hour_and_a_fifth(
    attempts: int, chance: float, asked: int | None
) -> None:
    wanted = None if asked is None else timedelta(seconds=asked)
    for schedule in (SCHEDULE, SISTER_SCHEDULE):
        wait = rules.next_due(attempts, NOW, schedule, chance=chance, retry_after=wanted) - NOW
        step = schedule[min(attempts, len(schedule)) - 1]
        assert 0.8 * step <= wait <= max(1.2 * step, timedelta(hours=1))
        if wanted is not None:
            assert wait >= min(wanted, timedelta(hours=1))


def test_an_endpoint_gets_what_it_asked_for() -> None:
    assert rules.wants(None, "a.b")
    assert rules.wants(["a.b"], "a.b")
    assert not rules.wants(["a.b"], "a.c")


# -- signing ---------------------------------------------------------------------------------------------

VECTOR_SECRET, VECTOR_ID, VECTOR_TIME = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
VECTOR_BODY, VECTOR_SIGNATURE = b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SECRET, OTHER = signing.new_secret(), signing.new_secret()


@pytest.mark.parametrize("prefix", ["", "whsec_"])
def test_the_public_vector_comes_out(prefix: str) -> None:
    with clock.at(datetime.fromtimestamp(VECTOR_TIME, UTC)):
        signed = signing.headers(VECTOR_ID, VECTOR_BODY, [prefix + VECTOR_SECRET])
        assert signed["webhook-signature"] == VECTOR_SIGNATURE
        assert signing.verify(signed, VECTOR_BODY, prefix + VECTOR_SECRET) == VECTOR_ID


def test_the_public_package_and_we_believe_each_other() -> None:
    theirs = standardwebhooks.Webhook(SECRET)
    body = json.dumps({"name": "Xóchitl"})
    assert theirs.verify(body, signing.headers("msg_1", body.encode(), [OTHER, SECRET])) == {"name": "Xóchitl"}
    moment = clock.now()
    signed = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": theirs.sign("msg_1", moment, body),
    }  # fmt: skip
    assert signing.verify(signed, body.encode(), SECRET) == "msg_1"


def test_while_a_secret_is_replaced_either_is_believed() -> None:
    signed = signing.headers("msg_1", b"{}", [SECRET, OTHER])
    assert signing.verify(signed, b"{}", SECRET) == signing.verify(signed, b"{}", OTHER) == "msg_1"
    with pytest.raises(BadSignature):
        signing.verify(signed, b"{}", signing.new_secret())


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, b"{} "), ({}, b""), ({"webhook-id": "msg_2"}, b"{}"), ({"webhook-id": ""}, b"{}"),
        *(({"webhook-timestamp": value}, b"{}") for value in
          ("", "0", "-1", "soon", "1e9", "9" * 13, "٧", "1763812800.0", "²")),
        *(({"webhook-signature": value}, b"{}") for value in
          ("", " ", "v1", "v1,", ",", "v1,AAAA", "v1,%%%", "v1,ñ", "v2,x", "v1a,x", "v1,\ud800", "\x00", "," * 999)),
        ({"webhook-id": "\ud800"}, b"{}"),
    ],
)  # fmt: skip
def test_a_message_that_was_changed_or_is_malformed_is_not_believed(change: dict[str, str], body: bytes) -> None:
    with clock.at(NOW):
        signed = signing.headers("msg_1", b"{}", [SECRET]) | change
        with pytest.raises(BadSignature):
            signing.verify(signed, body, SECRET)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_whatever_is_received_is_bad_signature(received: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        signing.verify(received, body, SECRET)


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_message_is_believed_for_five_minutes(seconds: int, believed: bool) -> None:
    with clock.at(NOW):
        signed = signing.headers("msg_1", b"{}", [SECRET])
    with clock.at(NOW + seconds * SECOND):
        if believed:
            signing.verify(signed, b"{}", SECRET)
        else:
            with pytest.raises(BadSignature):
                signing.verify(signed, b"{}", SECRET)


def test_no_part_of_a_body_can_pose_as_the_id_and_time_of_another_message() -> None:
    with clock.at(NOW):
        later = str(int(NOW.timestamp()) + 1)
        signed = signing.headers("msg_1", f"{later}.{{}}".encode(), [SECRET])
        forged = signed | {"webhook-id": f"msg_1.{signed['webhook-timestamp']}", "webhook-timestamp": later}
        with pytest.raises(BadSignature):
            signing.verify(forged, b"{}", SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "not base64!", base64.b64encode(b"x" * 23).decode()])
def test_a_secret_that_is_none_is_not_signed_with(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        signing.headers("msg_1", b"{}", [secret])


# -- addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "187.191.71.192", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "2606:4700::1111",
     "2800:3f0:4001::200e"],
)  # fmt: skip
def test_a_public_address_may_be_reached(address: str) -> None:
    assert egress.is_public(address)
    assert egress.may_name(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1",
        "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8",
        "64:ff9b:1::1", "2002:7f00:1::1", "2002:808:808::1", "2001:0:4136:e378::1", "2001:db8::1", "3fff::1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "5f00::1", "100::1",
        "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.1.", "localhost", "", "1.2.3", "1.2.3.4.5", "::g",
    ],
)  # fmt: skip
def test_any_other_address_may_not(address: str) -> None:
    assert not egress.is_public(address)


@pytest.mark.parametrize("host", ["hooks.example.org", "a.b", "1.example.org", "7f.0x.example"])
def test_a_full_name_may_be_named(host: str) -> None:
    assert egress.may_name(host)


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.localhost", "referral", "db.internal", "x.local", "2130706433", "127.1", "0x7f000001", "0x7f.1",
     "10.0.0.1", "::1", "fe80::1%eth0", "64:ff9b::7f00:1", "1.2.3.0x", "x.arpa", ""],
)  # fmt: skip
def test_what_is_inside_may_not_be_named(host: str) -> None:
    assert not egress.may_name(host)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.org/ruta", "https://hooks.example.org:8443/a?b=c&d=%20", "https://[2606:4700::1111]/",
     "http://127.0.0.1:8000/hooks/x_y~z", "https://xn--maana-pta.example/"],
)  # fmt: skip
def test_a_plain_url_is_taken(url: str) -> None:
    assert EndpointIn(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//a.example", "ftp://a.example", "javascript:alert(1)", "https://", "https:///a", "https://u@a.example",
        "https://u:p@a.example", "https://:p@a.example", "https://@a.example", "https://a.example#b", "https://a.example.",
        "https://a.example:0", "https://a.example:99999", "https://a.example:x", "https://mañana.example",
        "https://a.example/\nb", "https://a.exa\tmple", "https://a.example/ b", "https://a.example\\@evil.example",
        "https://[::1", "https://a.example/" + "x" * 500, "https://a.example/<script>", 'https://a.example/"',
    ],
)  # fmt: skip
def test_a_crooked_url_is_refused(url: Any) -> None:
    with pytest.raises(ValidationError):
        EndpointIn(url=url)
