"""How a client proves itself, and what its token says, on both databases."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.tokens import rules, service, store
from gateway.tokens.models import UsedAssertion
from shared import clock, jwt, testing
from shared.settings import Settings
from shared.testing import EveryoneStands
from shared.trust.verifier import Trust, Verifier
from tests.unit.gateway.issuing import (
    KEY_PEM,
    OTHER_KEY,
    SECRET,
    Server,
    assertion,
    basic,
    digest_of,
    serve,
)  # fmt: skip


@pytest.fixture
async def server(stored: Settings) -> AsyncIterator[Server]:
    made = await serve(stored)
    yield made
    await made.runtime.close()


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "JWT"])
async def test_an_assertion_leads_to_a_token_that_services_accept(server: Server, typ: str) -> None:
    answer = await server.ask_by(assertion(typ=typ))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 300,
        "scope": "intake:read referral:read referral:write",
    }  # fmt: skip
    settings = server.runtime.settings.model_copy(update={"service": "referral"})
    async with testing.client(server.app) as client:
        trust = Trust({testing.ISSUER: (await client.get("/.well-known/jwks.json")).json()})
    request = testing.request_of(f"Bearer {answer.json()['access_token']}".encode())
    caller = await Verifier(settings, trust, EveryoneStands()).caller(request)
    assert (caller.client_id, caller.agency, caller.agency_kind) == ("pp-chp-system", "pp-chp", "PP")
    assert (caller.role, caller.state, caller.office, caller.country) == ("officer", "MX-CHP", None, None)


async def test_a_token_holds_these_claims_and_no_others(server: Server) -> None:
    consulate = jwt.Signer(KEY_PEM, "con-hnd-tap")
    token = (await server.ask_by(assertion(consulate))).json()["access_token"]
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": server.runtime.signer.kid}
    assert payload.pop("exp") - payload.pop("iat") == 300
    assert payload.pop("jti").startswith("jti_")
    assert payload == {
        "iss": testing.ISSUER, "aud": "ruta", "sub": "con-hnd-tap", "client_id": "con-hnd-tap",
        "scope": "consular:read consular:write", "agency": "con-hnd-tapachula",
        "agency_kind": "CONSULATE", "role": "officer", "office": "x-1", "country": "HND",
    }  # fmt: skip


async def test_an_assertion_counts_once_even_after_a_restart(server: Server) -> None:
    used = assertion()
    assert (await server.ask_by(used)).status_code == 200
    assert (await server.ask_by(used)).json()["error"] == "invalid_client"
    restarted = await Server.started(server.runtime.settings)
    assert (await restarted.ask_by(used)).status_code == 401
    await restarted.runtime.close()


async def test_used_assertions_are_forgotten_only_when_nobody_could_use_them(server: Server) -> None:
    used = assertion()
    assert (await server.ask_by(used)).status_code == 200
    now = clock.now()
    for after, left in ((62, 1), (120, 0)):
        async with server.runtime.database.work() as session:
            await store.prune(session, now + timedelta(seconds=after))
        async with server.runtime.database.work() as session:
            unused = UsedAssertion(client_id="pp-chp-system", jti_digest=digest_of(used), expires_at=now)
            assert await store.use(session, unused) is (left == 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "http://gateway.test/oauth/token"}, {"aud": [testing.ISSUER]}, {"aud": None}, {"aud": "ruta"},
        {"sub": "dif-chp"}, {"sub": None}, {"sub": 7}, {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": "j" * 257},
        {"life": 61}, {"life": -10}, {"typ": "at+jwt"}, {"typ": "service+jwt"}, {"signer": OTHER_KEY},
        {"signer": jwt.Signer(testing.private_pem(), "nobody")},
    ],
    ids=lambda wrong: "-".join(f"{name}={value}" for name, value in wrong.items() if name != "signer") or "signer",
)  # fmt: skip
async def test_a_wrong_assertion_is_refused_and_every_refusal_reads_alike(
    server: Server, wrong: dict[str, Any]
) -> None:
    answer = await server.ask_by(assertion(**wrong))
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_client", "error_description": "The client is not known or did not prove itself."
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"


async def test_an_old_or_future_assertion_is_refused(server: Server) -> None:
    for minutes in (-5, 5):
        with clock.at(clock.now() + timedelta(minutes=minutes)):
            made = assertion()
        assert (await server.ask_by(made)).status_code == 401


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.e30", "..", "." * 5000, "e30." + "W1td" * 900 + ".e30"])
async def test_what_is_no_assertion_at_all_is_an_invalid_client(server: Server, text: str) -> None:
    assert (await server.ask_by(text)).json()["error"] == "invalid_client"


async def test_a_client_id_beside_the_assertion_must_be_its_subject(server: Server) -> None:
    assert (await server.ask_by(assertion(), client_id="pp-chp-system")).status_code == 200
    assert (await server.ask_by(assertion(), client_id="dif-chp")).status_code == 401


async def test_a_disabled_client_gets_no_token(server: Server) -> None:
    assert (await server.ask_by(assertion(jwt.Signer(KEY_PEM, "gone")))).status_code == 401


async def test_the_sandbox_takes_a_shared_secret_in_both_ways(server: Server) -> None:
    assert (await server.ask(basic("dif-chp", SECRET))).status_code == 200
    assert (await server.ask(client_id="dif-chp", client_secret=SECRET)).status_code == 200


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("dif-chp", "wrong"), ("dif-chp", ""), ("nobody", SECRET), ("pp-chp-system", SECRET), ("gone", SECRET),
     ("", SECRET), ("dif-chp\0", SECRET), ("x" * 3000, SECRET), ("ñ", "ñ")],
)  # fmt: skip
async def test_an_unknown_client_and_a_wrong_secret_look_alike(server: Server, client_id: str, secret: str) -> None:
    answer = await server.ask(basic(client_id, secret))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="ruta"'
    assert answer.json()["error"] == "invalid_client"


async def test_an_unknown_client_costs_the_same_work(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def counting(name: str, real: Any) -> Any:
        def counted(*args: Any, **more: Any) -> Any:
            done.append(name)
            return real(*args, **more)

        return counted

    for name in ("public_key", "verify"):
        monkeypatch.setattr(jwt, name, counting(name, getattr(jwt, name)))
    work = []
    for made in (assertion(OTHER_KEY), assertion(jwt.Signer(testing.private_pem(), "nobody"))):
        done.clear()
        assert (await server.ask_by(made)).status_code == 401
        work.append(list(done))
    assert work[0] == work[1] != []


async def test_production_takes_no_shared_secret(stored: Settings) -> None:
    sandbox = await serve(stored)
    production = Server(sandbox.runtime)
    production.runtime.settings = stored.model_copy(update={"environment": "production"})
    right, wrong = await production.ask(basic("dif-chp", SECRET)), await production.ask(basic("dif-chp", "wrong"))
    assert (right.status_code, right.json()) == (wrong.status_code, wrong.json())
    assert right.status_code == 401
    methods = service.metadata(production.runtime).token_endpoint_auth_methods_supported
    assert methods == ["private_key_jwt"]
    await sandbox.runtime.close()


async def test_scopes_may_be_fewer_and_never_more(server: Server) -> None:
    assert (await server.ask_by(assertion(), scope="referral:read")).json()["scope"] == "referral:read"
    for scope in ("referral:admin", "referral:read intake:write", "referral:read  intake:read", "é", "a\tb"):
        answer = await server.ask_by(assertion(), scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_malformed_requests_are_told_apart(server: Server) -> None:
    async def error(content: str, media_type: str = rules.FORM, **headers: str) -> str:
        async with testing.client(server.app) as client:
            answer = await client.post("/oauth/token", content=content, headers={"Content-Type": media_type} | headers)
            assert answer.status_code == (401 if answer.json()["error"] == "invalid_client" else 400)
            return str(answer.json()["error"])

    assert await error("{}", "application/json") == "invalid_request"
    assert await error("") == "invalid_request"
    assert await error("scope=x") == "invalid_request"
    assert await error("grant_type=password&username=a&password=b") == "unsupported_grant_type"
    assert await error("grant_type=client_credentials") == "invalid_client"
    assert await error("grant_type=client_credentials&grant_type=client_credentials") == "invalid_request"
    assert await error("grant_type=client_credentials&client_assertion=x") == "invalid_request"
    assert await error("grant_type=client_credentials&client_id=%ff&client_secret=x") == "invalid_request"
    both = "grant_type=client_credentials&client_id=dif-chp&client_secret=x"
    assert await error(both, **basic("dif-chp", SECRET)) == "invalid_request"
    assert await error("grant_type=client_credentials", Authorization="Bearer x") == "invalid_client"
    assert await error("grant_type=client_credentials&x=" + "y" * 20_000) == "invalid_request"


async def test_two_authorization_headers_get_no_token(server: Server) -> None:
    twice = [("Authorization", basic("dif-chp", SECRET)["Authorization"])] * 2
    async with testing.client(server.app) as client:
        answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=twice)
    assert answer.status_code == 401


async def test_the_metadata_say_where_everything_is(server: Server) -> None:
    async with testing.client(server.app) as client:
        answer = await client.get("/.well-known/oauth-authorization-server")
        keys = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == keys.headers["cache-control"] == "public, max-age=300"
    assert answer.json()["issuer"] == testing.ISSUER
    assert answer.json()["token_endpoint"] == f"{testing.ISSUER}/oauth/token"
    assert answer.json()["revocation_endpoint"] == f"{testing.ISSUER}/oauth/revoke"
    assert answer.json()["dpop_signing_alg_values_supported"] == ["ES256"]
    assert answer.json()["revocation_endpoint_auth_methods_supported"][0] == "private_key_jwt"
    assert answer.json()["jwks_uri"] == f"{testing.ISSUER}/.well-known/jwks.json"
    assert {name for key in keys.json()["keys"] for name in key} == {"kty", "crv", "x", "y", "kid", "alg", "use"}
