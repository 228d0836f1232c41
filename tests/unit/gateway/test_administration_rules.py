"""How long keys count, who is one person, what takes two: without any database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.clients import rules
from gateway.clients.rules import Decision, Party, State
from shared import jwt
from shared.errors import IllegalMove
from tests.unit.gateway.administration_world import jwk

START = datetime(2026, 1, 1, tzinfo=UTC)
HALF_A_YEAR = timedelta(days=180)


@dataclass
class Holder:
    """A client, as far as its keys go."""

    jwks: dict[str, Any] = field(default_factory=lambda: {"keys": []})
    created_at: datetime = START


def kids(keys: list[dict[str, Any]]) -> list[str]:
    return [key["kid"] for key in keys]


def test_a_key_counts_for_180_days_and_not_a_moment_longer() -> None:
    holder = Holder({"keys": rules.registered([jwk("a")], START)})
    assert kids(rules.usable_keys(holder, START + HALF_A_YEAR - timedelta(seconds=1))) == ["a"]
    assert rules.usable_keys(holder, START + HALF_A_YEAR) == []


def test_a_key_of_an_older_release_counts_from_its_clients_registration() -> None:
    holder = Holder({"keys": [jwk("a")]})
    assert kids(rules.usable_keys(holder, START + HALF_A_YEAR - timedelta(seconds=1))) == ["a"]
    assert rules.usable_keys(holder, START + HALF_A_YEAR) == []


def test_a_key_is_warned_of_in_its_last_thirty_days() -> None:
    holder = Holder({"keys": rules.registered([jwk("a")], START)})
    assert rules.expiring_keys(holder, START + timedelta(days=150, seconds=-1)) == []
    assert rules.expiring_keys(holder, START + timedelta(days=150)) == ["a"]
    assert rules.expiring_keys(holder, START + HALF_A_YEAR) == []


def test_a_key_that_has_gone_is_remembered_by_what_it_is_not_by_its_name() -> None:
    first, second, third = jwk("a"), jwk("b"), jwk("c")
    holder = Holder({"keys": rules.registered([first], START)})
    holder.jwks = rules.with_key(holder, second, START + timedelta(days=100))
    assert kids(holder.jwks["keys"]) == ["a", "b"]
    holder.jwks = rules.with_key(holder, third, START + HALF_A_YEAR)
    assert kids(holder.jwks["keys"]) == ["b", "c"]
    holder.jwks = rules.without_key(holder, "b")
    assert holder.jwks["former"] == [jwt.thumbprint(first), jwt.thumbprint(second)]
    assert rules.thumbprints(holder.jwks) == {jwt.thumbprint(key) for key in (first, second, third)}
    renamed = first | {"kid": "other", "alg": "ES256"}
    assert jwt.thumbprint(renamed) in rules.thumbprints(holder.jwks)
    with pytest.raises(KeyError):
        rules.without_key(holder, "a")


@pytest.mark.parametrize(
    ("kind", "scopes", "two"),
    [
        ("DIF", ["referral:read"], False), ("INM", ["intake:write"], False), ("CONSULATE", ["consular:read"], True),
        ("CHILD_PROTECTION_ABROAD", ["referral:read"], True), ("OPERATOR", ["referral:read"], True),
        ("OPERATOR", ["gateway:admin"], True), ("DIF", ["gateway:admin"], True),
    ],
)  # fmt: skip
def test_what_takes_two(kind: str, scopes: list[str], two: bool) -> None:
    assert rules.takes_two(kind, scopes) is two


ANA = Party("a-1", "ops", "ana")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Party("a-1", "ops", "ana"), True), (Party("a-2", "ops", "ana"), True), (Party("a-1", "other", None), True),
        (Party("b-1", "ops", "beto"), False), (Party("a-2", "other", "ana"), False), (Party("d-1", "ops", None), False),
        (Party(None, "ops", None), True), (Party(None, "other", None), False),
    ],
)  # fmt: skip
def test_one_person_is_one_client_or_one_number_of_one_agency(other: Party, same: bool) -> None:
    assert ANA.is_also(other) is same
    assert other.is_also(ANA) is same


def test_two_of_an_agency_whose_people_are_not_known_count_as_one() -> None:
    assert Party("x-1", "ops", None).is_also(Party("x-2", "ops", None))


def test_only_a_pending_change_goes_anywhere() -> None:
    goes = {
        Decision.APPROVE: State.APPLIED,
        Decision.REJECT: State.REJECTED,
        Decision.EXPIRE: State.EXPIRED,
    }
    for state in State:
        for decision in Decision:
            if state is State.PENDING:
                assert rules.decided(state, decision) is goes[decision]
            else:
                with pytest.raises(IllegalMove) as refused:
                    rules.decided(state, decision)
                assert refused.value.allowed_actions == []


def test_a_change_waits_seven_days_and_what_is_decided_stays_so() -> None:
    week = timedelta(days=7)
    assert rules.state_at(State.PENDING, START, START + week - timedelta(seconds=1)) is State.PENDING
    assert rules.state_at(State.PENDING, START, START + week) is State.EXPIRED
    for state in (State.APPLIED, State.REJECTED, State.EXPIRED):
        assert rules.state_at(state, START, START + 2 * week) is state
