"""Bytes that nobody would send: never another exception than the one that says so, and never slowly."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tokens import rules
from gateway.tokens.rules import OAuthError
from shared import auth, clock, jwt, testing
from shared.errors import Refusal
from shared.jwt import BadToken
from shared.testing import ISSUER
from shared.trust import dpop
from shared.trust.dpop import BadProof
from tests.unit.shared.forging import CLAIMS, GATEWAY, HEADER, NOW, b64, forge, text, verifier

KEY = jwt.public_key(GATEWAY.public_jwk())
EXAMPLES = [150, pytest.param(10_000, marks=pytest.mark.long)]
signed = st.tuples(st.binary(max_size=300), st.binary(max_size=300)).map(lambda parts: forge(parts[0], parts[1]))
json_like = st.text('{}[]",:0123456789.eE+-\\u d8a"truefalsn', max_size=200).map(str.encode)
good_header = st.one_of(st.binary(max_size=200), json_like).map(lambda payload: forge(payload, HEADER))
shaped = st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.binary(min_size=64, max_size=64)).map(
    lambda parts: ".".join(b64(part) for part in parts)
)
proof_headers = st.one_of(json_like, st.binary(max_size=200)).map(
    lambda key: forge(text(CLAIMS), b'{"typ":"dpop+jwt","alg":"ES256","jwk":' + key + b"}")
)
anything = st.text(max_size=300) | signed | good_header | shaped | proof_headers


def encoded(token: str) -> bytes:
    return token.encode("utf-8", "replace")


def run(examples: int, strategy: Any, holds: Any) -> None:
    given_each: Any = given(strategy)
    settings(max_examples=examples, deadline=None)(given_each(holds))()


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_a_token_is_good_or_bad_and_nothing_else(examples: int) -> None:
    def holds(token: str) -> None:
        with pytest.raises(BadToken):
            jwt.verify(
                token, KEY, typ="at+jwt", issuer=ISSUER, audience="ruta", longest=auth.ACCESS_LIFE,
                required=frozenset(),
            )  # fmt: skip
        try:
            jwt.verify_proof(token, typ="dpop+jwt")
        except BadToken:
            pass

    with clock.at(NOW):
        run(examples, anything, holds)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_a_proof_is_good_or_bad_and_nothing_else(examples: int) -> None:
    def holds(given: tuple[list[bytes], str, str]) -> None:
        proofs, method, address = given
        with pytest.raises(BadProof):
            dpop.read(proofs, method=method, address=address, token="t")

    headers = st.lists(st.binary(max_size=200) | anything.map(encoded), max_size=2)
    run(examples, st.tuples(headers, st.text(max_size=8), st.text(max_size=60)), holds)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_an_address_has_a_spelling_or_none(examples: int) -> None:
    pieces = st.lists(
        st.sampled_from(["http:", "//", "/", "a", "..", ".", "%2e", "%", "@", ":", "80", "[", "]", "?", "#"])
    )

    def holds(address: str) -> None:
        try:
            spelled = dpop.normalised(address)
        except BadProof:
            return
        assert dpop.normalised(spelled) == spelled

    run(
        examples,
        st.text(max_size=60) | pieces.map("".join) | pieces.map(lambda each: "http://h/" + "".join(each)),
        holds,
    )


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
async def test_whatever_credentials_a_request_has_it_is_refused_in_order(examples: int, tmp_path: Any) -> None:
    ours = verifier(tmp_path)
    schemes = st.sampled_from([b"Bearer ", b"DPoP ", b"bearer", b"Basic ", b""])
    values = st.tuples(schemes, anything.map(encoded) | st.binary(max_size=80))

    def holds(given: tuple[list[tuple[bytes, bytes]], bytes, list[bytes]]) -> None:
        authorization, path, proofs = given
        scope = testing.request_of(*(scheme + value for scheme, value in authorization), path=path, proofs=proofs)
        with clock.at(NOW), pytest.raises(Refusal) as caught:
            ours.caller(scope).send(None)
        assert caught.value.code == "unauthenticated"

    run(
        examples,
        st.tuples(st.lists(values, max_size=2), st.binary(max_size=20), st.lists(st.binary(), max_size=2)),
        holds,
    )


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_a_form_is_read_or_refused_in_oauths_words(examples: int) -> None:
    fields = [
        "grant_type",
        "client_credentials",
        "client_id",
        "client_secret",
        "client_assertion",
        "token",
        "scope",
        "x",
    ]
    pieces = st.lists(
        st.sampled_from([*fields, "=", "&", "%", "%00", "+", ";", "é", rules.ASSERTION_TYPE]), max_size=12
    )
    bodies = st.binary(max_size=200) | pieces.map(lambda each: "".join(each).encode())
    basic = st.binary(max_size=60).map(lambda raw: b"Basic " + base64.b64encode(raw))
    told: set[str] = set()
    authorizations = st.none() | st.binary(max_size=60) | basic

    def holds(given: tuple[bytes | None, bytes, str]) -> None:
        authorization, body, media_type = given
        for read in (rules.read, rules.read_revocation):
            try:
                read(authorization, media_type, body)
            except OAuthError as error:
                told.add(error.error)

    media_types = st.just(rules.FORM) | st.text(max_size=20)
    run(examples, st.tuples(authorizations, bodies, media_types), holds)
    assert told <= {"invalid_request", "invalid_client", "unsupported_grant_type"}


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.timeout(600)
def test_an_assertion_says_who_it_is_from_or_nobody(examples: int) -> None:
    def holds(assertion: str) -> None:
        told.add(type(rules.claimed_subject(assertion)))

    told: set[type] = set()
    run(examples, anything, holds)
    assert type(None) in told
    assert told <= {type(None), str}
