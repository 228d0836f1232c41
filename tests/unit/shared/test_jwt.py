"""Group T of the attack catalogue: every forged token is refused, and refused quickly."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jwk as jose_jwk

from shared import auth, clock, ids, jwt, testing
from shared.auth import Trust, Verifier
from shared.errors import Unauthenticated
from shared.jwt import BadToken, Signer
from shared.testing import ISSUER, Keys, private_pem

KEYS = Keys()
GATEWAY, INTAKE = KEYS.signers["gateway"], KEYS.signers["intake"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
CLAIMS = {
    "iss": ISSUER, "aud": "ruta", "iat": MOMENT, "exp": MOMENT + 300, "sub": "c", "client_id": "c", "jti": "j",
    "scope": "intake:read", "agency": "inm-chp", "agency_kind": "INM", "role": "officer",
}  # fmt: skip
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": GATEWAY.kid}
SECONDS = timedelta(seconds=1)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def forge(claims: Any = CLAIMS, header: Any = HEADER, key: Signer = GATEWAY) -> str:
    """Return a token that is signed rightly, whatever it says."""
    signed = f"{b64(text(header))}.{b64(text(claims))}"
    r, s = decode_dss_signature(key.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def hmac_signed(secret: bytes) -> str:
    signed = f"{b64(text(HEADER | {'alg': 'HS256'}))}.{b64(text(CLAIMS))}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def verifier(folder: Path, **more: Any) -> Verifier:
    made = testing.settings("intake", folder, KEYS, "sqlite:///x", **more)
    return Verifier(made, Trust(KEYS.trust["issuers"]))


async def accepted(folder: Path, token: str | bytes) -> bool:
    """Whether intake takes the token, at a quarter of a moment after it was made."""
    raw = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
    with clock.at(NOW):
        try:
            await verifier(folder).caller([b"Bearer " + raw])
        except Unauthenticated:
            return False
    return True


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
        caller = await verifier(tmp_path).caller([b"bearer " + GOOD.encode()])
    assert (caller.client_id, caller.agency, caller.scopes) == ("c", "inm-chp", frozenset({"intake:read"}))
    assert not caller.is_service


@pytest.mark.parametrize("name", list(FORGED))
async def test_a_forged_token_is_refused(tmp_path: Path, name: str) -> None:
    assert not await accepted(tmp_path, FORGED[name])


@pytest.mark.parametrize("name", [name for name in FORGED if name.startswith("T18")])
async def test_what_should_tire_us_is_refused_in_less_than_ten_milliseconds(tmp_path: Path, name: str) -> None:
    ours, header = verifier(tmp_path), [b"Bearer " + FORGED[name].encode()]

    async def took() -> float:
        started = time.perf_counter()
        with pytest.raises(Unauthenticated):
            await ours.caller(header)
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
        await verifier(tmp_path).caller(headers)


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


def check(token: str) -> dict[str, Any]:
    return jwt.verify(
        token, jwt.public_key(GATEWAY.public_jwk()), typ="at+jwt", issuer=ISSUER, audience="ruta",
        longest=auth.ACCESS_LIFE, required=frozenset(),
    )  # fmt: skip


# -- keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA"}, {"crv": "P-384"}, {"d": "AAAA"}, {"crv": None}, {"x": "AAAA"}],
)
def test_only_a_public_p256_key_verifies(change: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        jwt.public_key(GATEWAY.public_jwk() | change)
    assert not isinstance(caught.value, AssertionError)


def test_only_a_p256_key_signs() -> None:
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="P-256"):
        Signer(other, "urn:x")


def test_another_backend_than_cryptography_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class AnotherKey:
        """As the pure-Python backend has it, whose packages the lock leaves out."""

        def __init__(self, *_: object) -> None: ...

    monkeypatch.setattr(jose_jwk, "get_key", lambda _: AnotherKey)
    with pytest.raises(RuntimeError, match="cryptography"):
        jwt.public_key(GATEWAY.public_jwk())
    with pytest.raises(RuntimeError, match="cryptography"):
        Signer(private_pem(), "urn:x")


def test_one_key_has_one_name() -> None:
    assert GATEWAY.public_jwk()["kid"] == GATEWAY.kid == jwt.key_id(GATEWAY.private.public_key())
    assert GATEWAY.kid != INTAKE.kid


# -- services --------------------------------------------------------------------------------------------


async def test_a_service_token_is_for_one_target(tmp_path: Path) -> None:
    ours = verifier(tmp_path)
    caller = await ours.caller([b"Bearer " + auth.service_token(KEYS.signers["referral"], "intake", "x").encode()])
    assert (caller.is_service, caller.agency) == (True, "urn:ruta:referral")
    for target in ("referral", "consular", "gateway"):
        token = auth.service_token(KEYS.signers["referral"], target, "x")
        with pytest.raises(Unauthenticated):
            await ours.caller([b"Bearer " + token.encode()])


@pytest.mark.parametrize(
    ("change", "typ", "life"),
    [
        ({}, "at+jwt", 60), ({"aud": "ruta"}, "service+jwt", 60), ({}, "service+jwt", 61), ({"jti": None}, "", 60),
    ],
)  # fmt: skip
async def test_a_service_cannot_pose_as_a_client_nor_live_long(
    tmp_path: Path, change: dict[str, Any], typ: str, life: int
) -> None:
    claims = CLAIMS | {"aud": "urn:ruta:intake"} | change
    token = KEYS.signers["referral"].sign(claims, typ=typ or "service+jwt", life=timedelta(seconds=life))
    if change == {"jti": None}:
        token = KEYS.signers["referral"].sign({"aud": "urn:ruta:intake"}, typ="service+jwt", life=60 * SECONDS)
    with pytest.raises(Unauthenticated):
        await verifier(tmp_path).caller([b"Bearer " + token.encode()])


# -- what is remembered, and for how long ----------------------------------------------------------------


class Published:
    """Stands for the gateway's JWKS."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = list(signers)
        self.asked = 0
        self.down = False

    async def fetch(self, _: str) -> Mapping[str, Any]:
        self.asked += 1
        if self.down:
            raise ConnectionError
        return {"keys": [each.public_jwk() for each in self.signers]}


def watching(folder: Path, published: Published) -> Verifier:
    made = testing.settings("intake", folder, KEYS, "sqlite:///x", jwks_url="http://gateway.test/jwks")
    return Verifier(made, Trust(KEYS.trust["issuers"]), published.fetch)


async def ask(ours: Verifier, token: str) -> bool:
    try:
        await ours.caller([b"Bearer " + token.encode()])
    except Unauthenticated:
        return False
    return True


def signed_by(signer: Signer) -> str:
    return signer.sign(CLAIMS | {"jti": ids.opaque("jti")}, typ="at+jwt", life=auth.ACCESS_LIFE)


async def test_unknown_keys_lead_to_one_fetch_in_thirty_seconds(tmp_path: Path) -> None:
    published, new = Published(GATEWAY), Signer(private_pem(), ISSUER)
    with clock.at(NOW):
        ours = watching(tmp_path, published)
        for _ in range(50):
            assert not await ask(ours, signed_by(Signer(private_pem(), ISSUER)))
        assert published.asked == 1
        published.signers.append(new)
        assert not await ask(ours, signed_by(new))
        clock.advance(30 * SECONDS)
        assert await ask(ours, signed_by(new))
        assert await ask(ours, signed_by(GATEWAY))
        assert published.asked == 2


async def test_a_retired_key_is_refused_within_five_minutes(tmp_path: Path) -> None:
    new = Signer(private_pem(), ISSUER)
    published = Published(new)
    with clock.at(NOW):
        ours = watching(tmp_path, published)
        assert await ask(ours, signed_by(GATEWAY))  # the trust file still has it
        clock.advance(timedelta(minutes=5))
        assert not await ask(ours, signed_by(GATEWAY))
        assert await ask(ours, signed_by(new))


async def test_the_known_keys_hold_while_the_gateway_is_down(tmp_path: Path) -> None:
    published = Published()
    published.down = True
    with clock.at(NOW):
        ours = watching(tmp_path, published)
        for _ in range(3):
            clock.advance(timedelta(minutes=6))
            assert await ask(ours, signed_by(GATEWAY))
        assert published.asked == 3


async def test_a_verified_token_is_remembered_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, header = verifier(tmp_path), [b"Bearer " + GOOD.encode()]
    with clock.at(NOW):
        caller = await ours.caller(header)
        with monkeypatch.context() as patched:
            patched.setattr(jwt, "verify", None)  # it would be noticed
            assert await ours.caller(header) is caller
        clock.advance(306 * SECONDS)
        with pytest.raises(Unauthenticated):
            await ours.caller(header)


async def test_it_remembers_no_more_than_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_CACHED", 3)
    ours = verifier(tmp_path)
    for _ in range(9):
        assert await ask(ours, signed_by(GATEWAY))
    assert len(ours._seen) == 3
