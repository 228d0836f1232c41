"""The law of delivery without any delivery: answers, waits, the breaker."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import rules
from shared.delivery.rules import (
    ALARMS,
    OPEN_AFTER,
    SCHEDULE,
    SISTER_SCHEDULE,
    UNCHARGED,
    Breaker,
    Outcome,
    Standing,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL = Standing(0, 4, None)
OF_THE_ENDPOINT = [
    Outcome.MISCONFIGURED, Outcome.BUSY, Outcome.FAILED, Outcome.GONE, Outcome.TIMEOUT, Outcome.UNREACHABLE,
    Outcome.UNKNOWN_NAME, Outcome.TLS_FAILED, Outcome.FORBIDDEN_ADDRESS,
]  # fmt: skip


def after(standing: Standing, *outcomes: Outcome, wait: timedelta | None = None, cap: int = 4) -> Standing:
    for outcome in outcomes:
        standing = rules.after(standing, outcome, NOW, cap=cap, schedule=SCHEDULE, chance=0.5, wait=wait)
    return standing


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (199, Outcome.REFUSED), (200, Outcome.DELIVERED), (202, Outcome.DELIVERED), (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED), (300, Outcome.MISCONFIGURED), (304, Outcome.MISCONFIGURED),
        (307, Outcome.MISCONFIGURED), (400, Outcome.REFUSED), (401, Outcome.MISCONFIGURED),
        (403, Outcome.MISCONFIGURED), (404, Outcome.MISCONFIGURED), (405, Outcome.MISCONFIGURED),
        (409, Outcome.REFUSED), (410, Outcome.GONE), (413, Outcome.REFUSED), (422, Outcome.REFUSED),
        (429, Outcome.BUSY), (500, Outcome.FAILED), (501, Outcome.MISCONFIGURED), (503, Outcome.FAILED),
        (999, Outcome.FAILED),
    ],
)  # fmt: skip
def test_a_status_means(status: int, outcome: Outcome) -> None:
    assert rules.classify(status) is outcome


@pytest.mark.hard_case(25)
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("0", 0), ("7", 7), ("3600", 3600), ("3601", 3600), ("1000000000", 3600),
        ("9" * 5000, 3600), ("-1", None), ("+1", None), ("1.5", None), (" 7", None), ("٧", None), ("²", None),
        ("soon", None), ("Sun, 22 Nov 2026 12:00:00 GMT", 0), ("Sun, 22 Nov 2026 12:10:00 GMT", 600),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0), ("Mon, 23 Nov 2026 12:00:00 GMT", 3600),
        ("Sunday, 22-Nov-26 12:10:00 GMT", 600), ("Sun, 99 Nov 2026 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600), ("Sun, 22 Nov 2026 12:10:00 -9999", None),
    ],
)  # fmt: skip
def test_a_receiver_may_ask_for_patience_up_to_an_hour(value: str | None, seconds: int | None) -> None:
    assert rules.retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text())
def test_no_retry_after_breaks_anything(value: str) -> None:
    wait = rules.retry_after(value, NOW)
    assert wait is None or timedelta() <= wait <= rules.LONGEST_RETRY_AFTER


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 3600), (10_000, 3600)]
)
def test_repetitions_wait_longer_and_longer_and_never_end(attempts: int, seconds: int) -> None:
    assert rules.next_due(attempts, NOW, SCHEDULE, chance=0.5) == NOW + timedelta(seconds=seconds)


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 10**6))
def test_no_wait_is_shorter_than_asked_nor_longer_than_an_hour_and_a_fifth(
    attempts: int, chance: float, asked: int | None
) -> None:
    wanted = None if asked is None else timedelta(seconds=asked)
    for schedule in (SCHEDULE, SISTER_SCHEDULE):
        wait = rules.next_due(attempts, NOW, schedule, chance=chance, retry_after=wanted) - NOW
        step = schedule[min(attempts, len(schedule)) - 1]
        assert 0.8 * step <= wait <= max(1.2 * step, timedelta(hours=1))
        if wanted is not None:
            assert wait >= min(wanted, timedelta(hours=1))


def test_a_receiver_may_choose_a_shorter_longest_wait() -> None:
    ceiling = timedelta(minutes=1)
    waits = [rules.next_due(n, NOW, SCHEDULE, chance=0.5, ceiling=ceiling) - NOW for n in range(1, 9)]
    assert waits == [timedelta(seconds=5), timedelta(seconds=30), *[ceiling] * 6]


def test_an_endpoint_gets_what_it_asked_for() -> None:
    assert rules.wants(None, "a.b")
    assert rules.wants(["a.b"], "a.b")
    assert not rules.wants(["a.b"], "a.c")


# -- the breaker -----------------------------------------------------------------------------------------


def test_every_outcome_is_of_one_kind() -> None:
    of_the_message = {Outcome.REFUSED, Outcome.UNKNOWN}
    assert {*OF_THE_ENDPOINT, *of_the_message, *UNCHARGED, Outcome.DELIVERED} == set(Outcome)
    assert set(ALARMS) < set(OF_THE_ENDPOINT)


@pytest.mark.parametrize("outcome", OF_THE_ENDPOINT)
def test_after_a_failure_one_at_a_time_and_after_five_none_until_the_probe(outcome: Outcome) -> None:
    assert after(WELL, outcome) == Standing(1, 1, None)
    assert rules.breaker(after(WELL, outcome)) is Breaker.PROBING
    opened = after(WELL, *[outcome] * OPEN_AFTER)
    assert opened == Standing(5, 1, NOW + timedelta(seconds=5))
    assert rules.breaker(opened) is Breaker.OPEN


def test_probes_become_rarer_and_never_end() -> None:
    standing, waits = WELL, []
    for _ in range(13):
        standing = after(standing, Outcome.TIMEOUT)
        waits.append((standing.hold_until - NOW).total_seconds() if standing.hold_until else None)
    assert waits == [None, None, None, None, 5, 30, 120, 600, 1800, 3600, 3600, 3600, 3600]


@pytest.mark.hard_case(31)
def test_who_comes_back_gets_one_then_two_then_four() -> None:
    standing, paces = after(WELL, *[Outcome.UNREACHABLE] * 9), []
    for _ in range(4):
        standing = after(standing, Outcome.DELIVERED, cap=6)
        paces.append(standing.pace)
    assert paces == [2, 4, 6, 6]
    assert standing == Standing(0, 6, None)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNKNOWN])
def test_what_is_said_of_one_message_is_not_held_against_the_endpoint(outcome: Outcome) -> None:
    assert after(WELL, *[outcome] * 9) == WELL


@pytest.mark.hard_case(29)
@pytest.mark.parametrize("outcome", sorted(UNCHARGED))
def test_what_is_no_fault_of_the_receiver_changes_nothing(outcome: Outcome) -> None:
    for standing in (WELL, Standing(3, 1, None), Standing(7, 1, NOW)):
        assert after(standing, outcome) == standing


@pytest.mark.hard_case(25)
@pytest.mark.parametrize(
    ("outcome", "held"),
    [(Outcome.BUSY, True), (Outcome.FAILED, True), (Outcome.MISCONFIGURED, False), (Outcome.TIMEOUT, False)],
)
def test_a_receiver_that_asks_for_patience_gets_it_for_all_its_events(outcome: Outcome, held: bool) -> None:
    asked = after(WELL, outcome, wait=timedelta(minutes=10))
    assert asked == Standing(1, 1, NOW + timedelta(minutes=10) if held else None)


def test_patience_that_was_asked_for_is_not_shorter_than_the_probe() -> None:
    assert after(Standing(9, 1, NOW), Outcome.BUSY, wait=timedelta(seconds=1)).hold_until == NOW + timedelta(hours=1)
    longer = after(Standing(4, 1, None), Outcome.BUSY, wait=timedelta(minutes=1))
    assert longer.hold_until == NOW + timedelta(minutes=1)
