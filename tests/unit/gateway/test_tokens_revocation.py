"""What no longer counts: tokens given back, clients and agencies suspended; here at once, at services in seconds."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.clients import store as client_store
from gateway.clients.models import Suspension
from gateway.clients.rules import Reason, Subject
from gateway.standing import service as standing_service
from gateway.tokens import store
from shared import auth, clock, ids, jwt, testing
from shared.runtime import Runtime
from shared.settings import Settings
from shared.testing import Keys
from shared.trust import feed
from shared.trust.standing import OLDEST, PATH, SCOPE, digest_of
from tests.unit.gateway.issuing import KEY, KEY_PEM, Server, assertion, claims_of, serve, told

CONSULATE = jwt.Signer(KEY_PEM, "con-hnd-tap")
SECONDS = timedelta(seconds=1)
ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what is the same rule whichever database holds the rows."""


@pytest.fixture
async def server(stored: Settings) -> AsyncIterator[Server]:
    made = await serve(stored)
    yield made
    await made.runtime.close()


class Intake:
    """A service that asks the gateway's own app, in process, whenever a test lets it."""

    def __init__(self, server: Server, keys: Keys) -> None:
        folder = server.runtime.settings.trust_file.parent / "intake"
        folder.mkdir()
        self.runtime = Runtime.build(testing.settings("intake", folder, keys, "sqlite+aiosqlite://"))
        transport = httpx.ASGITransport(app=server.app)
        self.runtime.peers._client = httpx.AsyncClient(transport=transport)

    async def polls(self) -> None:
        await feed.ask(self.runtime)

    async def takes(self, token: str) -> str:
        return await told(self.runtime, token)


@pytest.fixture
async def intake(server: Server, keys: Keys) -> AsyncIterator[Intake]:
    made = Intake(server, keys)
    yield made
    await made.runtime.close()


async def suspend(server: Server, kind: Subject, subject: str) -> str:
    made = Suspension(
        id=ids.new("sus"), kind=kind, subject=subject, reason=Reason.INCIDENT, since=clock.now(), by="admin"
    )
    async with server.runtime.database.work() as session:
        session.add(made)
    return made.id


async def lift(server: Server, suspension_id: str, at: datetime) -> None:
    async with server.runtime.database.work() as session:
        found = await client_store.find_suspension(session, suspension_id)
        assert found is not None
        found.lifted_at = at


async def test_a_token_that_was_given_back_counts_nowhere(server: Server, intake: Intake) -> None:
    token, other = await server.token(), await server.token()
    await intake.polls()
    assert [await each.takes(token) for each in (server, intake)] == ["ok", "ok"]
    answer = await server.revoke(token, assertion())
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert await server.takes(token) == "unauthenticated", "here at once"
    await intake.polls()
    assert await intake.takes(token) == "unauthenticated"
    assert [await each.takes(other) for each in (server, intake)] == ["ok", "ok"]
    again = await server.revoke(token, assertion())
    assert again.status_code == 200


async def test_another_gateway_on_the_same_database_hears_of_it(server: Server) -> None:
    second = await Server.started(server.runtime.settings)
    token = await server.token()
    assert await second.takes(token) == "ok"
    await server.revoke(token, assertion())
    await second.looks()
    assert await second.takes(token) == "unauthenticated"
    await second.runtime.close()


@ONE_DATABASE
async def test_nobody_revokes_what_is_anothers(server: Server) -> None:
    token = await server.token()
    answer = await server.revoke(token, assertion(CONSULATE))
    assert (answer.status_code, answer.content) == (200, b"")
    await server.looks()
    assert await server.takes(token) == "ok"


@ONE_DATABASE
@pytest.mark.parametrize("token", ["x", "a.b.c", "." * 5000])
async def test_what_is_no_token_of_ours_is_revoked_already(server: Server, token: str) -> None:
    assert (await server.revoke(token, assertion())).status_code == 200
    expired = KEY.sign({}, typ="at+jwt", life=timedelta(seconds=1))
    assert (await server.revoke(expired, assertion())).status_code == 200


@ONE_DATABASE
async def test_who_revokes_proves_who_it_is_as_for_a_token(server: Server) -> None:
    token, used = await server.token(), assertion()
    assert (await server.ask_by(used)).status_code == 200
    for wrong in (used, assertion(aud="ruta"), assertion(jwt.Signer(testing.private_pem(), "nobody")), "x"):
        started = asyncio.get_running_loop().time()
        answer = await server.revoke(token, wrong)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert asyncio.get_running_loop().time() - started >= 0.05, "as slowly as any other refusal"
    assert (await server.revoke("", assertion())).json()["error"] == "invalid_request"
    assert await server.takes(token) == "ok"


async def test_revoked_tokens_are_forgotten_when_they_would_have_expired_anyway(server: Server) -> None:
    token = await server.token()
    await server.revoke(token, assertion())
    now = clock.now()
    for after, left in ((304, 1), (320, 0)):
        async with server.runtime.database.work() as session:
            await store.prune(session, now + timedelta(seconds=after))
            assert len(await store.revoked(session, now)) == left


@pytest.mark.parametrize(("kind", "subject"), [(Subject.CLIENT, "pp-chp-system"), (Subject.AGENCY, "pp-chp")])
async def test_a_suspension_stops_tokens_old_and_new_until_it_is_lifted(
    server: Server, intake: Intake, kind: Subject, subject: str
) -> None:
    with clock.at(clock.now()):
        token, stranger = await server.token(), await server.token(CONSULATE)
        await intake.polls()
        suspension = await suspend(server, kind, subject)
        refused = await server.ask_by(assertion())
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert (await server.revoke(token, assertion())).status_code == 401
        for each in (server.looks, intake.polls):
            await each()
        assert [await each.takes(token) for each in (server, intake)] == ["unauthenticated"] * 2
        assert [await each.takes(stranger) for each in (server, intake)] == ["ok"] * 2
        clock.advance(10 * SECONDS)
        await lift(server, suspension, clock.now())
        new = await server.token()
        for each in (server.looks, intake.polls):
            await each()
        assert [await each.takes(token) for each in (server, intake)] == ["unauthenticated"] * 2
        assert [await each.takes(new) for each in (server, intake)] == ["ok"] * 2


async def test_of_several_suspensions_the_one_that_refuses_more_counts(server: Server) -> None:
    now = clock.now()
    first = await suspend(server, Subject.CLIENT, "pp-chp-system")
    await lift(server, first, now)
    second = await suspend(server, Subject.CLIENT, "pp-chp-system")
    async with server.runtime.database.work(write=False) as session:
        assert (await standing_service.read(session)).clients["pp-chp-system"] is None
    await lift(server, second, now - timedelta(minutes=1))
    async with server.runtime.database.work(write=False) as session:
        assert (await standing_service.read(session)).clients["pp-chp-system"] == int(now.timestamp())


@ONE_DATABASE
async def test_from_the_suspension_to_the_last_refusal_are_at_most_thirty_seconds(
    server: Server, intake: Intake
) -> None:
    """Whatever happens to the polls: a service that hears nothing refuses everybody by then."""
    with clock.at(clock.now()):
        token = await server.token()
        await intake.polls()
        clock.advance(SECONDS / 1000)
        await suspend(server, Subject.AGENCY, "pp-chp")
        slowest_poll = feed.EVERY * 1.2 + 3 * SECONDS  # jitter, and how long one attempt may take
        assert slowest_poll < OLDEST
        clock.advance(OLDEST)
        assert await intake.takes(token) == "standing_unknown"
        await intake.polls()
        assert await intake.takes(token) == "unauthenticated"


@ONE_DATABASE
async def test_the_feed_is_for_sister_services_and_nobody_who_comes_from_outside(server: Server, keys: Keys) -> None:
    def bearer(token: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"} | more

    sister = auth.service_token(keys.signers["intake"], "gateway", SCOPE)
    async with testing.client(server.app) as client:

        async def answer(headers: dict[str, str]) -> Any:
            return await client.get(PATH, headers=headers)

        good = await answer(bearer(sister))
        assert good.status_code == 200
        assert good.json()["clients"] == {"gone": None}
        assert good.headers["cache-control"] == "no-store"
        assert (await answer({})).status_code == 401
        assert (await answer(bearer(await server.token()))).status_code == 403
        assert (await answer(bearer(auth.service_token(keys.signers["intake"], "referral", SCOPE)))).status_code == 401
        assert (await answer(bearer(auth.service_token(keys.signers["intake"], "gateway", "x")))).status_code == 403
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"):
            assert (await answer(bearer(sister, **{name: "x"}))).status_code == 404
            assert (await answer({name: "x"})).status_code == 404


@ONE_DATABASE
async def test_the_feed_names_a_revoked_token_by_its_digest_alone(server: Server) -> None:
    token = await server.token()
    await server.revoke(token, assertion())
    async with server.runtime.database.work(write=False) as session:
        said = await standing_service.read(session)
    assert said.tokens == [digest_of(claims_of(token)["jti"])]


@ONE_DATABASE
async def test_a_gateway_that_does_not_know_who_stands_issues_nothing(server: Server) -> None:
    blind = Server(Runtime.build(server.runtime.settings))
    answer = await blind.ask_by(assertion())
    assert (answer.status_code, answer.json()["code"]) == (503, "standing_unknown")
    async with testing.client(blind.app) as client:
        assert (await client.get("/.well-known/jwks.json")).status_code == 503
    await blind.runtime.close()


async def test_the_feed_says_nothing_before_there_is_a_key(stored: Settings, keys: Keys) -> None:
    """Else a service that starts together with the gateway would learn that no key counts."""
    new = Server(Runtime.build(stored))
    sister = auth.service_token(keys.signers["intake"], "gateway", SCOPE)
    async with testing.client(new.app, sister) as client:
        assert (await client.get(PATH)).json()["code"] == "standing_unknown"
        await new.looks()
        assert len((await client.get(PATH)).json()["keys"]) == 2
    await new.runtime.close()
