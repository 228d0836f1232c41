"""A receiver is asked whether it wants our events (CloudEvents, HTTP webhooks 1.0, part 4), within the same limits."""

import pytest

from shared.delivery.rules import Outcome
from shared.delivery.sender import AGENT, Consent
from tests.unit.delivery.wire import OK, hang, saying, sending, wire
from tests.unit.delivery.wire import on_each_loop as pytest_generate_tests  # noqa: F401  (pytest calls it)


@pytest.mark.parametrize(
    ("answer", "granted", "outcome"),
    [
        (b"200 OK\r\nWebHook-Allowed-Origin: ruta.example.org", True, Outcome.DELIVERED),
        (b"204 OK\r\nwebhook-allowed-origin: RUTA.Example.org", True, Outcome.DELIVERED),
        (b"200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 1", True, Outcome.DELIVERED),
        (b"200 OK\r\nWebHook-Allowed-Origin: evil.example.org", False, Outcome.DELIVERED),
        (b"200 OK\r\nWebHook-Allowed-Origin: ruta.example.org.evil.example", False, Outcome.DELIVERED),
        (b"200 OK\r\nWebHook-Allowed-Origin:", False, Outcome.DELIVERED),
        (b"200 OK", False, Outcome.DELIVERED),
        (b"405 X\r\nWebHook-Allowed-Origin: *", False, Outcome.MISCONFIGURED),
        (b"302 X\r\nlocation: /\r\nWebHook-Allowed-Origin: *", False, Outcome.MISCONFIGURED),
        (b"500 X", False, Outcome.FAILED),
    ],
)  # fmt: skip
async def test_a_receiver_says_whether_it_wants_our_events(answer: bytes, granted: bool, outcome: Outcome) -> None:
    async with wire(saying(b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % answer)) as receiver, sending() as sender:
        asked = await sender.ask_consent(receiver.url, "ruta.example.org", mutual_tls=False)
        assert asked == Consent(granted, outcome)
        assert receiver.got == [
            b"OPTIONS /hook HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nwebhook-request-origin: ruta.example.org\r\n"
            b"user-agent: %s\r\naccept-encoding: identity\r\nAccept: */*\r\n\r\n" % (receiver.port, AGENT.encode())
        ]


async def test_asking_for_consent_has_the_limits_of_a_send() -> None:
    async with wire(hang) as receiver, sending() as sender:
        asked = [(receiver.url, False), (receiver.url, True), ("http://u:p@127.0.0.1/", False)]
        outcomes = [(await sender.ask_consent(url, "a.example", mutual_tls=known)).outcome for url, known in asked]
        assert outcomes == [Outcome.TIMEOUT, Outcome.TLS_FAILED, Outcome.FORBIDDEN_ADDRESS]
    async with wire(saying(OK)) as receiver, sending(allow_loopback=False) as sender:
        asked_inside = await sender.ask_consent(receiver.at("127.0.0.1"), "a.example", mutual_tls=False)
        assert (asked_inside.outcome, receiver.connections) == (Outcome.FORBIDDEN_ADDRESS, 0)
