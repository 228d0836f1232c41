"""Proof of possession: a bound token counts only with a fresh proof by its key, for this very request (RFC 9449)."""

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared import clock, ids, jwt, testing
from shared.errors import Unauthenticated
from shared.jwt import Signer
from shared.testing import ISSUER, private_pem
from shared.trust import dpop
from shared.trust.verifier import Verifier
from tests.unit.shared.forging import CLAIMS, MOMENT, NOW, SECONDS, b64, forge, text, verifier

HOLDER, OTHER = (Signer(private_pem(), "client") for _ in range(2))
JWK = {name: HOLDER.public_jwk()[name] for name in ("kty", "crv", "x", "y")}
THUMBPRINT = jwt.thumbprint(JWK)
BOUND = forge(CLAIMS | {"cnf": {"jkt": THUMBPRINT}})
UNBOUND = forge()
PATH = "/v1/intake/encounters"


def ath(token: str) -> str:
    return b64(hashlib.sha256(token.encode()).digest())


def proof(key: Signer = HOLDER, header: Any = None, claims: Any = None, **change: Any) -> bytes:
    """A good proof for a POST of an encounter, but for what `header` and `change` say; None leaves a claim out."""
    full = {"htm": "POST", "htu": ISSUER + PATH, "iat": MOMENT, "jti": ids.opaque("jti"), "ath": ath(BOUND)} | change
    said = {name: value for name, value in full.items() if value is not None} if claims is None else claims
    top = {"typ": "dpop+jwt", "alg": "ES256", "jwk": JWK} if header is None else header
    signed = f"{b64(text(top))}.{b64(text(said))}"
    r, s = decode_dss_signature(key.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}".encode()


def header(**change: Any) -> dict[str, Any]:
    return {"typ": "dpop+jwt", "alg": "ES256", "jwk": JWK} | change


async def told(ours: Verifier, *proofs: bytes, token: str = BOUND, scheme: bytes = b"DPoP", **request: Any) -> str:
    """What a request with these proofs gets: `ok`, or the error of the challenge."""
    asked = {"method": "POST", "path": PATH.encode()} | request
    try:
        await ours.caller(testing.request_of(scheme + b" " + token.encode(), proofs=proofs, **asked))
    except Unauthenticated as refusal:
        return refusal.challenge.partition('error="')[2].partition('"')[0]
    return "ok"


async def test_a_bound_token_counts_with_a_proof(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = verifier(tmp_path)
        assert await told(ours, proof()) == "ok"
        assert await told(ours, proof(), scheme=b"dpop") == "ok"
        assert await told(ours, proof(htu=ISSUER + PATH + "?a=1#b")) == "ok"
        browser = JWK | {"key_ops": ["verify"], "ext": True, "kid": "k", "alg": "ES256", "use": "sig"}
        assert await told(ours, proof(header=header(jwk=browser))) == "ok"


TWICE = json.dumps({"htm": "POST", "htu": ISSUER + PATH, "iat": MOMENT, "jti": "j", "ath": ath(BOUND)}).encode()
TWICE = TWICE[:-1] + b', "jti": "k"}'
BAD: dict[str, Any] = {
    "T14 by another key": proof(OTHER, header(jwk={**JWK, **OTHER.public_jwk()})),
    "T14 signed by another key than it shows": proof(OTHER),
    "T15 another method": proof(htm="GET"),
    "T15 the method in small letters": proof(htm="post"),
    "T15 another path": proof(htu=ISSUER + "/v1/intake/children"),
    "T15 another host": proof(htu="http://evil.test" + PATH),
    "T15 another scheme": proof(htu="https://gateway.test" + PATH),
    "T15 another port": proof(htu="http://gateway.test:8080" + PATH),
    "T15 the inner address": proof(htu="http://service.test" + PATH),
    "T15 a user in the address": proof(htu="http://gateway.test@evil.test" + PATH),
    "T15 no address": proof(htu="/v1/intake/encounters"),
    "T15 an address that is none": proof(htu="http://[::1" + PATH),
    "T15 htu is a list": proof(htu=[ISSUER + PATH]),
    "T15 a slash more": proof(htu=ISSUER + PATH + "/"),
    "T15 an escaped slash": proof(htu=ISSUER + "/v1%2Fintake/encounters"),
    "T15 for another token": proof(ath=ath(UNBOUND)),
    "T15 ath absent": proof(ath=None),
    "T15 66 seconds old": proof(iat=MOMENT - 66),
    "T15 from the future": proof(iat=MOMENT + 6),
    "T15 iat is a text": proof(iat=str(MOMENT)),
    "T15 iat is a float": proof(iat=MOMENT + 0.0),
    "T15 iat is true": proof(iat=True),
    "T15 iat is absent": proof(iat=None),
    "T15 jti absent": proof(jti=None),
    "T15 jti empty": proof(jti=""),
    "T15 jti long": proof(jti="a" * 257),
    "T15 jti is a number": proof(jti=7),
    "T15 htm absent": proof(htm=None),
    "T15 htu absent": proof(htu=None),
    "typ JWT": proof(header=header(typ="JWT")),
    "typ of an access token": proof(header=header(typ="at+jwt")),
    "alg none": proof(header=header(alg="none")),
    "alg HS256": proof(header=header(alg="HS256")),
    "crit": proof(header=header(crit=["iat"])),
    "kid in the header": proof(header=header(kid="x")),
    "no key": proof(header={"typ": "dpop+jwt", "alg": "ES256"}),
    "key is a text": proof(header=header(jwk="x")),
    "a private key": proof(header=header(jwk=JWK | {"d": JWK["x"]})),
    "a private member of another kind": proof(header=header(jwk=JWK | {"k": "AAAA"})),
    "a certificate": proof(header=header(jwk=JWK | {"x5u": "https://evil.test"})),
    "P-384": proof(header=header(jwk=JWK | {"crv": "P-384"})),
    "RSA": proof(header=header(jwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"})),
    "a symmetric key": proof(header=header(jwk={"kty": "oct", "k": "AAAA"})),
    "another alg in the key": proof(header=header(jwk=JWK | {"alg": "ES512"})),
    "a key for encryption": proof(header=header(jwk=JWK | {"use": "enc"})),
    "a key that signs": proof(header=header(jwk=JWK | {"key_ops": ["sign", "verify"]})),
    "a key whose name is a list": proof(header=header(jwk=JWK | {"kid": ["x"]})),
    "x padded": proof(header=header(jwk=JWK | {"x": JWK["x"] + "="})),
    "x with a zero in front": proof(header=header(jwk=JWK | {"x": "A" + JWK["x"]})),
    "x is no point": proof(header=header(jwk=JWK | {"x": JWK["y"], "y": JWK["y"]})),
    "x is a list": proof(header=header(jwk=JWK | {"x": [JWK["x"]]})),
    "junk": b"junk",
    "empty": b"",
    "not ASCII": proof()[:-1] + b"\xc5",
    "padding": proof() + b"==",
    "5 MB": b"a" * 5_000_000,
    "deep": proof(header=b'{"jwk":' + b"[" * 180 + b"]" * 180 + b"}"),
    "a claim twice": proof(claims=TWICE),
    "claims that are a list": proof(claims=b"[]"),
}


@pytest.mark.parametrize("name", list(BAD))
async def test_a_proof_for_anything_else_proves_nothing(tmp_path: Path, name: str) -> None:
    with clock.at(NOW):
        assert await told(verifier(tmp_path), BAD[name]) == "invalid_dpop_proof"


async def test_a_proof_counts_once(tmp_path: Path) -> None:
    """T15"""
    with clock.at(NOW):
        ours, used = verifier(tmp_path), proof()
        assert await told(ours, used) == "ok"
        assert await told(ours, used) == "invalid_dpop_proof"
        head, claims, _ = used.decode().split(".")
        r, s = decode_dss_signature(HOLDER.private.sign(f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256())))
        respelled = f"{head}.{claims}.{b64(r.to_bytes(32) + s.to_bytes(32))}".encode()
        assert respelled != used
        assert await told(ours, respelled) == "invalid_dpop_proof", "its id counts, not how it is signed"


async def test_a_proof_is_remembered_as_long_as_it_could_count(tmp_path: Path) -> None:
    """One from a clock that is 5 s ahead counts for 70 s."""
    with clock.at(NOW):
        ours = verifier(tmp_path)
        assert await told(ours, proof()) == "ok"
        clock.advance(1 * SECONDS)
        late = proof(iat=MOMENT + 6)
        assert await told(ours, late) == "ok"
        for _ in range(70):
            clock.advance(1 * SECONDS)
            assert await told(ours, late) == "invalid_dpop_proof"


async def test_without_one_proof_a_bound_token_is_nobodys(tmp_path: Path) -> None:
    """T14"""
    with clock.at(NOW):
        ours = verifier(tmp_path)
        assert await told(ours) == "invalid_dpop_proof"
        assert await told(ours, proof(), proof()) == "invalid_dpop_proof"
        assert await told(ours, scheme=b"Bearer") == "invalid_token"
        assert await told(ours, proof(), scheme=b"Bearer") == "invalid_token"


async def test_an_unbound_token_never_counts_with_a_proof(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = verifier(tmp_path)
        assert await told(ours, proof(ath=ath(UNBOUND)), token=UNBOUND) == "invalid_token"
        assert await told(ours, token=UNBOUND, scheme=b"Bearer") == "ok"
        assert await told(ours, proof(ath=ath(UNBOUND)), token=UNBOUND) == "invalid_token", (
            "one that is remembered, too"
        )


@pytest.mark.parametrize("bound", [None, {}, "x", {"jkt": 7}, {"jkt": "short"}, {"x5t#S256": "a" * 43},
                                   {"jkt": THUMBPRINT, "x5t#S256": "a" * 43}])  # fmt: skip
async def test_a_binding_that_we_cannot_check_is_none_that_we_overlook(tmp_path: Path, bound: Any) -> None:
    with clock.at(NOW):
        token = forge(CLAIMS | {"cnf": bound})
        for scheme in (b"Bearer", b"DPoP"):
            assert await told(verifier(tmp_path), proof(ath=ath(token)), token=token, scheme=scheme) == "invalid_token"


async def test_a_token_is_remembered_its_proof_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clock.at(NOW):
        ours = verifier(tmp_path)
        assert await told(ours, proof()) == "ok"
        monkeypatch.setattr(jwt, "verify", None)  # it would be noticed
        assert await told(ours, proof()) == "ok"
        assert await told(ours) == "invalid_dpop_proof"
        assert await told(ours, proof(OTHER, header(jwk=OTHER.public_jwk()))) == "invalid_dpop_proof"


async def test_what_was_wrong_takes_no_room_and_spoils_no_proof(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours, right = verifier(tmp_path), proof(jti="once")
        assert await told(ours, right, path=b"/v1/intake/other") == "invalid_dpop_proof"
        assert await told(ours, proof(OTHER, header(jwk=OTHER.public_jwk()), jti="once")) == "invalid_dpop_proof"
        assert await told(ours, right) == "ok"


def test_a_flood_is_refused_to_who_sends_it_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dpop, "MOST", 100)
    with clock.at(NOW):
        used = dpop.Used()
        for number in range(100):
            used.must_be_new("flooder", dpop.Proof("k" if number % 2 else "l", str(number)))
        with pytest.raises(dpop.BadProof, match="too many"):
            used.must_be_new("flooder", dpop.Proof("m", "100"))
        with pytest.raises(dpop.BadProof, match="replayed"):
            used.must_be_new("flooder", dpop.Proof("k", "99"))
        used.must_be_new("other", dpop.Proof("k", "99"))
        clock.advance(timedelta(seconds=70))
        used.must_be_new("flooder", dpop.Proof("m", "100"))
        clock.advance(timedelta(seconds=140))
        used.must_be_new("third", dpop.Proof("m", "100"))
        assert sum(len(each) for half in (used._young, used._old) for each in half.values()) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP://Gateway.Test/a", "http://gateway.test/a"),
        ("http://gateway.test:80/a", "http://gateway.test/a"),
        ("https://gateway.test:443", "https://gateway.test/"),
        ("http://gateway.test/%61%2f", "http://gateway.test/a%2F"),
        ("http://gateway.test/b/../a", "http://gateway.test/a"),
        ("http://gateway.test/b/./a/..", "http://gateway.test/b/"),
        ("http://gateway.test/../../a", "http://gateway.test/a"),
        ("http://gateway.test/a?x#y", "http://gateway.test/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
    ],
)
def test_one_address_has_one_spelling(one: str, other: str) -> None:
    assert dpop.normalised(one) == dpop.normalised(other) == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.test/a//b", "http://a.test/a/b"),
        ("http://a.test/A", "http://a.test/a"),
        ("http://a.test/a%2Fb", "http://a.test/a/b"),
        ("http://a.test/a/", "http://a.test/a"),
        ("http://a.test:443/", "http://a.test/"),
    ],
)
def test_two_addresses_stay_two(one: str, other: str) -> None:
    assert dpop.normalised(one) != dpop.normalised(other)


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    """The key of RFC 9449, section 4.1, and its thumbprint of section 6.1."""
    key = {
        "kty": "EC", "crv": "P-256", "kid": "not part of it",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    }  # fmt: skip
    assert jwt.thumbprint(key) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


async def test_the_example_of_rfc_9449_verifies() -> None:
    """Section 4.1, at the moment of its iat."""
    example = (
        b"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
        b"cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
        b"In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2Vu"
        b"IiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    issued = json.loads(base64.urlsafe_b64decode(example.split(b".")[1] + b"=="))["iat"]
    with clock.at(NOW + timedelta(seconds=issued - MOMENT)):
        read = dpop.read([example], method="POST", address="https://server.example.com/token")
    assert read == dpop.Proof("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "-BwC3ESc6acc2lTc")
