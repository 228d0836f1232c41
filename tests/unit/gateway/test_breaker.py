"""A service that does not answer costs little; time is moved, nothing sleeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.breaker import FAILURES, LONGEST_PAUSE, RETRY_FLOOR, RETRY_SECONDS, Breaker, Budget, Lane
from shared.errors import Refusal, Unavailable


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        breaker.leave(False, probe=breaker.enter())


def test_a_few_failures_open_nothing(time: Time) -> None:
    breaker = Breaker(time)
    fail(breaker, FAILURES - 1)
    breaker.leave(True, probe=breaker.enter())
    fail(breaker, FAILURES - 1)
    assert not breaker.is_open


def test_an_open_breaker_refuses_and_says_for_how_long(time: Time) -> None:
    breaker = Breaker(time)
    fail(breaker)
    with pytest.raises(Unavailable) as refused:
        breaker.enter()
    assert refused.value.retry_after == 1


def test_after_the_pause_one_request_tries_and_its_success_closes(time: Time) -> None:
    breaker = Breaker(time)
    fail(breaker)
    time.now += 1
    assert breaker.enter() is True
    with pytest.raises(Unavailable):
        breaker.enter()  # the others wait for what the first one learns
    breaker.leave(True, probe=True)
    assert breaker.enter() is False
    assert not breaker.is_open


def test_each_failed_trial_doubles_the_pause_up_to_the_longest(time: Time) -> None:
    breaker = Breaker(time)
    fail(breaker)
    for pause in (1, 2, 4, 8, 16, 30, 30):
        time.now += pause - 0.01
        with pytest.raises(Unavailable):
            breaker.enter()
        time.now += 0.01
        breaker.leave(False, probe=breaker.enter())
    assert LONGEST_PAUSE == 30


def test_a_trial_whose_client_leaves_proves_nothing_and_the_next_one_tries(time: Time) -> None:
    breaker = Breaker(time)
    fail(breaker)
    time.now += 1
    breaker.leave(None, probe=breaker.enter())
    assert breaker.is_open
    assert breaker.enter() is True


def test_late_failures_of_the_past_do_not_lengthen_the_pause(time: Time) -> None:
    breaker = Breaker(time)
    before = [breaker.enter() for _ in range(50)]
    for probe in before:
        breaker.leave(False, probe=probe)
    time.now += 1
    assert breaker.enter() is True


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 40)), max_size=60))
def test_a_retry_is_one_of_a_tenth_of_the_requests_of_the_last_ten_seconds(steps: list[tuple[float, int]]) -> None:
    time = Time()
    budget = Budget(time)
    asked: list[float] = []
    spent: list[float] = []
    for pause, requests in steps:
        time.now += pause
        for _ in range(requests):
            budget.asked()
            asked.append(time.now)
            since = int(time.now) - RETRY_SECONDS + 1
            share = RETRY_FLOOR + 0.1 * sum(each >= since for each in asked)
            allowed = budget.spend()
            assert allowed is (sum(each >= since for each in spent) < share)
            spent += [time.now] * allowed


def test_a_service_has_so_many_places_and_one_client_half_of_them(time: Time) -> None:
    lane = Lane("test", 4, time)
    for client in ("a", "a"):
        lane.enter(client)
    with pytest.raises(Refusal) as own:
        lane.enter("a")
    assert own.value.code == "rate_limited"
    lane.enter("b")
    lane.enter("b")
    with pytest.raises(Unavailable):
        lane.enter("c")
    lane.leave("b", True, probe=False)
    lane.enter("c")


def test_a_request_that_tries_a_service_is_not_repeated(time: Time) -> None:
    lane = Lane("test", 4, time)
    assert lane.may_retry(probe=False)
    assert not lane.may_retry(probe=True)
