"""Our verifier against an independent library, on tokens that Hypothesis bends in every direction.

Whatever we accept, joserfc accepts too, with its strict options, and reads the same. What it
accepts and we refuse, we refuse for a reason that is named here.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc import jwt as oracle_jwt
from joserfc.jwk import ECKey
from joserfc.jwt import JWTClaimsRegistry

from shared import auth, clock, jwt
from shared.jwt import BadToken
from shared.testing import ISSUER
from shared.trust.verifier import ACCESS_CLAIMS, caller_of
from tests.unit.shared.forging import CLAIMS, GATEWAY, HEADER, INTAKE, MOMENT, NOW, forge

OURS = jwt.public_key(GATEWAY.public_jwk())
THEIRS = ECKey.import_key(dict(GATEWAY.public_jwk()))
NEEDED: dict[str, Any] = {name: {"essential": True, "allow_blank": True} for name in ACCESS_CLAIMS}
RULES = JWTClaimsRegistry(
    now=MOMENT, leeway=5, iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": "ruta"},
    iat={"essential": True}, exp={"essential": True},
    **NEEDED,
)  # fmt: skip

STRICTER = {
    "typ": "RFC 9068, 4: only an access token is one",
    "header": "exactly alg, typ and kid: what we do not know we do not ignore",
    "shape": "4,096 characters and an alphabet are enough for every honest token",
    "base64url is not canonical": "one token, one spelling",
    "base64url": "as above",
    "iss or aud": "one audience, as text: a list could name another one too",
    "sub or jti is not a text": "RFC 7519, 4.1.2 and 4.1.7",
    "iat, exp or nbf is not an integer": "1.5, true and 1e3 are read differently elsewhere",
    "claims": "all of them texts, and sub is the client",
    "services sign for themselves": "no client is one",
    "lives too long": "five minutes, whatever it says",
    "expired or not yet valid": "the last second of the leeway is over when it begins",
    "a key is repeated": "parsers disagree on which one counts",
    "a number beyond all numbers": "1e999 is infinite to one parser and not to another",
    "NaN and Infinity are not JSON": "RFC 8259, 6",
    "not UTF-8": "RFC 7519, 7.1: nothing else is JSON in a token",
    "a NUL character": "databases and C programs end there",
    "half a surrogate pair": "no UTF-8 says it",
    "nested deeper than 32 levels": "what nobody needs",
}
EXAMPLES = [250, pytest.param(10_000, marks=pytest.mark.long)]


def ours(token: str) -> tuple[dict[str, Any] | None, str]:
    try:
        claims = jwt.verify(
            token, OURS, typ="at+jwt", issuer=ISSUER, audience="ruta", longest=auth.ACCESS_LIFE, required=ACCESS_CLAIMS
        )
        caller_of(claims)
    except BadToken as error:
        return None, str(error)
    return claims, ""


def theirs(token: str) -> dict[str, Any] | None:
    try:
        read = oracle_jwt.decode(token, THEIRS, algorithms=["ES256"])
        RULES.validate(read.claims)
    except Exception:  # whatever an oracle raises, it does not accept
        return None
    return dict(read.claims)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=5), scalars, max_size=3)
moments = st.integers(MOMENT - 320, MOMENT + 620) | st.sampled_from(
    [MOMENT - 5, MOMENT + 5, MOMENT + 300, MOMENT + 301]
)
bent_claims = st.fixed_dictionaries(
    {},
    optional={name: json_values | st.sampled_from(list(CLAIMS.values())) for name in CLAIMS}
    | {"iat": moments, "exp": moments | st.floats(MOMENT, MOMENT + 300), "nbf": moments | json_values}
    | {"aud": st.sampled_from(["ruta", ["ruta"], ["ruta", "x"], "urn:ruta:intake"]), "x": json_values},
)
bent_header = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["ES256", "none", "HS256", "es256", "ES384", ["ES256"], None]),
        "typ": st.sampled_from(["at+jwt", "JWT", "AT+JWT", "application/at+jwt", "service+jwt", None]),
        "kid": json_values, "crit": json_values, "b64": st.booleans(), "jwk": json_values, "cty": json_values,
    },
)  # fmt: skip
dropped = st.sets(st.sampled_from([*CLAIMS, *HEADER]), max_size=2)
spellings: list[Callable[[Any], bytes]] = [
    lambda value: json.dumps(value).encode(),
    lambda value: json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass"),
    lambda value: json.dumps(value)[:-1].encode() + b',"exp":%d}' % (MOMENT + 300),
    lambda value: json.dumps(value).encode("utf-16"),
]


def scratched(draw: st.DrawFn, token: str) -> str:
    """The token as it is, or with a few characters put in or lost somewhere."""
    if draw(st.booleans()):
        return token
    place = draw(st.integers(0, len(token)))
    return token[:place] + draw(st.text("AZaz09-_.=+ /\n", max_size=3)) + token[place + draw(st.integers(0, 2)) :]


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """A token that is signed rightly more often than not, and says strange things in strange ways."""
    gone = draw(dropped)
    # A quarter of each is left alone: else hardly one token would be good in every other respect.
    claims = CLAIMS | draw(st.just({}) | bent_claims)
    header = HEADER | draw(st.just({}) | st.just({}) | bent_header)
    parts = [{name: value for name, value in part.items() if name not in gone} for part in (claims, header)]
    spell = draw(st.sampled_from([spellings[0], *spellings]))
    token = forge(spell(parts[0]), spellings[0](parts[1]), draw(st.sampled_from([GATEWAY, GATEWAY, GATEWAY, INTAKE])))
    return scratched(draw, token)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_what_we_accept_the_oracle_accepts_and_reads_alike(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(tokens())
    def holds(token: str) -> None:
        with clock.at(NOW):
            (claims, reason), expected = ours(token), theirs(token)
        event(f"ours {'accepts' if claims else 'refuses'}, oracle {'accepts' if expected else 'refuses'}")
        if claims is not None:
            assert claims == expected
        elif expected is not None:
            assert reason in STRICTER or reason.startswith("missing "), reason

    holds()


def test_the_oracle_sees_the_same_good_token() -> None:
    with clock.at(NOW):
        assert ours(forge())[0] == theirs(forge()) == CLAIMS


# -- proofs of possession --------------------------------------------------------------------------------

JWK = {name: GATEWAY.public_jwk()[name] for name in ("kty", "crv", "x", "y")}
PROOF = {"typ": "dpop+jwt", "alg": "ES256", "jwk": JWK}
SAID = {"jti": "j", "htm": "POST", "htu": ISSUER, "iat": MOMENT}
STRICTER_PROOFS = {
    **STRICTER,
    "jwk": "no member that could be private, and one spelling of the rest",
    "not JSON": "the oracle leaves the claims of a JWS unread",
    "not an object": "as above",
}


def our_proof(token: str) -> tuple[tuple[dict[str, Any], dict[str, Any]] | None, str]:
    try:
        return jwt.verify_proof(token, typ="dpop+jwt"), ""
    except BadToken as error:
        return None, str(error)


def their_proof(token: str) -> bytes | None:
    """What the oracle says that the key in the header has signed."""
    try:
        head = token.partition(".")[0]
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        key = ECKey.import_key(header["jwk"])
        if key.is_private:
            return None
        return jws.deserialize_compact(token, key, algorithms=["ES256"]).payload
    except Exception:  # as above
        return None


@st.composite
def proofs(draw: st.DrawFn) -> str:
    key = JWK | draw(
        st.just({})
        | st.fixed_dictionaries(
            {},
            optional={
                "d": st.just(GATEWAY.public_jwk()["x"]), "kid": json_values, "use": st.sampled_from(["sig", "enc"]),
                "alg": st.sampled_from(["ES256", "ES512", None]), "kty": st.sampled_from(["EC", "OKP", "oct", 7]),
                "crv": st.sampled_from(["P-256", "P-384", "secp256k1"]), "key_ops": st.just(["verify"]) | json_values,
                "ext": st.booleans(), "z": json_values,
                "x": st.sampled_from([JWK["y"], JWK["x"] + "=", "AA" + JWK["x"], ""]),
            },
        )
    )  # fmt: skip
    header = PROOF | {"jwk": key} | draw(st.just({}) | bent_header)
    token = forge(draw(st.just(SAID) | json_values), header, draw(st.sampled_from([GATEWAY, GATEWAY, INTAKE])))
    return scratched(draw, token)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_what_proves_possession_to_us_proves_it_to_the_oracle(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(proofs())
    def holds(token: str) -> None:
        expected, (read, reason) = their_proof(token), our_proof(token)
        if read is None:
            assert expected is None or reason in STRICTER_PROOFS, reason
            return
        assert expected is not None
        assert json.loads(expected) == read[0]
        assert {name: read[1][name] for name in JWK} == JWK

    holds()


def test_both_take_a_good_proof() -> None:
    good = forge(SAID, PROOF)
    assert jwt.verify_proof(good, typ="dpop+jwt")[0] == SAID
    assert their_proof(good) == json.dumps(SAID).encode()
