"""Who stands: what the gateway says counts within seconds, and who has not heard it for 30 s believes nobody."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import auth, clock, testing
from shared.jwt import Signer
from shared.testing import ISSUER, private_pem
from shared.trust import standing
from shared.trust.standing import Feed, Follower, Register, Standing
from shared.trust.verifier import Verifier
from tests.unit.shared.forging import GATEWAY, KEYS, MOMENT, NOW, SECONDS, ask, signed_by, verifier

NEW = Signer(private_pem(), ISSUER)


def feed(*signers: Signer, **more: Any) -> Standing:
    keys = [signer.public_jwk() for signer in signers or (GATEWAY,)]
    said = {"at": NOW.isoformat(), "keys": keys, "tokens": [], "clients": {}, "agencies": {}} | more
    return Standing.of(Feed.model_validate(said))


def told(folder: Path, *signers: Signer, **more: Any) -> Verifier:
    ours = verifier(folder, Register())
    ours.take(feed(*signers, **more), clock.now())
    return ours


async def test_who_has_not_heard_from_the_gateway_refuses_its_tokens_but_no_services(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = verifier(tmp_path, Register())
        token, sister = signed_by(GATEWAY), auth.service_token(KEYS.signers["referral"], "intake", "x")
        assert await ask(ours, token) == "standing_unknown"
        assert await ask(ours, signed_by(NEW)) == "standing_unknown", "a key may be new to who heard nothing"
        assert await ask(ours, sister) == "ok"
        ours.take(feed(), NOW)
        assert await ask(ours, token) == "ok"
        clock.advance(30 * SECONDS)
        assert await ask(ours, token) == "ok"
        clock.advance(1 * SECONDS)
        assert await ask(ours, token) == "standing_unknown", "one that was verified before, too"
        assert await ask(ours, signed_by(GATEWAY)) == "standing_unknown"
        assert await ask(ours, "x.y.z") == "unauthenticated"
        assert await ask(ours, sister) == "ok"


async def test_a_clock_that_was_set_back_does_not_make_old_knowledge_young(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = told(tmp_path)
        clock.advance(-6 * SECONDS)
        assert await ask(ours, signed_by(GATEWAY)) == "standing_unknown"


async def test_a_revoked_token_is_refused_though_it_was_verified_before(tmp_path: Path) -> None:
    """T17"""
    with clock.at(NOW):
        ours = told(tmp_path)
        token, other = signed_by(GATEWAY, jti="jti_1"), signed_by(GATEWAY, jti="jti_2")
        assert [await ask(ours, each) for each in (token, other)] == ["ok", "ok"]
        ours.take(feed(tokens=[standing.digest_of("jti_1")]), NOW)
        assert [await ask(ours, each) for each in (token, other)] == ["unauthenticated", "ok"]


@pytest.mark.parametrize(("kind", "subject"), [("clients", "c"), ("agencies", "inm-chp")])
async def test_a_suspension_holds_whatever_the_token_says_and_then_for_older_ones(
    tmp_path: Path, kind: str, subject: str
) -> None:
    """T17"""
    with clock.at(NOW):
        ours = told(tmp_path)
        before = signed_by(GATEWAY)
        stranger = signed_by(GATEWAY, client_id="d", sub="d", agency="dif-chp")
        assert await ask(ours, before) == "ok"
        ours.take(feed(**{kind: {subject: None}}), NOW)
        clock.advance(5 * SECONDS)
        assert await ask(ours, before) == "unauthenticated"
        assert await ask(ours, signed_by(GATEWAY)) == "unauthenticated"
        assert await ask(ours, stranger) == "ok"
        ours.take(feed(**{kind: {subject: MOMENT + 5}}), clock.now())
        assert await ask(ours, before) == "unauthenticated"
        assert await ask(ours, signed_by(GATEWAY)) == "ok"


async def test_the_keys_of_the_feed_are_the_keys_that_count(tmp_path: Path) -> None:
    """T20"""
    with clock.at(NOW):
        ours = told(tmp_path, GATEWAY, NEW)
        old, new = signed_by(GATEWAY), signed_by(NEW)
        assert [await ask(ours, each) for each in (old, new)] == ["ok", "ok"]
        ours.take(feed(NEW), NOW)
        assert [await ask(ours, each) for each in (old, new)] == ["unauthenticated", "ok"]
        assert await ask(ours, signed_by(GATEWAY)) == "unauthenticated", "though the trust file names it"


async def test_what_a_fetch_brought_counts_no_longer_than_until_the_feed_leaves_it_out(tmp_path: Path) -> None:
    async def fetch(_: str) -> Any:
        return {"keys": [NEW.public_jwk(), GATEWAY.public_jwk()]}

    with clock.at(NOW):
        ours = verifier(tmp_path, Register(), fetch, jwks_url="http://gateway.test/jwks")
        third = Signer(private_pem(), ISSUER)
        ours.take(feed(third), NOW)
        new = signed_by(NEW)
        assert await ask(ours, new) == "ok"
        assert await ask(ours, signed_by(GATEWAY)) == "unauthenticated", "the feed has left it out before"
        ours.take(feed(third), NOW)
        assert await ask(ours, new) == "unauthenticated"


async def test_a_broken_feed_changes_nothing(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = told(tmp_path)
        broken = Standing(({**GATEWAY.public_jwk(), "x": "AAAA"},))
        with pytest.raises(Exception, match=r"."):
            ours.take(broken, NOW + 20 * SECONDS)
        clock.advance(20 * SECONDS)
        assert await ask(ours, signed_by(GATEWAY)) == "ok"
        clock.advance(11 * SECONDS)
        assert await ask(ours, signed_by(GATEWAY)) == "standing_unknown"


async def test_nothing_new_forgets_nothing(tmp_path: Path) -> None:
    with clock.at(NOW):
        ours = told(tmp_path)
        assert await ask(ours, signed_by(GATEWAY)) == "ok"
        ours.take(feed(), NOW + 1 * SECONDS)
        assert len(ours._seen) == 1
        ours.take(feed(tokens=[standing.digest_of("another")]), NOW + 2 * SECONDS)
        assert len(ours._seen) == 0


class Pauses:
    """Counts what a follower asks and how long it waits in between, without waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Exception | None) -> None:
        self.left = list(answers)
        self.waited: list[float] = []
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def ask(self) -> None:
        if (answer := self.left.pop(0)) is not None:
            raise answer

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        if not self.left:
            raise asyncio.CancelledError


async def test_it_asks_every_five_seconds_and_sooner_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses(monkeypatch, None, ConnectionError(), ValueError(), None, None)
    follower = Follower(pauses.ask, timedelta(seconds=5))
    with pytest.raises(asyncio.CancelledError):
        await follower.run()
    assert follower.tried.is_set()
    assert [4 <= wait <= 6 for wait in pauses.waited] == [True, False, False, True, True]
    assert all(0.8 <= wait <= 1.2 for wait in pauses.waited[1:3])
    assert len(set(pauses.waited)) > 1


async def test_a_world_without_a_gateway_says_so(tmp_path: Path) -> None:
    runtime = testing.runtime(testing.settings("intake", tmp_path, KEYS, "sqlite:///x"))
    follower = Follower(None, 5 * SECONDS)
    async with asyncio.timeout(1), follower.running():
        await follower.tried.wait()
    assert await ask(runtime.verifier, KEYS.token()) == "ok"
    await runtime.close()
