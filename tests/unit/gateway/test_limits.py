"""How often one may ask: counted in a process, or by several in one server."""

import asyncio
import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import rules, shared
from gateway.limits.memory import Memory
from gateway.limits.rules import Policy
from gateway.limits.service import Limits
from gateway.limits.shared import Shared
from shared.auth import Caller
from shared.settings import Settings
from shared.testing import Keys
from tests.listening import listening
from tests.unit.gateway.conftest import Gateway, Upstream, serving

ASSERTION = "e30.eyJzdWIiOiAiaW5tLWNocCJ9.e30"  # {"sub": "inm-chp"}


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def caller(client: str, agency: str = "inm-chp") -> Caller:
    return Caller(client, agency, "INM", "officer", frozenset())


# -- in one process ------------------------------------------------------------------------------------------


@given(st.integers(1, 20), st.integers(1, 90), st.lists(st.floats(0, 40), max_size=150))
def test_no_window_ever_holds_much_more_than_the_quota(quota: int, seconds: int, pauses: list[float]) -> None:
    moment = Time()
    memory, policy = Memory(moment), Policy("p", quota, seconds)
    passed: list[float] = []
    for pause in pauses:
        moment.now += pause
        if memory.hit(policy, "k").wait == 0:
            passed.append(moment.now)
        # A sliding count takes the window before for evenly spread, so at most twice the quota can be near one another.
        assert sum(each > moment.now - seconds for each in passed) <= 2 * quota
        place = int(moment.now // seconds)
        assert sum(int(each // seconds) == place for each in passed) <= quota


@given(st.integers(1, 20), st.integers(1, 90), st.floats(0, 500), st.integers(1, 60), st.floats(0, 100))
def test_who_waits_as_long_as_it_is_told_passes(
    quota: int, seconds: int, start: float, first: int, pause: float
) -> None:
    moment = Time()
    moment.now += start
    memory, policy = Memory(moment), Policy("p", quota, seconds)
    for _ in range(first):
        memory.hit(policy, "k")
    moment.now += pause
    standing = memory.hit(policy, "k")
    for _ in range(quota):
        if standing.wait:
            break
        standing = memory.hit(policy, "k")
    assert standing.wait <= 2 * seconds
    moment.now += standing.wait
    assert memory.hit(policy, "k").wait == 0


def test_what_is_left_counts_down_to_a_refusal() -> None:
    memory, policy = Memory(Time()), Policy("p", 3, 60)
    assert [memory.hit(policy, "k")[1] for _ in range(4)] == [2, 1, 0, 0]
    assert memory.hit(policy, "k").wait > 0
    assert memory.hit(policy, "other").left == 2


def test_strangers_cannot_fill_the_memory() -> None:
    memory, policy = Memory(Time(), generation=100), Policy("p", 3, 60)
    for number in range(5000):
        memory.hit(policy, str(number))
        memory.hit(policy, "regular")
    assert len(memory._young) + len(memory._old) <= 200
    assert memory.hit(policy, "regular").wait > 0  # and nobody is forgotten while he goes on


def test_a_setting_changes_single_limits() -> None:
    found = rules.table("client=5/60 write=2/10")
    assert (found["client"], found["write"]) == (Policy("client", 5, 60), Policy("write", 2, 10))
    assert found["agency"] == rules.table("")["agency"]
    for wrong in ("client", "client=5", "nobody=5/60", "client=0/60", "client=5/0", "client=-1/60"):
        with pytest.raises(ValueError, match="RUTA_LIMITS"):
            rules.table(wrong)


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "expected"),
    [
        ("10.0.0.1", [b"1.2.3.4"], 0, "10.0.0.1"),
        ("10.0.0.1", [b"1.2.3.4"], 1, "1.2.3.4"),
        ("10.0.0.1", [b"6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),  # what the client wrote itself stands before
        ("10.0.0.1", [b"6.6.6.6", b"1.2.3.4, 10.0.0.2"], 2, "1.2.3.4"),
        ("10.0.0.1", [], 1, "10.0.0.1"),
        ("10.0.0.1", [b"evil\xff"], 1, "unknown"),
        ("2001:db8::1:2:3:4", [], 0, "2001:db8::"),
        ("::ffff:1.2.3.4", [], 0, "1.2.3.4"),
        ("", [], 0, "unknown"),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(peer: str, forwarded: list[bytes], hops: int, expected: str) -> None:
    assert rules.address(peer, [(b"x-forwarded-for", each) for each in forwarded], hops) == expected


@pytest.mark.parametrize(
    ("authorization", "body", "expected"),
    [
        (b"Basic aW5tLWNocDp4", b"", "inm-chp"),
        (None, b"client_id=inm-chp&client_secret=x", "inm-chp"),
        (None, f"client_assertion={ASSERTION}".encode(), "inm-chp"),
        (None, b"client_assertion=x", None),
        (None, b"client_assertion=x.%00.y", None),
        (None, b"\xff", None),
        (b"Basic !", b"", None),
        (None, b"", None),
    ],
)
def test_a_token_request_says_in_whose_name_it_speaks(
    authorization: bytes | None, body: bytes, expected: str | None
) -> None:
    assert rules.claimed_client(authorization, body) == expected


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_nothing_in_a_token_request_breaks_the_count(authorization: bytes, body: bytes) -> None:
    for given_body in (body, b"client_assertion=a." + body, b"client_id=" + body):
        rules.claimed_client(None, given_body)
    rules.claimed_client(authorization, body)


async def test_one_client_that_floods_leaves_its_agency_and_its_sisters_alone(settings: Settings) -> None:
    limits = Limits(settings.model_copy(update={"limits": "client=10/60 agency=15/60"}), Time())
    flood = [(await limits.admit(caller("a"), "GET"))[1] for _ in range(1000)]
    assert sum(each is None for each in flood) == 10
    said, refusal = await limits.admit(caller("b"), "GET")
    assert refusal is None
    assert dict(said)[b"ratelimit"].startswith(b'"client";r=9;')  # as if nobody else were there


async def test_what_a_client_is_told_does_not_depend_on_others(settings: Settings) -> None:
    told = []
    for others in (0, 500):
        limits = Limits(settings, Time())
        for number in range(others):
            await limits.admit(caller(f"other-{number}"), "POST")
        told.append([await limits.admit(caller("a"), "POST") for _ in range(3)])
    assert told[0] == told[1]


async def test_an_agency_has_a_limit_of_its_own(settings: Settings) -> None:
    limits = Limits(settings.model_copy(update={"limits": "agency=3/60"}), Time())
    refusals = [(await limits.admit(caller(name), "GET"))[1] for name in "abcd"]
    assert [each is None for each in refusals] == [True, True, True, False]
    assert (await limits.admit(caller("e", agency="dif-chp"), "GET"))[1] is None


# -- at the door -----------------------------------------------------------------------------------------------


async def test_a_flood_gets_429s_and_every_answer_says_how_one_stands(
    settings: Settings, keys: Keys, upstream: Upstream
) -> None:
    """D4."""
    more = {"intake_url": f"http://127.0.0.1:{upstream.port}", "limits": "client=5/600 write=2/600"}
    async with serving(settings.model_copy(update=more), keys) as gateway:
        ask = gateway.request
        first = await gateway.send(ask("POST", "/v1/intake/x", "Idempotency-Key: k", body=b"{}"))
        assert first.headers["ratelimit-policy"] == '"client";q=5;w=600, "write";q=2;w=600'
        assert first.headers["ratelimit"].startswith('"client";r=4;t=')
        answers = [await gateway.send(ask("GET", "/v1/intake/x" if number else "/v1/nobody/x")) for number in range(6)]
        assert [each.status for each in answers] == [404, 200, 200, 200, 429, 429]
        problem = json.loads(answers[-1].body)
        assert problem["code"] == "rate_limited"
        assert 0 < int(answers[-1].headers["retry-after"]) <= 1200
        assert answers[-1].headers["ratelimit"].startswith('"client";r=0;t=')
        token = keys.token(client_id="other")
        other = f"GET /v1/intake/x HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {token}\r\n\r\n"
        assert (await gateway.send(other.encode())).status == 200
    assert len(upstream.requests) == 5


async def test_the_token_endpoint_counts_names_and_addresses(settings: Settings, keys: Keys) -> None:
    more = {"limits": "token-client=2/600 token-address=4/600", "trusted_proxies": 1}

    def request(client: str, address: str) -> bytes:
        body = f"client_id={client}&client_secret=x".encode()  # without grant_type: refused before the database
        return (
            f"POST /oauth/token HTTP/1.1\r\nHost: gw\r\nX-Forwarded-For: 9.9.9.9, {address}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async with serving(settings.model_copy(update=more), keys) as gateway:

        async def statuses(*pairs: tuple[str, str]) -> list[int]:
            return [(await gateway.send(request(*pair))).status for pair in pairs]

        assert await statuses(("a", "1.1.1.1"), ("a", "1.1.1.1"), ("a", "1.1.1.1")) == [400, 400, 429]
        assert await statuses(("a", "2.2.2.2")) == [400]  # a stranger elsewhere locks nobody out
        assert await statuses(("b", "1.1.1.1"), ("c", "1.1.1.1")) == [400, 429]


# -- in one server ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis or Valkey server of our own."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("neither valkey-server nor redis-server is installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("store")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.02)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
async def sharing(store: str) -> AsyncIterator[list[Shared]]:
    made = [Shared(store, Memory()) for _ in range(2)]
    yield made
    for each in made:
        await each.close()


async def test_two_gateways_share_one_limit(sharing: list[Shared]) -> None:
    policy = Policy("client", 10, 600)
    passed = 0
    for number in range(30):
        (standing,) = await sharing[number % 2].hits([(policy, "a")])
        passed += standing.wait == 0
        assert standing.left == max(0, 9 - number)
    assert passed == 10
    assert (await sharing[0].hits([(policy, "b")]))[0].wait == 0


async def test_hits_at_the_same_moment_are_all_counted(sharing: list[Shared]) -> None:
    policy = Policy("client", 10, 600)
    for each in sharing:
        await each.hits([(policy, "first")])  # connecting takes its time
    found = await asyncio.gather(*(sharing[number % 2].hits([(policy, "crowd")]) for number in range(20)))
    assert sum(standing.wait == 0 for (standing,) in found) == 10


async def test_gateways_by_their_settings_share_what_the_store_counts(store: str, settings: Settings) -> None:
    made = [Limits(settings.model_copy(update={"limits_uri": store, "limits": "client=3/600"})) for _ in range(2)]
    refused = [(await made[number % 2].admit(caller("z"), "GET"))[1] is not None for number in range(5)]
    assert refused == [False, False, False, True, True]
    for each in made:
        await each.close()


async def test_a_store_that_is_gone_leaves_each_process_its_own_count(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ruta")
    moment = Time()
    alone = Shared("redis://127.0.0.1:1", Memory(moment), moment)
    policy = Policy("client", 3, 600)
    found = [(await alone.hits([(policy, "a")]))[0].wait for _ in range(5)]
    assert [each > 0 for each in found] == [False, False, False, True, True]  # neither without limit nor closed
    assert [json.loads(each.getMessage())["event"] for each in caplog.records if each.name == "ruta"] == [
        "limits_store_lost"
    ]
    assert shared.UP._value.get() == 0
    await alone.close()


async def test_a_store_that_hangs_costs_one_short_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port:
        moment = Time()
        hanging = Shared(f"redis://127.0.0.1:{port}", Memory(moment), moment)
        started = time.monotonic()
        for _ in range(20):
            assert (await hanging.hits([(Policy("client", 100, 600), "a")]))[0].wait == 0
        assert time.monotonic() - started < 5 * shared.DEADLINE
        await hanging.close()


async def test_a_store_that_comes_back_is_used_again(store: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ruta")
    moment = Time()
    found = Shared(store, Memory(moment), moment)
    found._until, found._down = moment.now + shared.PAUSE, True
    policy = Policy("client", 100, 600)
    await found.hits([(policy, "back")])
    assert "limits_store_back" not in caplog.text
    moment.now += shared.PAUSE
    assert (await found.hits([(policy, "back")]))[0].left == 99
    assert "limits_store_back" in caplog.text
    assert math.isclose(shared.UP._value.get(), 1)
    await found.close()


async def test_a_gateway_names_its_limits_only_after_it_knows_who_asks(gateway: Gateway) -> None:
    answer = await gateway.send(b"GET /v1/intake/x HTTP/1.1\r\nHost: gw\r\n\r\n")
    assert answer.status == 401
    assert "ratelimit" not in answer.headers
