"""The table of moves, cell by cell."""

from datetime import timedelta
from itertools import product

import pytest

from services.referral.referrals import rules
from services.referral.referrals.rules import NEXT, TRANSITIONS, WHO, Action, Party, ReferralKind, State
from shared.errors import IllegalMove, RefusedByLaw

FINAL = {State.DECLINED, State.COMPLETED, State.NOT_ACHIEVED, State.WITHDRAWN, State.EXPIRED, State.ENTERED_IN_ERROR}


@pytest.mark.parametrize(("state", "action", "party"), list(product(State, Action, Party)))
def test_every_cell_moves_or_refuses(state: State, action: Action, party: Party) -> None:
    legal = {step for (where, step) in TRANSITIONS if where is state and WHO[step] is party}
    if action in legal:
        assert rules.move(state, action, ReferralKind.SERVICE, {party}) is TRANSITIONS[state, action]
        return
    with pytest.raises(IllegalMove) as refused:
        rules.move(state, action, ReferralKind.SERVICE, {party})
    assert set(refused.value.allowed_actions or ()) == legal


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_who_only_reads_moves_nothing(state: State, action: Action) -> None:
    with pytest.raises(IllegalMove) as refused:
        rules.move(state, action, ReferralKind.SERVICE, set())
    assert refused.value.allowed_actions == []


def test_what_has_ended_can_only_have_been_an_error() -> None:
    assert set(State) - rules.LIVE == FINAL
    for state in FINAL:
        assert {action for where, action in TRANSITIONS if where is state} <= {Action.ENTER_IN_ERROR}


def test_after_acceptance_the_recipient_cannot_decline_any_more() -> None:
    declinable = {state for state, action in TRANSITIONS if action is Action.DECLINE}
    assert declinable == {State.SENT, State.RECEIVED, State.UNDELIVERABLE}


@pytest.mark.parametrize("state", sorted(rules.LIVE))
def test_while_a_referral_lives_somebody_acts_next_and_can(state: State) -> None:
    party = NEXT[state]
    assert party is not None
    assert rules.allowed(state, ReferralKind.SERVICE, {party})


@pytest.mark.parametrize("kind", [ReferralKind.PP_NOTICE, ReferralKind.COMAR_NOTICE, ReferralKind.PP_VERIFY])
def test_the_law_lets_nobody_decline_a_notice(kind: ReferralKind) -> None:
    with pytest.raises(RefusedByLaw) as refused:
        rules.move(State.SENT, Action.DECLINE, kind, {Party.RECIPIENT})
    assert refused.value.law is not None
    assert refused.value.law.rule == "LM112"
    assert refused.value.allowed_actions == ["receive", "accept"]


def test_what_the_law_orders_is_not_withdrawn() -> None:
    for kind in set(ReferralKind) - {ReferralKind.SERVICE}:
        with pytest.raises(RefusedByLaw):
            rules.move(State.SENT, Action.WITHDRAW, kind, {Party.SENDER})


def test_the_national_system_cannot_decline_what_a_state_could_not_take() -> None:
    assert rules.move(State.SENT, Action.DECLINE, ReferralKind.DIF_HANDOVER, {Party.RECIPIENT}) is State.DECLINED
    with pytest.raises(RefusedByLaw):
        rules.move(State.SENT, Action.DECLINE, ReferralKind.DIF_HANDOVER, {Party.RECIPIENT}, last_resort=True)


def test_every_kind_and_urgency_has_an_acknowledgement_clock() -> None:
    for kind, urgency in product(ReferralKind, rules.Urgency):
        deadline = rules.acknowledgement(kind, urgency)
        assert isinstance(deadline.warn, timedelta)
        assert isinstance(deadline.due, timedelta)
        assert deadline.warn < deadline.due
        assert deadline in rules.DEADLINES
        assert not deadline.verified
