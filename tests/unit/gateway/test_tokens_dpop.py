"""Tokens that are bound to a key: at the token endpoint, and with the proof at a service (RFC 9449)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared import clock, jwt, testing
from shared.errors import Unauthenticated
from shared.settings import Settings
from shared.testing import ISSUER, EveryoneStands, private_pem
from shared.trust.verifier import Trust, Verifier
from tests.unit.gateway.issuing import BOUND, SECRET, Server, assertion, basic, claims_of, serve
from tests.unit.shared.test_jwt_dpop import PATH, THUMBPRINT, ath
from tests.unit.shared.test_jwt_dpop import proof as made

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
OTHER = jwt.Signer(private_pem(), "another key")


@pytest.fixture
async def server(stored: Settings) -> AsyncIterator[Server]:
    running = await serve(stored)
    yield running
    await running.runtime.close()


def proof(**change: Any) -> bytes:
    """A good proof for a token request now."""
    moment = int(clock.now().timestamp())
    asked: dict[str, Any] = {"htm": "POST", "htu": ISSUER + "/oauth/token", "iat": moment, "ath": None}
    return made(**(asked | change))


def header(sent: bytes) -> dict[str, str]:
    return {"DPoP": sent.decode()}


async def test_a_proof_binds_the_token_and_the_service_asks_for_it(server: Server) -> None:
    answer = await server.ask_by(assertion(BOUND), header(proof()))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    token = answer.json()["access_token"]
    assert claims_of(token)["cnf"] == {"jkt": THUMBPRINT}
    settings = server.runtime.settings.model_copy(update={"service": "intake"})
    trust = Trust({ISSUER: {"keys": [server.runtime.signer.public_jwk()]}})
    intake = Verifier(settings, trust, EveryoneStands())
    for ours in (server.runtime.verifier, intake):  # the gateway and a service, each with a memory of its own
        shown = proof(htu=ISSUER + PATH, ath=ath(token))
        request = testing.request_of(b"DPoP " + token.encode(), method="POST", path=PATH.encode(), proofs=[shown])
        assert (await ours.caller(request)).client_id == "bound"
        with pytest.raises(Unauthenticated):
            await ours.caller(request)


async def test_a_client_that_is_registered_with_it_gets_nothing_without(server: Server) -> None:
    answer = await server.ask_by(assertion(BOUND))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert answer.headers["cache-control"] == "no-store"


async def test_any_other_client_may_and_need_not(server: Server) -> None:
    assert (await server.ask_by(assertion(), header(proof()))).json()["token_type"] == "DPoP"
    assert (await server.ask(basic("dif-chp", SECRET) | header(proof()))).json()["token_type"] == "DPoP"
    answer = (await server.ask_by(assertion())).json()
    assert answer["token_type"] == "Bearer"
    assert "cnf" not in claims_of(answer["access_token"])


@pytest.mark.parametrize(
    "change",
    [
        {"htu": ISSUER + "/oauth/revoke"}, {"htm": "GET"}, {"iat": 1}, {"jti": None},
        {"key": OTHER}, {"header": {"typ": "JWT", "alg": "ES256", "jwk": {}}},
    ],
    ids=["htu", "htm", "iat", "jti", "key", "header"],
)  # fmt: skip
async def test_a_bad_proof_costs_no_assertion(server: Server, change: dict[str, Any]) -> None:
    good = assertion(BOUND)
    answer = await server.ask_by(good, header(proof(**change)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert (await server.ask_by(good, header(proof()))).status_code == 200


async def test_a_proof_gets_one_token(server: Server) -> None:
    once = header(proof())
    assert (await server.ask_by(assertion(BOUND), once)).status_code == 200
    assert (await server.ask_by(assertion(BOUND), once)).json()["error"] == "invalid_dpop_proof"


async def test_who_is_nobody_learns_nothing_of_who_needs_proofs(server: Server) -> None:
    wrong = jwt.Signer(private_pem(), "bound")
    bare, proven = await server.ask_by(assertion(wrong)), await server.ask_by(assertion(wrong), header(proof()))
    assert (bare.status_code, bare.json()) == (proven.status_code, proven.json())
    assert bare.json()["error"] == "invalid_client"
