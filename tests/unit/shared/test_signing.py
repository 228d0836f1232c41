"""Standard Webhooks signatures, checked by the public package, by `cryptography` and by RFC 8032 itself."""

import base64
import hmac
import itertools
import json
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock
from shared.delivery import signing
from shared.delivery.signing import BadSignature, Scheme, SigningKey
from tests.unit.shared import rfc8032

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, WEEK = timedelta(seconds=1), timedelta(days=7)
BOTH = [Scheme.HMAC, Scheme.ED25519]
HMAC, OTHER, ED25519 = signing.new_key(), signing.new_key(), signing.new_key(Scheme.ED25519)
KEYS = {Scheme.HMAC: HMAC, Scheme.ED25519: ED25519}
MOMENTS = st.datetimes(timezones=st.just(UTC))
# A server reads the bytes of a header as Latin-1; some clients write what is no character at all.
ANY = st.binary().map(lambda raw: raw.decode("latin-1")) | st.sampled_from(["\ud800", "٧", "✓"])
MEXICAN = json.dumps({"name": "Xóchitl ✓"}, ensure_ascii=False).encode()


def ours(key: SigningKey, body: bytes, *more: SigningKey) -> dict[str, str]:
    return signing.headers("msg_1", body, [key, *more])


def items(signed: dict[str, str]) -> list[tuple[str, str]]:
    return [(item.split(",")[0], item.split(",")[1]) for item in signed["webhook-signature"].split(" ")]


def believed(received: dict[str, str], body: bytes, *keys: SigningKey) -> bool:
    """Whether a receiver that was shown these keys believes the message."""
    try:
        return signing.verify(received, body, [key.shown for key in keys]) == received["webhook-id"]
    except BadSignature:
        return False


# -- vectors -------------------------------------------------------------------------------------------

VECTOR_ID, VECTOR_TIME, VECTOR_BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTORS = {
    SECRET: (SECRET, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    # The specification's example header has this signature; its key and message are public in tests of Svix.
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==": (
        "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
}


@pytest.mark.parametrize("key", VECTORS)
def test_the_public_vector_comes_out(key: str) -> None:
    shown, signature = VECTORS[key]
    with clock.at(datetime.fromtimestamp(VECTOR_TIME, UTC)):
        held = signing.given_key(key)
        assert held.shown == shown
        signed = signing.headers(VECTOR_ID, VECTOR_BODY, [held])
        assert list(signed.values()) == [VECTOR_ID, str(VECTOR_TIME), signature]
        assert signing.verify(signed, VECTOR_BODY, [shown]) == VECTOR_ID


# -- what others make of it ----------------------------------------------------------------------------

LIBRARIES = [standardwebhooks.Webhook, svix.webhooks.Webhook]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("keys", [[HMAC], [OTHER, HMAC], [HMAC, OTHER], [HMAC, ED25519], [ED25519, OTHER, HMAC]])
def test_public_packages_believe_us(library: Any, keys: list[SigningKey]) -> None:
    signed = signing.headers("msg_1", MEXICAN, keys)
    library(HMAC.shown).verify(MEXICAN, signed)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        library(signing.new_secret()).verify(MEXICAN, signed)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        library(HMAC.shown).verify(MEXICAN + b" ", signed)


@pytest.mark.parametrize("library", LIBRARIES)
def test_we_believe_public_packages(library: Any) -> None:
    moment = clock.now()
    signature = library(HMAC.shown).sign("msg_1", moment, MEXICAN.decode())
    signed = {"webhook-id": "msg_1", "webhook-timestamp": str(int(moment.timestamp()))}
    for signatures in (signature, f"v1,AAAA {signature}", f"{signature} v1a,AAAA"):
        signed["webhook-signature"] = signatures
        assert believed(signed, MEXICAN, HMAC)
        assert not believed(signed, MEXICAN, OTHER)


def test_an_ed25519_signature_verifies_without_us() -> None:
    public = base64.b64decode(ED25519.shown.removeprefix("whpk_"), validate=True)
    signed = ours(ED25519, MEXICAN)
    ((version, value),) = items(signed)
    message = b"msg_1." + signed["webhook-timestamp"].encode() + b"." + MEXICAN
    signature = base64.b64decode(value, validate=True)
    assert (version, len(public), len(signature)) == ("v1a", 32, 64)
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    assert rfc8032.accepts(public, message, signature)
    assert not rfc8032.accepts(public, message + b" ", signature)


# -- keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", BOTH)
def test_a_fresh_key_signs_until_it_is_replaced_and_is_no_other(scheme: Scheme) -> None:
    with clock.at(NOW):
        first, second = signing.new_key(scheme), signing.new_key(scheme)
    assert (first.id[:4], first.scheme, first.created_at, first.expires_at) == ("key_", scheme, NOW, None)
    assert (first.id != second.id, first.key != second.key) == (True, True)
    assert first.signs(NOW + 1000 * WEEK)


def test_the_receiver_is_shown_the_shared_secret_but_never_the_private_key() -> None:
    assert HMAC.shown == HMAC.key
    assert len(base64.b64decode(HMAC.key.removeprefix("whsec_"), validate=True)) == 32
    pair = base64.b64decode(ED25519.key.removeprefix("whsk_"), validate=True)
    assert ED25519.shown == "whpk_" + base64.b64encode(pair[32:]).decode()
    assert len(pair) == 64
    for key in KEYS.values():
        assert key.key[6:20] not in repr(key)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([HMAC, ED25519]), ANY, MOMENTS, st.none() | MOMENTS)))
def test_keys_come_back_as_they_were_written(drawn: list[tuple[SigningKey, str, datetime, datetime | None]]) -> None:
    keys = [replace(key, id=id, created_at=start, expires_at=end) for key, id, start, end in drawn]
    assert signing.load(signing.dump(keys)) == keys


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    (written,) = json.loads(signing.dump([HMAC]))
    assert signing.load(json.dumps([written | {"hint": "new"}]).encode()) == [HMAC]


KEY_ERRORS = [
    "", "whsec_", "whsec_AAAA", f"{SECRET}!", "whsec_ñ", SECRET[6:], f"v1,{SECRET}",
    "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsk_", "whsk_ñ", "whsk_" + "A" * 43 + "=",
    ED25519.key[:-4] + "AA==", HMAC.key.replace("whsec_", "whsk_"), HMAC.key.replace("whsec_", "whpk_"),
]  # fmt: skip


@pytest.mark.parametrize("key", KEY_ERRORS, ids=range(len(KEY_ERRORS)))
def test_a_key_that_is_none_is_not_signed_with_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="sign") as refused:
        signing.headers("msg_1", b"{}", [signing.given_key(key)])
    assert len(key) < 10 or key[6:] not in str(refused.value)


@pytest.mark.parametrize("scheme", BOTH)
def test_a_key_of_one_scheme_is_not_held_under_the_other(scheme: Scheme) -> None:
    with pytest.raises(ValueError, match="starts with"):
        replace(KEYS[scheme], scheme=next(other for other in BOTH if other is not scheme))


@pytest.mark.parametrize("shown", ["", "whsec_AAAA", "whpk_", "whpk_AAAA", "whpk_ñ", "whsk_AAAA", SECRET[6:]])
def test_a_receiver_cannot_verify_with_what_is_no_key(shown: str) -> None:
    with pytest.raises(ValueError, match=r"key|secret"):
        signing.verify(ours(HMAC, b"{}"), b"{}", [shown])


def test_the_public_key_is_no_shared_secret() -> None:
    public = ED25519.shown.replace("whpk_", "whsec_")
    forged = ours(signing.given_key(public), b"{}")
    assert not believed(forged, b"{}", ED25519)
    ((_, value),) = items(forged)
    assert not believed(forged | {"webhook-signature": f"v1a,{value}"}, b"{}", ED25519)


# -- overlap -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", BOTH)
def test_while_a_key_is_replaced_both_sign_and_afterwards_only_the_new_one(scheme: Scheme) -> None:
    old, new = replace(signing.new_key(scheme), expires_at=NOW + WEEK), signing.new_key(scheme)
    for moment, signs in ((NOW, True), (NOW + WEEK - SECOND, True), (NOW + WEEK, False), (NOW + 2 * WEEK, False)):
        with clock.at(moment):
            signed = ours(new, b"{}", old)
            assert len(items(signed)) == (2 if signs else 1)
            assert believed(signed, b"{}", new)
            assert believed(signed, b"{}", old) is signs
            assert believed(signed, b"{}", old, new)


@pytest.mark.parametrize("scheme", BOTH)
def test_a_key_revoked_between_claim_and_send_never_signs(scheme: Scheme) -> None:
    revoked, new = signing.new_key(scheme), signing.new_key(scheme)
    with clock.at(NOW):
        at_claim, at_send = signing.load(signing.dump([revoked])), signing.load(signing.dump([new]))
        assert believed(signing.headers("msg_1", b"{}", at_claim), b"{}", revoked)
        sent = signing.headers("msg_1", b"{}", at_send)
        assert believed(sent, b"{}", new)
        assert not believed(sent, b"{}", revoked)


def test_a_key_that_ends_now_does_not_sign_now() -> None:
    for keys in ([], [replace(HMAC, expires_at=NOW)]):
        with clock.at(NOW), pytest.raises(ValueError, match="No key signs"):
            signing.headers("msg_1", b"{}", keys)


def test_hmac_comes_first_and_one_space_parts_the_signatures() -> None:
    new = signing.new_key()
    with clock.at(NOW):
        signed = signing.headers("msg_1", b"{}", [ED25519, new, HMAC])
        alone = [ours(key, b"{}")["webhook-signature"] for key in (new, HMAC, ED25519)]
    assert signed["webhook-signature"] == " ".join(alone)


# -- what is signed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("message_id", ["", "evt.1", "evt_1.", ".", "evt 1", "evt_1\n", "evt_1\r\nx: y", "evt_ñ"])
def test_an_id_with_anything_but_letters_digits_and_dashes_is_not_signed(message_id: str) -> None:
    with pytest.raises(ValueError, match="id of a message"):
        signing.headers(message_id, b"{}", [HMAC])


@pytest.mark.parametrize("key", KEYS.values(), ids=BOTH)
def test_no_part_of_a_body_can_pose_as_the_id_and_time_of_another_message(key: SigningKey) -> None:
    with clock.at(NOW):
        later = str(int(NOW.timestamp()) + 1)
        signed = ours(key, f"{later}.{{}}".encode())
        forged = signed | {"webhook-id": f"msg_1.{signed['webhook-timestamp']}", "webhook-timestamp": later}
        assert not believed(forged, b"{}", key)


@pytest.mark.parametrize("key", KEYS.values(), ids=BOTH)
@settings(deadline=None)
@given(body=st.binary())
def test_the_exact_bytes_of_any_body_are_signed(key: SigningKey, body: bytes) -> None:
    signed = ours(key, body)
    assert believed(signed, body, key)
    assert not believed(signed, body + b"\0", key)


@pytest.mark.parametrize("body", [MEXICAN, b"", b"\xff\xfe", b"\r\n", "\ufeff{}".encode()])
def test_a_body_is_neither_decoded_nor_normalised(body: bytes) -> None:
    signed = signing.headers("evt_1", body, [HMAC, ED25519])
    signed_bytes = b"evt_1." + signed["webhook-timestamp"].encode() + b"." + body
    digest = base64.b64encode(hmac.digest(base64.b64decode(HMAC.key[6:]), signed_bytes, "sha256")).decode()
    assert items(signed)[0] == ("v1", digest)
    assert believed(signed, body, ED25519)


@pytest.mark.parametrize("key", KEYS.values(), ids=BOTH)
def test_no_bit_of_id_time_body_or_signature_can_be_changed(key: SigningKey) -> None:
    with clock.at(NOW):
        message = ours(key, b"{}") | {"body": "{}"}
        for part, value in message.items():
            for place, bit in itertools.product(range(len(value)), range(8)):
                other = value[:place] + chr(ord(value[place]) ^ 1 << bit) + value[place + 1 :]
                received = message | {part: other}
                assert not believed(received, received.pop("body").encode("latin-1"), key), (part, other)


def test_one_signature_has_one_text() -> None:
    signed = ours(ED25519, b"{}")
    good = signed["webhook-signature"]
    same = [good[:-3] + last + "==" for last in string.ascii_letters + string.digits + "+/"]
    same = [text for text in same if base64.b64decode(text[4:]) == base64.b64decode(good[4:])]
    assert len(same) == 16
    assert [text for text in same if believed(signed | {"webhook-signature": text}, b"{}", ED25519)] == [good]


# -- what is received ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS.values(), ids=BOTH)
@pytest.mark.parametrize("seconds", [-301, -300, 0, 300, 301])
def test_a_message_is_believed_for_five_minutes(key: SigningKey, seconds: int) -> None:
    with clock.at(NOW):
        signed = ours(key, b"{}")
        clock.advance(seconds * SECOND)
        assert believed(signed, b"{}", key) is (abs(seconds) <= 300)


MALFORMED = [
    *({"webhook-id": value} for value in ("", "msg_2", "msg_1\n", "msg_ñ", "\ud800", "msg_1" * 9999)),
    *({"webhook-timestamp": value} for value in
      ("", "0", "-1", "soon", "1e9", "9" * 12, "9" * 99999, "٧", "²", "1795348800.0", " 1795348800", "1795348800\n")),
    *({"webhook-signature": value} for value in
      ("", " ", "v1", "v1,", ",", "v1,AAAA", "v1,%%%", "v1,ñ", "v2,x", "v1a", "v1a,", "v1a,x", "v1a,ñ", "v1a,\ud800",
       "v1,\ud800", "\x00", "," * 999, " " * 99999, "v1a,AAAA " * 999, "v1a," + "A" * 86 + "==", "v1=" + "A" * 44)),
]  # fmt: skip


@pytest.mark.parametrize("change", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_message_is_not_believed(change: dict[str, str]) -> None:
    with clock.at(NOW):
        signed = signing.headers("msg_1", b"{}", [HMAC, ED25519]) | change
        for key in (HMAC, ED25519):
            with pytest.raises(BadSignature):
                signing.verify(signed, b"{}", [key.shown])


def test_a_message_without_its_headers_or_for_nobody_is_not_believed() -> None:
    signed = ours(HMAC, b"{}", ED25519)
    for missing in signed:
        received = {name: value for name, value in signed.items() if name != missing}
        assert not believed(received, b"{}", HMAC, ED25519)
    assert not believed(signed, b"{}")


@pytest.mark.parametrize("key", KEYS.values(), ids=BOTH)
@pytest.mark.parametrize("around", ["{}", "v1 {}", "v1,%%% {}", "v1a,ñ {}", "{} {}", " {} ", "v2,x {}", "a,b,c {} ,"])
def test_malformed_items_do_not_hide_a_good_one(key: SigningKey, around: str) -> None:
    signed = ours(key, b"{}")
    good = signed["webhook-signature"]
    assert believed(signed | {"webhook-signature": around.format(good, good)}, b"{}", key)


def test_a_good_signature_in_a_header_that_is_too_long_is_not_looked_for() -> None:
    signed = ours(HMAC, b"{}")
    good = signed["webhook-signature"]
    for length, is_believed in ((signing.LONGEST_SIGNATURES, True), (signing.LONGEST_SIGNATURES + 1, False)):
        padded = good + " " * (length - len(good))
        assert believed(signed | {"webhook-signature": padded}, b"{}", HMAC) is is_believed


with clock.at(NOW):
    SIGNED = signing.headers("msg_1", b"{}", [HMAC, ED25519])
GOOD = st.sampled_from(SIGNED["webhook-signature"].split(" "))
ITEMS = st.lists(GOOD | ANY | ANY.map("v1,{}".format) | ANY.map("v1a,{}".format), max_size=9).map(" ".join)
ALMOST = st.builds(lambda items: SIGNED | {"webhook-signature": items}, ITEMS)


@settings(deadline=None)
@given(ALMOST | st.dictionaries(st.sampled_from(sorted(SIGNED)), ANY), st.sampled_from([HMAC, ED25519]))
def test_whatever_is_received_it_is_the_id_of_what_was_signed_or_bad_signature(
    received: dict[str, str], key: SigningKey
) -> None:
    good = f"{key.scheme},{dict(items(SIGNED))[key.scheme]}"
    untouched = all(received.get(name) == SIGNED[name] for name in ("webhook-id", "webhook-timestamp"))
    with clock.at(NOW):
        is_signed = good in received.get("webhook-signature", "").split(" ")
        assert believed(received, b"{}", key) is (untouched and is_signed)
