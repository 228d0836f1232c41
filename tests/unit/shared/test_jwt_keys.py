"""Which keys count, for whom, and what a verifier remembers."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk as jose_jwk

from shared import auth, clock, jwt, testing
from shared.errors import Unauthenticated
from shared.jwt import Signer
from shared.testing import ISSUER, private_pem
from shared.trust import verifier as verifying
from shared.trust.verifier import Trust
from tests.unit.shared.forging import CLAIMS, GATEWAY, INTAKE, KEYS, NOW, SECONDS, ask, forge, signed_by, verifier

GOOD = forge()


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


async def test_no_process_starts_on_another_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = testing.settings("intake", tmp_path, KEYS, "sqlite:///x")
    monkeypatch.setattr(jose_jwk, "get_key", lambda _: type("PureKey", (), {"__init__": lambda *_: None}))
    with pytest.raises(RuntimeError, match="leaks keys by timing"):
        testing.runtime(settings)


def test_one_key_has_one_name() -> None:
    assert GATEWAY.public_jwk()["kid"] == GATEWAY.kid == jwt.key_id(GATEWAY.private.public_key())
    assert GATEWAY.kid != INTAKE.kid


# -- services --------------------------------------------------------------------------------------------


async def test_a_service_token_is_for_one_target(tmp_path: Path) -> None:
    """T19"""
    ours = verifier(tmp_path)
    good = auth.service_token(KEYS.signers["referral"], "intake", "x").encode()
    caller = await ours.caller(testing.request_of(b"Bearer " + good))
    assert (caller.is_service, caller.agency) == (True, "urn:ruta:referral")
    for target in ("referral", "consular", "gateway"):
        assert await ask(ours, auth.service_token(KEYS.signers["referral"], target, "x")) == "unauthenticated"


@pytest.mark.parametrize(
    ("change", "typ", "life"),
    [
        ({}, "at+jwt", 60), ({"aud": "ruta"}, "service+jwt", 60), ({}, "service+jwt", 61),
        ({"jti": 7}, "service+jwt", 60), ({"scope": ["facts:write"]}, "service+jwt", 60),
    ],
)  # fmt: skip
async def test_a_service_cannot_pose_as_a_client_nor_live_long(
    tmp_path: Path, change: dict[str, Any], typ: str, life: int
) -> None:
    claims = CLAIMS | {"aud": "urn:ruta:intake"} | change
    token = KEYS.signers["referral"].sign(claims, typ=typ, life=timedelta(seconds=life))
    assert await ask(verifier(tmp_path), token) == "unauthenticated"


async def test_a_service_token_says_its_id_and_its_scope(tmp_path: Path) -> None:
    token = KEYS.signers["referral"].sign({"aud": "urn:ruta:intake"}, typ="service+jwt", life=60 * SECONDS)
    assert await ask(verifier(tmp_path), token) == "unauthenticated"


# -- keys that are new to us -----------------------------------------------------------------------------


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


async def test_unknown_keys_lead_to_one_fetch_in_thirty_seconds(tmp_path: Path) -> None:
    """T4"""
    published, new = Published(GATEWAY), Signer(private_pem(), ISSUER)
    with clock.at(NOW):
        ours = verifier(tmp_path, fetch=published.fetch, jwks_url="http://gateway.test/jwks")
        for _ in range(50):
            assert await ask(ours, signed_by(Signer(private_pem(), ISSUER))) == "unauthenticated"
        assert published.asked == 1
        published.signers.append(new)
        assert await ask(ours, signed_by(new)) == "unauthenticated"
        clock.advance(30 * SECONDS)
        assert await ask(ours, signed_by(new)) == "ok"
        assert await ask(ours, signed_by(GATEWAY)) == "ok"
        assert published.asked == 2


async def test_the_known_keys_hold_while_nothing_can_be_fetched(tmp_path: Path) -> None:
    published = Published()
    published.down = True
    with clock.at(NOW):
        ours = verifier(tmp_path, fetch=published.fetch, jwks_url="http://gateway.test/jwks")
        for _ in range(3):
            clock.advance(timedelta(minutes=6))
            assert await ask(ours, signed_by(Signer(private_pem(), ISSUER))) == "unauthenticated"
            assert await ask(ours, signed_by(GATEWAY)) == "ok"
        assert published.asked == 3


def test_a_key_that_was_retired_does_not_come_back_by_a_late_answer() -> None:
    """T20"""
    key = jwt.public_key(GATEWAY.public_jwk())
    trust = Trust({ISSUER: {"keys": [GATEWAY.public_jwk()]}})
    assert trust.replace(ISSUER, {"new": key})
    trust.add(ISSUER, {GATEWAY.kid: key, "newer": key})
    assert [trust.key(ISSUER, kid) is key for kid in (GATEWAY.kid, "new", "newer")] == [False, True, True]
    assert trust.replace(ISSUER, {GATEWAY.kid: key})  # only who retired it may take it back
    assert trust.key(ISSUER, GATEWAY.kid) is key
    assert trust.key(ISSUER, "newer") is None


# -- what is remembered, and for how long ----------------------------------------------------------------


async def test_a_verified_token_is_remembered_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, request = verifier(tmp_path), testing.request_of(b"Bearer " + GOOD.encode())
    with clock.at(NOW):
        caller = await ours.caller(request)
        with monkeypatch.context() as patched:
            patched.setattr(jwt, "verify", None)  # it would be noticed
            assert await ours.caller(request) is caller
        clock.advance(306 * SECONDS)
        with pytest.raises(Unauthenticated):
            await ours.caller(request)


async def test_it_remembers_no_more_than_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "_CACHED", 3)
    ours = verifier(tmp_path)
    for _ in range(9):
        assert await ask(ours, signed_by(GATEWAY)) == "ok"
    assert len(ours._seen) == 3


# -- what a refusal tells --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, 'Bearer realm="ruta", DPoP algs="ES256"'),
        (b"Basic Yzpz", 'Bearer realm="ruta", DPoP algs="ES256"'),
        (b"Bearer x", 'Bearer realm="ruta", error="invalid_token", DPoP algs="ES256"'),
        (b"DPoP x", 'DPoP algs="ES256", error="invalid_token"'),
    ],
)
async def test_a_refusal_tells_how_to_authenticate_and_not_what_was_wrong(
    tmp_path: Path, authorization: bytes | None, challenge: str
) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await verifier(tmp_path).caller(testing.request_of(*([] if authorization is None else [authorization])))
    assert caught.value.challenge == challenge
    assert caught.value.detail == ""
