"""Group T of the attack catalogue: every forged token is refused, and refused quickly."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock, jwt, testing
from shared.errors import Unauthenticated
from shared.jwt import BadToken
from tests.unit.shared.forging import (
    CLAIMS,
    GATEWAY,
    HEADER,
    INTAKE,
    MOMENT,
    NOW,
    ask,
    b64,
    check,
    forge,
    hmac_signed,
    text,
    verifier,
    without,
)  # fmt: skip


async def accepted(folder: Path, token: str | bytes) -> bool:
    """Whether intake takes the token, at a quarter of a moment after it was made."""
    with clock.at(NOW):
        return await ask(verifier(folder), token) == "ok"


PUBLIC = GATEWAY.private.public_key()
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PEM, DER = (PUBLIC.public_bytes(form, SPKI) for form in (serialization.Encoding.PEM, serialization.Encoding.DER))
GOOD = forge()
BARE = GOOD.rpartition(".")[0]
DEEP = b'{"a":' + b"[" * 1400 + b"]" * 1400 + b"}"

FORGED: dict[str, Any] = {
    "T1 alg none": f"{b64(text(HEADER | {'alg': 'none'}))}.{b64(text(CLAIMS))}.",
    "T1 alg NONE": f"{b64(text(HEADER | {'alg': 'NONE'}))}.{b64(text(CLAIMS))}.{'A' * 86}",
    "T1 alg absent": forge(header={"typ": "at+jwt", "kid": GATEWAY.kid}),
    "T1 no signature": BARE + ".",
    "T1 two parts": BARE,
    "T2 HMAC over the PEM": hmac_signed(PEM),
    "T2 HMAC over the PEM without its newline": hmac_signed(PEM.strip()),
    "T2 HMAC over the DER": hmac_signed(DER),
    "T2 HMAC over the JWK": hmac_signed(json.dumps(GATEWAY.public_jwk()).encode()),
    "T3 jwk": forge(header=HEADER | {"jwk": INTAKE.public_jwk()}, key=INTAKE),
    "T3 jku": forge(header=HEADER | {"jku": "https://evil.example/jwks"}),
    "T3 x5u": forge(header=HEADER | {"x5u": "https://evil.example/cert"}),
    "T4 kid unknown": forge(header=HEADER | {"kid": "nobody"}),
    "T4 kid traversal": forge(header=HEADER | {"kid": "../../etc/passwd"}),
    "T4 kid SQL": forge(header=HEADER | {"kid": "' OR 1=1 --"}),
    "T4 kid list": forge(header=HEADER | {"kid": [GATEWAY.kid]}),
    "T4 kid null": forge(header=HEADER | {"kid": None}),
    "T5 another's key": forge(key=INTAKE),
    "T5 another's kid": forge(header=HEADER | {"kid": INTAKE.kid}),
    "T6 crit": forge(header=HEADER | {"crit": ["exp"]}),
    "T6 alg twice": forge(header=text(HEADER)[:-1] + b',"alg":"none"}'),
    "T6 b64": forge(header=HEADER | {"b64": False}),
    "T6 alg in small letters": forge(header=HEADER | {"alg": "es256"}),
    "T7 typ JWT": forge(header=HEADER | {"typ": "JWT"}),
    "T7 typ AT+JWT": forge(header=HEADER | {"typ": "AT+JWT"}),
    "T7 typ of a client assertion": forge(header=HEADER | {"typ": "client-authentication+jwt"}),
    "T7 typ of a service": forge(header=HEADER | {"typ": "service+jwt"}),
    "T7 typ absent": forge(header={"alg": "ES256", "kid": GATEWAY.kid}),
    **{f"T8 without {name}": forge(without(name)) for name in CLAIMS},
    **{f"T8 {name} is a number": forge(CLAIMS | {name: 7}) for name in CLAIMS if name not in ("iat", "exp")},
    **{f"T8 {name} is null": forge(CLAIMS | {name: None}) for name in CLAIMS},
    "T8 office is a list": forge(CLAIMS | {"office": ["a"]}),
    "T8 sub is another client": forge(CLAIMS | {"sub": "d"}),
    "T9 aud of a sibling": forge(CLAIMS | {"aud": "urn:ruta:referral"}),
    "T9 aud list": forge(CLAIMS | {"aud": ["ruta"]}),
    "T9 aud list of two": forge(CLAIMS | {"aud": ["ruta", "other"]}),
    "T10 exp is a text": forge(CLAIMS | {"exp": str(MOMENT + 300)}),
    "T10 exp is true": forge(CLAIMS | {"exp": True}),
    "T10 exp is a float": forge(CLAIMS | {"exp": MOMENT + 300.0}),
    "T10 exp is Infinity": forge(text(CLAIMS).replace(b'"exp": %d' % (MOMENT + 300), b'"exp": Infinity')),
    "T10 exp is 1e999": forge(text(CLAIMS).replace(b'"exp": %d' % (MOMENT + 300), b'"exp": 1e999')),
    "T10 exp has 1000 digits": forge(text(CLAIMS).replace(b'"exp": %d' % (MOMENT + 300), b'"exp": ' + b"9" * 1000)),
    "T10 exp past": forge(CLAIMS | {"iat": MOMENT - 306, "exp": MOMENT - 6}),
    "T10 exp before iat": forge(CLAIMS | {"iat": MOMENT + 4, "exp": MOMENT + 3}),
    "T10 exp in 100 years": forge(CLAIMS | {"exp": MOMENT + 3_155_760_000}),
    "T10 one second too long": forge(CLAIMS | {"exp": MOMENT + 301}),
    "T10 iat future": forge(CLAIMS | {"iat": MOMENT + 6, "exp": MOMENT + 200}),
    "T10 iat is a text": forge(CLAIMS | {"iat": str(MOMENT)}),
    "T10 nbf future": forge(CLAIMS | {"nbf": MOMENT + 6}),
    "T10 nbf is a text": forge(CLAIMS | {"nbf": str(MOMENT)}),
    "T11 padding": GOOD + "==",
    "T11 junk": GOOD + "!",
    "T11 junk inside": GOOD[:-10] + "!" + GOOD[-10:],
    "T11 newline": GOOD + "\n",
    "T11 space": " " + GOOD,
    "T11 four parts": GOOD + ".",
    "T11 standard alphabet": GOOD.replace("-", "+").replace("_", "/") if set("-_") & set(GOOD) else GOOD + "+",
    "T11 a letter that is none": GOOD[:-1] + "Å",
    "T18 5 MB": "a" * 5_000_000,
    "T18 5 MB of dots": "." * 5_000_000,
    "T18 deep": forge(DEEP),
    "T18 deep header": forge(header=b'{"alg":' + b"[" * 180 + b"]" * 180 + b"}"),
    "a claim twice": forge(text(CLAIMS)[:-1] + b',"agency":"dif-chp"}'),
    "a lone surrogate": forge(text(CLAIMS)[:-1] + b',"x":"\\ud800"}'),
    "not UTF-8": forge(text(CLAIMS)[:-1] + b',"x":"\xff"}'),
    "claims that are a list": forge([]),
    "claims that are null": forge(b"null"),
    "a header that is a list": forge(header=[]),
    "a gateway's token that poses as a service": forge(CLAIMS | {"agency_kind": "SERVICE"}),
    "an empty token": "",
    "a raw zero signature": f"{BARE}.{'A' * 86}",
}  # fmt: skip


async def test_a_good_token_says_who_calls(tmp_path: Path) -> None:
    with clock.at(NOW):
        caller = await verifier(tmp_path).caller(testing.request_of(b"bearer " + GOOD.encode()))
    assert (caller.client_id, caller.agency, caller.scopes) == ("c", "inm-chp", frozenset({"intake:read"}))
    assert not caller.is_service


@pytest.mark.parametrize("name", list(FORGED))
async def test_a_forged_token_is_refused(tmp_path: Path, name: str) -> None:
    assert not await accepted(tmp_path, FORGED[name])


@pytest.mark.parametrize("name", [name for name in FORGED if name.startswith("T18")])
async def test_what_should_tire_us_is_refused_in_less_than_ten_milliseconds(tmp_path: Path, name: str) -> None:
    ours, request = verifier(tmp_path), testing.request_of(b"Bearer " + FORGED[name].encode())

    async def took() -> float:
        started = time.perf_counter()
        with pytest.raises(Unauthenticated):
            await ours.caller(request)
        return time.perf_counter() - started

    assert min([await took() for _ in range(7)]) < 0.010


async def test_the_last_character_of_a_signature_has_one_spelling(tmp_path: Path) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [GOOD[:-1] + letter for letter in alphabet if letter != GOOD[-1]]
    assert not any([await accepted(tmp_path, other) for other in others])


@pytest.mark.parametrize(
    "headers", [[], [b""], [b"Bearer"], [b"Basic " + GOOD.encode()], [GOOD.encode()], [b"Bearer " + GOOD.encode()] * 2]
)
async def test_a_token_comes_in_one_authorization_header(tmp_path: Path, headers: list[bytes]) -> None:
    with clock.at(NOW), pytest.raises(Unauthenticated):
        await verifier(tmp_path).caller(testing.request_of(*headers))


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_token_with_one_byte_changed_never_says_something_else(place: int, value: int) -> None:
    raw = bytearray(GOOD.encode())
    raw[place] = value
    try:
        changed = bytes(raw).decode()
    except UnicodeDecodeError:
        return
    with clock.at(NOW):
        try:
            claims = check(changed)
        except BadToken:
            assert changed != GOOD
        else:
            assert changed == GOOD
            assert claims == CLAIMS


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: f"{b64(raw)}.{b64(raw)}.{'A' * 86}"))
def test_nothing_but_bad_token_is_ever_raised(token: str) -> None:
    with pytest.raises(BadToken):
        jwt.unverified_key_id(token)
    with pytest.raises(BadToken):
        check(token)
